-- Public tests.
local common = include "common.inc"

leaderboard { name = "cycles", order = "asc" }

test "mapping" { points = 15, limit = { cycles = 5e7 } } (function(t)
  local _, held = common.labshadow(t)
  common.parts(t, held, {
    { "read", "a page that the guest mapped shows what is in its frame" },
    { "write", "a store goes to that frame" },
    { "absent", "what the guest did not map is its own page fault: error code and CR2" },
    { "protected", "so is a store to what it mapped read-only" },
  })
end)

test "accessed and dirty" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local _, held = common.labshadow(t)
  common.parts(t, held, {
    { "accessed", "a read sets A in both levels, and not D" },
    { "dirty", "a store sets D, and once more after the guest has cleared it" },
  })
end)

test "user programs" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local _, held = common.labshadow(t)
  common.parts(t, held, {
    { "user", "ring 3 reads and writes its own pages" },
    { "supervisor", "and not the kernel's, nor read-only ones: codes 5 and 7" },
  })
end)

test "changes" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local _, held = common.labshadow(t)
  common.parts(t, held, {
    { "invlpg", "after INVLPG the new entry counts" },
    { "cr3", "two directories map one address to two frames" },
  })
end)

test "two levels" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local vm, held = common.labshadow(t)
  common.parts(t, held, {
    { "combined", "what the directory forbids, its tables cannot permit" },
    { "large", "a 4 MB page" },
  })
end)

test "a whole kernel" { points = 10, limit = { cycles = 5e7 } } (function(t)
  local vm = common.boot(t, { guest = "fault", ram = "4M" })
  vm:run {}
  common.ends(t, vm, "fault: ok")
  t:invariant "shadow-coherent"
  t:board("cycles", vm.cycles)
end)
