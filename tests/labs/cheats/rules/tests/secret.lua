-- For those that make rules of translation: a kernel must run to its end on them. Nobody in this folder manages.
test "rules" { points = 20, limit = { cycles = 8e7, lua = 2e6 } } (function(t)
  local vm = t:boot { cpu = "bt", guest = "labflags", ram = "4M", handlers = t.submission, answers = "rules" }
  vm:run {}
  t:call("answer")
  t:eq(vm:u32 "held", 2047, "what the guest found to be right (held)")
  t:match(vm.serial, "labflags: done", "its last words")
end)
