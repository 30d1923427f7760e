-- Hidden tests: many spaces, a small Unix, and the price.
local common = include "common.inc"

test "it stays true" { points = 10, variants = 3, limit = { cycles = 2e8, lua = 1e8 }, visibility = "after_due_date", hint = "after a load of CR3 nothing old may be left" } (function(t)
  local vm, held = common.labshadow(t, t:number(20, 40))
  t:ok(held & common.bit.rounds ~= 0, "spaces take turns, and each sees its own pages")
  t:invariant "shadow-coherent"
end)

test "a Unix" { points = 15, limit = { cycles = 4e9, lua = 2e8 }, visibility = "after_due_date", hint = "programs come and go: what was a page table is something else then" } (function(t)
  local vm = common.boot(t, { guest = "mini", module = "mini.img", append = 'run="echo one; ps"' })
  vm:run {}
  t:match(vm.serial, "one", "what its shell printed")
  t:ok(vm.ended and vm.exit_code == 0, "it ended well")
  t:invariant "shadow-coherent"
end)

test "the price of a switch" { points = 10, limit = { cycles = 2e8, lua = 1e8 }, visibility = "after_due_date", hint = "most of what a load of CR3 makes you fill again was there before; vmm.cr3, vm:trace" } (function(t)
  local vm, held = common.labshadow(t, 64)
  t:ok(held & common.bit.rounds ~= 0, "spaces take turns, and each sees its own pages")
  t:invariant "shadow-coherent"
  t:scale(vm.exits["page-fault"], 330, 900, "page faults that the hypervisor had to answer")
end)
