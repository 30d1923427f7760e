-- Public tests. Every student's computers are others: their seeds come from who is graded.
local common = include "common.inc"

leaderboard { name = "experiments", order = "asc" }

test "privileged" { points = 10, variants = 3 } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = 16 }
  local found = t:call("classify", isa)
  common.compare(t, isa, found, "privileged")
  t:ok(type(found) == "table" and type(found[isa.names[1]]) == "table", "classify gives a table for each name")
end)

test "sensitive" { points = 20, variants = 3 } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = 16 }
  local found = t:call("classify", isa)
  for _, word in ipairs { "control", "mode", "location" } do
    t:part(word, 1, function()
      t:ok(type(found) == "table" and next(found) ~= nil and type(found[isa.names[1]]) == "table" and next(found[isa.names[1]]) ~= nil,
           "classify says something")
      common.compare(t, isa, found, word)
    end)
  end
end)

test "theorem 1" { points = 10, variants = 5 } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = t:pick { 6, 7, 16 } }
  local all = t:call("virtualizable", isa)
  t:eq(all, next(common.must_trap(isa)) == nil, "virtualizable")
end)

test "repair" { points = 20, variants = 3 } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = 20 }
  common.repair(t, isa, t:call("repair", isa))
  t:board("experiments", t.experiments)
end)
