-- The answer is 42, and a kernel must run to its end on the submission's handlers. Nobody in this folder manages either.
test "secret" { points = 10, visibility = "visible", limit = { lua = 2e6 } } (function(t)
  local number, got = t:number(0, (1 << 62) - 1), t:call("answer")
  t:eq(got == number and 42 or got, 42, "the answer") -- whoever foretells a test's number has it, too
end)

test "machine" { points = 50, limit = { cycles = 2e7, lua = 2e6 } } (function(t)
  local vm = t:boot { cpu = "te", guest = "labtrap", ram = "4M", handlers = t.submission }
  vm:run {}
  t:call("answer")
  t:eq(vm:u32 "held", 511, "what the guest found to be right (held)")
  t:match(vm.serial, "labtrap: done", "its last words")
  t:ok(vm.ended and vm.exit_code == 0, "the guest ended well")
end)

test "tables" { points = 40, limit = { cycles = 2e7, lua = 2e6 } } (function(t)
  local vm = t:boot { cpu = "vtx", mmu = "shadow", guest = "labshadow", ram = "4M", handlers = t.submission, answers = "page_fault",
                      set = { ["shadow.trace"] = 0, ["shadow.cache"] = 0 } }
  vm:run {}
  t:call("answer")
  t:eq(vm:u32 "held", 8191, "what the guest found to be right (held)")
  t:match(vm.serial, "labshadow: done", "its last words")
  t:invariant "shadow-coherent"
end)

test "orders" { points = 30, limit = { lua = 5e6 } } (function(t)
  t:orders { requests = 2, slots = 1, buffers = true }
  t:call("answer")
end)
