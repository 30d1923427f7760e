-- Public tests: test by test, what the kernel found to be right (its word `held`), and what the machine saw of it: port.c lies in the same memory, and could
-- write that word.
leaderboard { name = "cycles", order = "asc" }

local bit = { off = 1, on = 2, idle = 4, map = 8, protect = 16, user = 32, waiting = 64 }

local function boot(t, rounds)
  local salt = t:number(0x1000, 0x7FFFFFFF)
  local vm = t:boot { cpu = "pv", built = true, ram = "4M", poke = { salt = salt, rounds = rounds or 3 } }
  vm:run {}
  return vm, vm:u32 "held" or 0, salt
end

test "it speaks" { points = 10, limit = { cycles = 4e8 } } (function(t)
  local vm = boot(t)
  t:match(vm.serial, "port: it speaks", "the console")
  t:sequence { { kind = "hypercall", op = "console_io" } }
end)

test "memory" { points = 20, limit = { cycles = 4e8 } } (function(t)
  local vm, held, salt = boot(t)
  local frames = vm:find "frames"
  t:part("map", 1, function()
    t:ok(held & bit.map ~= 0, "map() shows another page, at once")
    t:eq(vm:u32(frames), salt + 1, "what was stored through it is in the first page")
    t:eq(vm:u32(frames + 4096), ~salt & 0xFFFFFFFF, "and not in the other")
  end)
  t:part("protect", 1, function()
    t:ok(held & bit.protect ~= 0, "a store to a read-only page comes to the kernel, with code and address")
    t:sequence { { hypercall = "update_va_mapping" }, { kind = "fault", vector = "PF", code = 3, addr = frames }, { hypercall = "update_va_mapping" } }
  end)
end)

test "programs" { points = 15, limit = { cycles = 4e8 } } (function(t)
  local vm, held = boot(t)
  t:ok(held & bit.user ~= 0, "a program in ring 3 makes system calls")
  local call = { kind = "gate", vector = 0x80, cpl = 3 }
  t:sequence { call, call, call, call, call }
end)

test "interrupts" { points = 20, limit = { cycles = 4e8 } } (function(t)
  local vm, held = boot(t)
  local came = { kind = "upcall" }
  t:part("on", 1, function()
    t:ok(held & bit.on ~= 0, "ticks come while they are on")
    t:sequence { { hypercall = "set_timer_op" }, came, came }
  end)
  t:part("off", 1, function()
    t:ok(held & bit.off ~= 0, "and none while they are off")
    t:sequence { came }
  end)
  t:part("idle", 1, function()
    t:ok(held & bit.idle ~= 0, "idle() returns after one")
    t:sequence { { hypercall = "sched_op" }, came, { hypercall = "sched_op" }, came, { hypercall = "sched_op" }, came }
  end)
end)
