-- Public tests.
local common = include "common.inc"

leaderboard { name = "cycles", order = "asc" }

test "tables" { points = 10, limit = { cycles = 4e8 } } (function(t)
  local vm = common.sens19(t)
  for i, name in ipairs { "sgdt", "sidt", "sldt", "str", "smsw" } do common.row(t, vm, i, name) end
end)

test "segments" { points = 15, limit = { cycles = 4e8 } } (function(t)
  local vm = common.sens19(t)
  common.row(t, vm, 8, "lar")
  common.row(t, vm, 9, "lsl")
  common.row(t, vm, 10, "verr")
  common.row(t, vm, 11, "verw")
  common.row(t, vm, 12, "push")
  common.row(t, vm, 14, "mov")
end)

test "flags" { points = 20, limit = { cycles = 1e8 } } (function(t)
  local vm, held = common.labflags(t)
  t:board("cycles", vm.cycles)
  for _, one in ipairs { { "pushf", "PUSHF shows the guest's IF" }, { "popf", "POPF sets and clears it" }, { "iopl", "and its IOPL" } } do
    t:part(one[1], 1, function() t:ok(held & common.bit[one[1]] ~= 0, one[2]) end)
  end
end)

test "whatever is rewritten" { points = 15, limit = { cycles = 1e8 } } (function(t)
  local _, held = common.labflags(t)
  for name in pairs(common.bit) do
    if name ~= "registers" and name ~= "flags" and name ~= "stack" then t:ok(held & common.bit[name] ~= 0, name .. " is right; only then the rest counts") end
  end
  t:ok(held & common.bit.flags ~= 0, "CF, PF, AF, ZF, SF survive CLI, STI and PUSHF")
  t:ok(held & common.bit.registers ~= 0, "so do registers")
  t:ok(held & common.bit.stack ~= 0, "and what is on the stack")
end)
