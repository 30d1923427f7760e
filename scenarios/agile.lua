-- Agile paging: one walk, which begins in shadow tables and goes on in the guest's own where those change often.
-- Guest: guests/fault, as in "shadow" and "twolevel", to compare. No processor has this: the machine says "counterfactual".
--
-- Reading: Gandhi, Hill, Swift, "Agile Paging: Exceeding the Best of Nested and Shadow Paging", ISCA 2016; docs/agile.md.
-- In class: 10 minutes, after "shadow" and "twolevel".

local PLAY = 0x40000000 -- page n of the playground is entry n of play_table

local s = scenario {
  title   = "Agile paging: shadow above, nested below",
  lecture = "Memory virtualization",
  order   = 10,
  techniques = "vtx",
  reading = {
    "Gandhi et al.: Agile paging: exceeding the best of nested and shadow paging. ISCA 2016",
    "Agesen et al.: The evolution of an x86 virtual machine monitor. ACM OSR 44(4), 2010",
    "Bhargava et al.: Accelerating two-dimensional page walks for virtualized systems. ASPLOS 2008",
  },
  machine = { cpu = "vtx", mmu = "agile", model = "nehalem", guest = "fault", ram = "4M", set = { ["agile.period"] = 900 } },
}

s:step "All begins shadowed" {
  minutes = 2,
  say = [[
    Both extremes are known by now. Can one walk begin in one and end in the
    other?]],
  run  = till.label "first_touch",
  show = "address",
  note = [[
    CR3 names a shadow directory. Nothing has changed often yet, so each walk
    stays in shadow tables: two references, as on a bare machine.]],
  expect = function(vm)
    local t = vm:translate("page_directory", "read")
    expect.ne(vm.cr3, vm.guest.cr3, "the CR3 the CPU uses is not the guest's")
    expect.eq(t.refs, 2, "references on a TLB miss")
    expect.eq(t.real.path[1].shadow and t.real.path[2].shadow, true, "both are in shadow tables")
    expect.eq(vm.shadow.nested, 0, "tables that are the guest's own")
  end,
}

s:step "A store to a page table leaves" {
  minutes = 2,
  say = [[
    Once is no habit.]],
  run  = till.event "traced",
  show = "events",
  note = [[
    The handler maps a page: a store to a table that has a shadow. It is
    write-protected, the store traps, is emulated, and the shadow follows.
    Once is no reason to change anything.]],
  expect = function(vm)
    expect.eq(vm.shadow.traced, 1, "traced stores")
    expect.eq(vm.shadow.nested, 0, "tables that are the guest's own")
  end,
}

s:step "The second time" {
  minutes = 3,
  say = [[
    One bit in the parent entry switches the rest of the walk.]],
  run  = till.event "nest",
  show = "events",
  ask  = { "The handler stores to the same table again, less than a millisecond later. What does the hypervisor do?",
           choices = { "the same again", "it gives the shadow up: from now on this table is walked as it is", "it goes over to two levels for good" }, answer = 2 },
  note = [[
    Twice in a period is often. This one table becomes the guest's own. The
    directory above it stays a shadow: one bit in its entry, the switching
    bit, tells the walk to go on in the guest's table from there.]],
  expect = function(vm)
    expect.eq(vm.shadow.traced, 2, "traced stores")
    expect.eq(vm.shadow.nested, 1, "tables that became the guest's own")
  end,
}

local traced, faults

s:step "One walk through both" {
  minutes = 4,
  say = [[
    Count with w: 6, between 2 and 14.]],
  run = function(vm)
    vm:run(till.label "touch_mapped")
    traced, faults = vm.shadow.traced, vm.shadow["true"]
  end,
  show = "address",
  ask  = { "A shadow directory, the guest's own table, a second level of four. How many references for a page of the playground?",
           choices = { "2", "6: one, one, and four for the page", "14" }, answer = 2 },
  note = [[
    1: the shadow directory; its entry leads to the guest's table, and says
    where in the machine it lies. 2: the guest's entry. 3-6: its frame is a
    guest-physical one, so the second level translates it. Elsewhere still 2.]],
  expect = function(vm)
    local t = vm:translate(PLAY, "read")
    expect.eq(t.refs, 6, "references on a TLB miss, in the playground")
    expect.eq(t.real.path[1].shadow, true, "the first is in a shadow table")
    expect.eq(t.real.path[2].shadow or t.real.path[2].second, false, "the second in the guest's own")
    expect.eq(t.real.path[6].second, true, "the last in the second level")
    expect.eq(vm:translate("page_directory", "read").refs, 2, "references elsewhere")
  end,
}

s:step "Stores and faults that stay" {
  minutes = 3,
  say = [[
    What two levels are good at.]],
  run  = till.label "read_only",
  show = "costs",
  ask  = { "Four times mapped, used, unmapped, touched: 16 stores to the table, 4 page faults. How many of these leave?",
           choices = { "all", "the 16 stores", "none" }, answer = 3 },
  note = [[
    The stores go to memory that nobody watches, and the page faults are found
    by a walk of the guest's own table, so the processor delivers them itself.
    On shadow tables each of these was a visit.]],
  expect = function(vm)
    expect.eq(vm.shadow.traced, traced, "traced stores, as before")
    expect.eq(vm.shadow["true"], faults, "true faults that left, as before")
  end,
}

s:step "And back" {
  minutes = 2,
  say = [[
    A dirty bit tells that it has become quiet.]],
  run  = till.event "nest",
  show = "events",
  ask  = { "Nobody traps the stores any more. How does the hypervisor learn that there are none?",
           choices = { "it compares the table with a copy", "from dirty bits, at the end of each period", "it cannot" }, answer = 2 },
  note = [[
    The entry of the second level that maps the table has a dirty bit, which
    the processor sets. Clean at the end of a period: the table is quiet, and
    is shadowed again, for the short walk.]],
  expect = function(vm)
    expect.eq(vm.shadow.renewed, 1, "tables that are shadowed again")
    expect.eq(vm.shadow.own, 0, "tables that are the guest's own now")
  end,
}

s:step "The bill" {
  minutes = 3,
  say = [[
    Nearly the best of both; the price is hardware nobody has built yet.]],
  run  = till.stop(),
  show = "costs",
  note = [[
    Changes cost what they cost on two levels, misses nearly what they cost on
    shadows. What is left to pay: loads of CR3 leave, as with shadows, and a
    table has to show its habits first, by two traps.]],
  expect = function(vm)
    expect.match(vm.serial, "fault: ok")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "agile-ladder" { kind = "ladder", from = s "A store to a page table leaves", to = s "The second time" }
return s
