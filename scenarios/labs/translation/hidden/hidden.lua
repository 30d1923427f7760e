-- Hidden tests: whole kernels, and the price.
local common = include "common.inc"

test "kernels" { points = 10, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "every row of sens19" } (function(t)
  local vm = common.sens19(t)
  t:match(vm.serial, "rows different: 0", "sens19: all rows")
  common.ends(t, vm, "sens19: done")
  vm = t:boot { cpu = "bt", guest = "popf", ram = "4M", handlers = t.submission, answers = "rules" }
  vm:run {}
  common.ends(t, vm, "popf: done")
end)

test "interrupts that wait" { points = 10, limit = { cycles = 1e8 }, visibility = "after_due_date", hint = "who looks whether one came while IF was 0?" } (function(t)
  local _, held = common.labflags(t)
  t:ok(held & common.bit.waiting ~= 0, "STI lets one in, after one more instruction")
  t:ok(held & common.bit.waiting_popf ~= 0, "so does POPF")
end)

test "the price of a critical section" { points = 20, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "a callout costs a thousand cycles; four bytes in the cache, four" } (function(t)
  local vm, held = common.labflags(t)
  t:eq(held, 2047, "what the guest found to be right (held)")
  local short = vm.cycles
  vm = common.labflags(t, 2000)
  t:scale((vm.cycles - short) // 2000, 220, 1100, "cycles for PUSHF, CLI, POPF, CLI, STI")
end)
