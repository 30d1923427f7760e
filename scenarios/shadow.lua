-- Shadow page tables: three address spaces, three kinds of page fault, and two bits the hardware used to set.
-- Guest: guests/fault, which maps, touches and unmaps pages at 40000000 and prints what it saw.

local PLAY = 0x40000000 -- page n of the playground is entry n of play_table

local s = scenario {
  title   = "Shadow page tables: true, hidden and trace faults",
  lecture = "Memory virtualization",
  order   = 4,
  techniques = "te bt vtx",
  reading = {
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Agesen et al.: The evolution of an x86 virtual machine monitor. ACM OSR 44(4), 2010",
    "Intel SDM vol. 3A chapter 4: paging",
  },
  machine = { preset = "classic", guest = "fault", ram = "4M" },
}

s:step "Two page tables for one guest" {
  minutes = 3,
  say = [[
    Draw VA, PA, MA on the board and leave it there. 4 shows all three.]],
  run  = till.label "first_touch",
  show = "address",
  note = [[
    The guest has switched paging on with its own page directory. The CPU walks
    another one: the shadow, made by the hypervisor. The guest's tables lead
    from virtual to physical addresses, the shadow's go on to machine memory.]],
  expect = function(vm)
    expect.eq(vm.guest.cr3, vm:find "page_directory", "CR3 as the guest wrote it")
    expect.ne(vm.cr3, vm.guest.cr3, "the CR3 the CPU uses")
  end,
}

s:step "Three addresses of one byte" {
  minutes = 3,
  say = [[
    w walks the references one by one. Ask which of the three addresses the
    guest could print.]],
  show = "address",
  note = [[
    One variable, three addresses. Virtual: what the program uses. Physical:
    what the guest's tables make of it. Machine: where the byte really lies. The
    guest knows the first two; the third belongs to the hypervisor.]],
  expect = function(vm)
    local va = vm:find "page_directory"
    local t = vm:translate(va, "read")
    expect.eq(t.pa, va, "physical address (this kernel maps one to one)")
    expect.ne(t.ma, t.pa, "machine address")
    expect.eq(vm:phys(t.pa, 64), vm:machine(t.ma, 64), "the bytes at the physical and at the machine address")
    expect.eq(#t.path, 2, "entries of the guest's tables on the way")
    expect.eq(t.refs, 2, "entries that the CPU reads on a TLB miss")
    expect.eq(t.real.path[1].table, "shadow directory", "the first of them")
    expect.ok(t.guest.path[1].traced, "the guest's directory is write-protected")
  end,
}

s:step "A true fault" {
  minutes = 3,
  say = [[
    Vote. Every page fault arrives at the hypervisor first; only the guest's
    tables tell whose it is.]],
  run  = till.label "page_fault",
  show = "events",
  ask  = { "The guest reads a page its own tables do not map. Who handles the fault in the end?",
           choices = { "the guest kernel", "the hypervisor, silently" }, answer = 1 },
  note = [[
    The hypervisor gets every page fault first. It walks the guest's tables: the
    entry is empty, so the fault is true, the guest's own. It is delivered
    through the guest's interrupt table, with error code and CR2.]],
  expect = function(vm)
    expect.events("true", 1, "true faults")
    expect.events({ kind = "inject", vector = 14 }, 1, "#PF delivered to the guest kernel")
    expect.eq(vm.guest.cr2, PLAY, "CR2 as the guest will read it")
    expect.ok(vm:translate(PLAY, "read").fault, "the guest's tables refuse the address (error code)")
  end,
}

s:step "A trace fault" {
  minutes = 3,
  say = [[
    Write protection as a notification. The price of keeping shadows.]],
  run  = till.event "traced",
  show = "events",
  note = [[
    Later the guest changes an entry of a page table that already has a shadow.
    To hear of it the hypervisor made that page read-only: the store faults, is
    emulated, and the shadow entry is dropped. This is a trace fault.]],
  expect = function(vm)
    local table_at = vm:find "play_table"
    expect.ge(vm.last.va, table_at, "address written to")
    expect.lt(vm.last.va, table_at + 4096, "address written to")
    expect.eq(vm:translate("play_table", "write").fault, nil, "error code of the guest's own tables")
    expect.ok(vm:translate("play_table", "write").real.fault, "the shadow refuses the store (error code)")
  end,
}

local before, mark -- what the guest had counted, and the last event, when the step's real subject began

s:step "A hidden fault" {
  minutes = 3,
  say = [[
    The word hidden is from the guest's point of view: it never learns of it.]],
  run = function(vm)
    local there = vm:run(till.label "touch_mapped")
    mark = there and there.id or 0 -- with another machine the guest may have ended before
    before = vm:u32 "fault_count"
    -- hidden faults of code and stack come and go; we want the one at page 4
    repeat local e = vm:run(till.event "hidden") until not e or e.va == PLAY + 4 * 4096
  end,
  show = "events",
  ask  = { "The page is mapped by the guest, but was never touched. Does touching it fault?",
           choices = { "no: the guest has mapped it", "yes, and the guest sees it",
                       "yes, but the guest never learns of it" }, answer = 3 },
  note = [[
    The guest's table allows the access; only the shadow entry was missing. The
    hypervisor computes it and the instruction runs again. On the bare machine
    there is no fault here: it is hidden, and costs time only.]],
  expect = function(vm)
    expect.eq(vm.last.va, PLAY + 4 * 4096, "address of the hidden fault")
    expect.eq(vm:u32 "fault_count", before, "faults the guest has counted")
    expect.events({ kind = "inject", since = mark }, 0, "deliveries to the guest meanwhile")
    expect.ok(vm:translate(PLAY + 4 * 4096, "write").pa)
  end,
}

s:step "Accessed and dirty, by hand" {
  minutes = 3,
  say = [[
    Hardware sets these bits in the table it walks, and that is the wrong one.]],
  run = function(vm)
    local pte = vm:find "play_table" + 6 * 4 -- of page 6
    vm:run(till.label "ad_bits")
    vm:run(till.write(pte))
    expect.eq(vm:u32(pte) & 0x60, 0, "A and D of the fresh entry")
    vm:run(till.write(pte))
    expect.eq(vm:u32(pte) & 0x60, 0x20, "A and D after the first read")
    vm:run(till.write(pte))
    expect.eq(vm:u32(pte) & 0x60, 0x60, "A and D after the first write")
  end,
  show = "address",
  note = [[
    Hardware marks used pages (A) and written ones (D), but only in the table it
    walks. So the hypervisor sets the bits in the guest's table when it fills a
    shadow entry, and leaves the shadow read-only until the first write.]],
}

local switched -- the event of the second load of CR3

s:step "There and back" {
  minutes = 3,
  say = [[
    Vote. Caching shadows is the difference between usable and not: try --set
    shadow.cache=0.]],
  run = function(vm)
    vm:run(till.label "switch_cr3")
    vm:run(till.event "cr3")
    local e = vm:run(till.event "cr3")
    switched = e and e.id or 0
    vm:run(till.label "print")
  end,
  show = "address",
  ask  = { "The guest loads another page directory, then the first one again. What of the first one's shadow?",
           choices = { "it was dropped, and is filled anew", "it is still there" }, answer = 2 },
  note = [[
    The hypervisor kept it: every store to the guest's tables traps, so shadows
    stay true even while unused. With --set shadow.cache=0 each load of CR3
    drops them all, as in a TLB, and each page costs a hidden fault again.]],
  expect = function(vm)
    expect.events({ kind = "hidden", va = PLAY, since = switched }, 0, "hidden faults at the page since the switch back")
    expect.eq(vm.shadow.switches, 0, "loads of CR3 that dropped the shadows")
    expect.ge(vm.shadow.tables, 5, "shadow tables: for two directories, and what they share")
  end,
}

s:step "The bill" {
  minutes = 3,
  say = [[
    Ten faults of the guest, many of the hypervisor. Keep the numbers for
    twolevel.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    The guest counted ten page faults, as on the bare machine. The hypervisor
    handled many more: hidden ones to fill the shadow, traced ones to keep it
    true. That is the price of memory virtualization in software.]],
  expect = function(vm)
    expect.match(vm.serial, "fault: ok")
    expect.eq(vm.shadow["true"], 10, "true faults")
    expect.gt(vm.shadow.hidden, vm.shadow["true"], "hidden faults")
    expect.gt(vm.shadow.traced, vm.shadow["true"], "trace faults")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "fault-ladder" { kind = "ladder", from = s "A true fault", to = s "A trace fault" }
return s
