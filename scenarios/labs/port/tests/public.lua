-- Public tests: test by test, what the kernel found to be right (its word `held`), and by whom it was done.
leaderboard { name = "cycles", order = "asc" }

local bit = { off = 1, on = 2, idle = 4, map = 8, protect = 16, user = 32, waiting = 64 }

local function boot(t, rounds)
  local vm = t:boot { cpu = "pv", built = true, ram = "4M", poke = { salt = t:number(0x1000, 0x7FFFFFFF), rounds = rounds or 3 } }
  vm:run {}
  return vm, vm:u32 "held" or 0
end

test "it speaks" { points = 10, limit = { cycles = 4e8 } } (function(t)
  local vm = boot(t)
  t:match(vm.serial, "port: it speaks", "the console")
  t:sequence { { kind = "hypercall", op = "console_io" } }
end)

test "memory" { points = 20, limit = { cycles = 4e8 } } (function(t)
  local vm, held = boot(t)
  t:part("map", 1, function()
    t:ok(held & bit.map ~= 0, "map() shows another page, at once")
    t:sequence { { kind = "hypercall", op = "update_va_mapping" } }
  end)
  t:part("protect", 1, function() t:ok(held & bit.protect ~= 0, "a store to a read-only page comes to the kernel, with code and address") end)
end)

test "programs" { points = 15, limit = { cycles = 4e8 } } (function(t)
  local vm, held = boot(t)
  t:ok(held & bit.user ~= 0, "a program in ring 3 makes system calls")
end)

test "interrupts" { points = 20, limit = { cycles = 4e8 } } (function(t)
  local vm, held = boot(t)
  t:part("on", 1, function() t:ok(held & bit.on ~= 0, "ticks come while they are on") end)
  t:part("off", 1, function() t:ok(held & bit.off ~= 0, "and none while they are off") end)
  t:part("idle", 1, function()
    t:ok(held & bit.idle ~= 0, "idle() returns after one")
    t:sequence { { kind = "hypercall", op = "sched_op" } }
  end)
end)
