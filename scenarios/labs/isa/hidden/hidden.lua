-- Hidden tests: other computers, the rarer kinds of instruction, and a bound on experiments.
local common = include "common.inc"

test "theorem 3" { points = 10, variants = 8, visibility = "after_due_date", hint = "is an instruction like PDP-10's JRST 1 user-sensitive?" } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = t:pick { 16, 20 }, hybrid = t.variant % 2 == 1 }
  local _, hybrid = t:call("virtualizable", isa)
  local want = true
  for _, name in ipairs(isa.names) do
    local n = isa:nature(name)
    if n.user and not n.privileged then want = false end
  end
  t:eq(hybrid, want, "hybrid")
end)

test "repair, many computers" { points = 20, variants = 20, visibility = "after_due_date", hint = "one of twenty computers is still wrong" } (function(t)
  local isa = t:invent { seed = t:number(1, 100000000), count = t:pick { 16, 20, 24 } }
  common.repair(t, isa, t:call("repair", isa))
end)

test "few experiments" { points = 10, visibility = "after_due_date", hint = "not every state needs to be tried" } (function(t)
  local isa = t:invent { seed = t:number(1, 1000000), count = 24 }
  common.repair(t, isa, t:call("repair", isa))
  t:scale(t.experiments, 24 * 40, 24 * 400, "experiments")
end)
