-- Hidden tests.
local function boot(t, rounds)
  local vm = t:boot { cpu = "pv", built = true, ram = "4M", poke = { salt = t:number(0x1000, 0x7FFFFFFF), rounds = rounds } }
  vm:run {}
  return vm, vm:u32 "held" or 0
end

test "what waits comes" { points = 15, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "who looks whether an event came while they were off?" } (function(t)
  local _, held = boot(t, 1)
  t:ok(held & 64 ~= 0, "an event that came while interrupts were off comes when they are switched on")
end)

test "to its end" { points = 10, variants = 2, limit = { cycles = 2e9 }, visibility = "after_due_date", hint = "every part, more than once" } (function(t)
  local vm, held = boot(t, 40)
  t:eq(held, 127, "what the kernel found to be right (held)")
  t:ok(vm.ended and vm.exit_code == 0, "it ended well")
  t:match(vm.serial, "port: done", "its last words")
end)

test "nothing is left of the bare machine" { points = 10, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "the hypervisor should not have to guess what an instruction was meant to do" } (function(t)
  local vm, held = boot(t, 3)
  t:eq(held, 127, "what the kernel found to be right (held)")
  t:eq(vm.exits.privileged, 0, "privileged instructions that the hypervisor had to deal with")
  t:eq(vm.exits.port, 0, "port accesses")
end)
