-- Hidden tests: a small Unix on the student's handlers, and the price.
local common = include "common.inc"

test "a Unix" { points = 20, limit = { cycles = 2e9, lua = 2e8 }, visibility = "after_due_date", hint = "which of its instructions had you not met before?" } (function(t)
  local vm = t:boot { cpu = "te", guest = "mini", module = "mini.img", append = 'run="echo one; ps"', set = { ["cpu.virtualizable"] = 1 },
                      handlers = t.submission }
  vm:run {}
  t:match(vm.serial, "one", "what its shell printed")
  t:ok(vm.ended and vm.exit_code == 0, "it ended well")
end)

test "the price" { points = 10, limit = { cycles = 5e7 }, visibility = "after_due_date", hint = "what does each call cost, and do you need it?" } (function(t)
  local vm = t:boot { cpu = "te", guest = "popf", ram = "4M", handlers = t.submission }
  vm:run {}
  common.ends(t, vm, "popf: done")
  t:scale(vm.costs.emulate // (vm.exits.privileged + vm.exits.port), 445, 640, "cycles of emulation for each instruction that trapped")
end)
