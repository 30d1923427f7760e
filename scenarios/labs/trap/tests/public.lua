-- Public tests.
local common = include "common.inc"

leaderboard { name = "cycles", order = "asc" }

test "interrupts" { points = 15, limit = { cycles = 5e7 } } (function(t)
  local _, held = common.labtrap(t)
  for _, name in ipairs { "cli", "sti", "hlt" } do
    t:part(name, 1, function() t:ok(held & common.bit[name] ~= 0, name .. " does what the manual says") end)
  end
end)

test "ports" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local _, held, salt = common.labtrap(t)
  t:ok(held & common.bit.out ~= 0, "a device gets what OUT sends")
  t:ok(held & common.bit["in"] ~= 0, "IN gives what the device says")
  local mask = (salt | 1) & 0xFF -- who remembers what was sent, and asks no device, has not emulated it
  t:sequence { { kind = "port", port = 0x21, out = 1, value = mask }, { kind = "port", port = 0x21, out = 0, value = mask } }
  t:part("the rest of EAX", 1, function() t:ok(held & common.bit.wide ~= 0, "IN AL leaves the rest of EAX alone") end)
end)

test "control registers" { points = 15, limit = { cycles = 5e7 } } (function(t)
  local vm, held = common.labtrap(t)
  for _, name in ipairs { "clts", "cr", "cr2" } do
    t:part(name, 1, function() t:ok(held & common.bit[name] ~= 0, name .. ": as the manual says") end)
  end
end)

test "user programs are not the kernel" { points = 20, limit = { cycles = 5e7 } } (function(t)
  local vm = t:boot { cpu = "te", guest = "rings", ram = "4M", handlers = t.submission }
  vm:run {}
  common.ends(t, vm, "rings: ok")
  t:sequence { { exit = "privileged" }, { kind = "inject", vector = "GP" } }
end)

test "a whole kernel" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local vm = t:boot { cpu = "te", guest = "popf", ram = "4M", handlers = t.submission }
  vm:run {}
  common.ends(t, vm, "popf: done")
  t:board("cycles", vm.cycles)
end)
