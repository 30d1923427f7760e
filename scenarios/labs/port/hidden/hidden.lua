-- Hidden tests. What the kernel says of itself (`held`) is held against what the machine saw, for port.c lies in the same memory.
local function boot(t, rounds)
  local vm = t:boot { cpu = "pv", built = true, ram = "4M", poke = { salt = t:number(0x1000, 0x7FFFFFFF), rounds = rounds } }
  vm:run {}
  return vm, vm:u32 "held" or 0
end

test "what waits comes" { points = 15, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "who looks whether an event came while they were off?" } (function(t)
  local _, held = boot(t, 1)
  t:ok(held & 64 ~= 0, "an event that came while interrupts were off comes when they are switched on")
  t:sequence { { hypercall = "set_timer_op" }, { kind = "upcall" }, { kind = "upcall" }, { hypercall = "set_timer_op" } }
end)

test "to its end" { points = 10, variants = 2, limit = { cycles = 2e9 }, visibility = "after_due_date", hint = "every part, more than once" } (function(t)
  local vm, held = boot(t, 40)
  t:eq(held, 127, "what the kernel found to be right (held)")
  t:sequence { { hypercall = "update_va_mapping" }, { kind = "fault", vector = "PF", code = 3, addr = vm:find "frames" }, { kind = "gate", vector = 0x80, cpl = 3 },
               { hypercall = "set_timer_op" }, { kind = "upcall" } }
  local came = 0
  for _ in vm:events { kind = "upcall" } do came = came + 1 end
  t:ge(came, 42, "events that came: two to begin with, and one for each idle()")
  t:ok(vm.ended and vm.exit_code == 0, "it ended well")
  t:match(vm.serial, "port: done", "its last words")
end)

test "nothing is left of the bare machine" { points = 10, limit = { cycles = 4e8 }, visibility = "after_due_date", hint = "the hypervisor should not have to guess what an instruction was meant to do" } (function(t)
  local vm, held = t:boot { cpu = "pv", built = true, ram = "4M", poke = { salt = t:number(0x1000, 0x7FFFFFFF), rounds = 3 } }, 0
  local from, to = vm:find "tick", vm:find "kernel_main"
  local code = vm:bytes(from, to - from)
  vm:run { to = till.write "held" } -- each time somebody says that something is right: who is it?
  while not vm.ended do
    held = vm:u32 "held" or 0
    local who, asked = vm:symbol(vm.eip) or "?", vm:symbol(vm:u32(vm.esp) or 0) or "?"
    if not who:match "^claim" or not asked:match "^check_" or vm:bytes(from, to - from) ~= code then
      t:ok(false, "what is right is the kernel's to say; here it was " .. who .. ", asked by " .. asked)
    end
    vm:run { to = till.write "held" }
  end
  t:eq(held, 127, "what the kernel found to be right (held)")
  t:eq(vm.exits.privileged, 0, "privileged instructions that the hypervisor had to deal with")
  t:eq(vm.exits.port, 0, "port accesses")
end)
