-- Two-level paging: the guest's tables are its own again, and every address in them is translated once more, by the processor.
-- Guest: guests/fault, which maps, touches and unmaps pages at 40000000; the same one as in "shadow", to compare.
--
-- Reading: Bhargava et al., "Accelerating two-dimensional page walks", ASPLOS 2008 (the count, caches of walks); Intel SDM vol. 3C
-- chapter 28 (EPT); docs/twolevel.md. In class: 12 minutes, of which the third step's count on the blackboard takes four.

local PLAY = 0x40000000 -- page n of the playground is entry n of play_table

local s = scenario {
  title   = "Two-level paging: nothing to follow, more to walk",
  lecture = "Memory virtualization",
  order   = 9,
  techniques = "vtx",
  reading = {
    "Bhargava et al.: Accelerating two-dimensional page walks for virtualized systems. ASPLOS 2008",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Agesen et al.: The evolution of an x86 virtual machine monitor. ACM OSR 44(4), 2010",
    "Intel SDM vol. 3C chapters 24 to 28: VMCS, non-root operation, exits, EPT",
  },
  machine = { cpu = "vtx", mmu = "two-level", model = "nehalem", guest = "fault", ram = "4M" },
}

s:step "The guest's own tables" {
  minutes = 2,
  say = [[
    CR3 holds what the guest wrote. That is new.]],
  run  = till.label "first_touch",
  show = "address",
  note = [[
    The guest has switched paging on, and CR3 is its own. Nothing stands in for
    its tables: the processor walks them. But what they call physical is no
    address of this machine: the VM's memory lies elsewhere.]],
  expect = function(vm)
    local t = vm:translate("page_directory", "read")
    expect.eq(vm.cr3, vm.guest.cr3, "the CR3 the CPU uses is the guest's")
    expect.ne(t.ma, t.pa, "machine address")
    expect.eq(vm:phys(t.pa, 64), vm:machine(t.ma, 64), "the bytes at the physical and at the machine address")
  end,
}

s:step "A second level, filled on demand" {
  minutes = 3,
  say = [[
    EPT violation, one entry, back. Once a page.]],
  run  = till.event "second",
  show = "events",
  note = [[
    A second set of tables (Intel: EPT) leads from the VM's addresses to the
    machine's. The processor walks it, too. Where an entry is missing it leaves:
    a violation. The hypervisor fills one entry, and that is all.]],
  expect = function(vm)
    expect.eq(vm.exits.ept, vm.shadow.filled, "violations, and entries filled")
    expect.eq(vm.exits["page-fault"], 0, "page faults that left")
  end,
}

s:step "Count" {
  minutes = 5,
  say = [[
    Let them count with w before you say 14. Then 24 for four levels in both
    dimensions: the exam question.]],
  run  = till.label "page_fault",
  show = "address",
  ask  = { "Two levels of the guest's over four of the second. How many references for one TLB miss?",
           choices = { "6: two and four", "8: two times four", "14: each of three addresses costs four, and two entries" }, answer = 3 },
  note = [[
    Directory, table, and the byte itself: three guest-physical addresses, and
    each is looked for in four tables first. 3 * 4 + 2 = 14, in general
    (n+1)(m+1)-1: with four levels in both dimensions 24. Shadow tables: 2.]],
  expect = function(vm)
    local t = vm:translate("page_directory", "read")
    local second = 0
    for _, r in ipairs(t.real.path) do second = second + (r.second and 1 or 0) end
    expect.eq(t.refs, 14, "references on a TLB miss")
    expect.eq(second, 12, "of them to the second level")
    expect.eq(#t.real.path, 14, "references in the list")
    expect.gt(vm.costs["walk-second"], vm.costs.walk, "cycles for the second dimension, and for the first")
  end,
}

s:step "A page fault that stayed" {
  minutes = 3,
  say = [[
    The hypervisor does not even know. Compare with the true fault of shadow.]],
  show = "cpu",
  note = [[
    Here the guest's handler begins. Its own tables had no such page, so the
    fault is true, and the processor delivered it through the guest's IDT. The
    hypervisor was not asked: it does not even know. There are no hidden ones.]],
  expect = function(vm)
    expect.eq(vm.guest.cr2, PLAY, "CR2")
    expect.eq(vm.exits["page-fault"], 0, "page faults that left")
    expect.events("inject", 0, "deliveries by the hypervisor")
    expect.eq(vm.shadow.hidden, 0, "hidden faults")
  end,
}

local before -- visits before the guest changes its tables

s:step "A store to a page table" {
  minutes = 2,
  say = [[
    Nothing happens, and that is the point.]],
  run = function(vm)
    vm:run(till.label "touch_mapped")
    before = vm.exits.total
    vm:run(till.write(vm:find "play_table" + 4 * 4))
  end,
  show = "address",
  ask  = { "The kernel stores to its page table. On shadow tables that was a trace fault. And here?",
           choices = { "a violation", "a page fault", "nothing: a store like any other" }, answer = 3 },
  note = [[
    Nothing is derived from the guest's tables, so nobody has to hear of this.
    That is what two levels are for: changing tables costs what it costs on the
    bare machine, and so do fork, exit, and every switch of CR3.]],
  expect = function(vm)
    expect.eq(vm.exits.total - before, 0, "visits for it")
    expect.eq(vm:translate("play_table", "write").real.fault, nil, "error code of a store to the table, in the tables the CPU walks")
    expect.eq(vm.shadow.traced, 0, "stores traced")
  end,
}

s:step "Accessed and dirty, by hardware" {
  minutes = 2,
  say = [[
    Short: hardware walks this table, so hardware marks it.]],
  run = function(vm)
    local pte = vm:find "play_table" + 6 * 4 -- of page 6
    vm:run(till.label "ad_bits")
    vm:run(till.write(pte))
    vm:run(till.write(pte))
    expect.eq(vm:u32(pte) & 0x60, 0x20, "A and D after the first read")
    vm:run(till.write(pte))
    expect.eq(vm:u32(pte) & 0x60, 0x60, "A and D after the first write")
  end,
  show = "address",
  note = [[
    The processor marks what it walks, and it walks the guest's tables: the bits
    are simply there. Behind shadow tables the hypervisor had to set them, and
    to keep a clean page read-only until its first write.]],
  expect = function(vm)
    expect.eq(vm.exits["page-fault"], 0, "page faults that left")
  end,
}

s:step "The bill" {
  minutes = 4,
  say = [[
    Cheap changes, expensive misses. Who wins depends on the program: ringside
    compare twolevel.]],
  run  = till.stop(),
  show = "costs",
  ask  = { "Who pays for two-level paging?",
           choices = { "a program that touches more pages than the TLB holds", "a kernel that forks all day", "nobody" }, answer = 1 },
  note = [[
    Ten page faults, as on the bare machine, and none left. The visits filled
    the second level, once a page, never again. The price is at each TLB miss:
    seven times the references. Large pages and caches of walks bring it down.]],
  expect = function(vm)
    expect.match(vm.serial, "fault: ok")
    expect.eq(vm.exits["page-fault"], 0, "page faults that left")
    expect.eq(vm.exits.ept, vm.shadow.filled, "violations, and entries filled")
    expect.eq(vm.shadow.traced, 0, "stores traced")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "twolevel-ladder" { kind = "ladder", from = s "A second level, filled on demand", to = s "Count" }
return s
