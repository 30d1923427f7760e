-- Direct paging: the CPU walks the guest's own page tables, and the hypervisor only judges what is put into them.
-- Guest: mini-pv, the small Unix ported to the Xen 3 interface; its program cow touches pages, forks and stores.

local s = scenario {
  title   = "Direct page tables: nothing hidden, everything judged",
  lecture = "Memory virtualization",
  order   = 9,
  techniques = "pv",
  reading = {
    "Barham et al.: Xen and the art of virtualization. SOSP 2003",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
  },
  machine = { cpu = "pv", mmu = "direct", guest = "mini-pv", module = "mini.img", ram = "16M", append = 'run="cow; halt"' },
}

s:step "Whose tables does the CPU walk?" {
  minutes = 2,
  say = [[
    One set of tables, with machine addresses in it. The kernel knows.]],
  run  = till.label "kernel_main",
  show = "address",
  ask  = { "The guest has a page directory of its own. How many sets of tables lead from one of its virtual addresses to the byte?",
           choices = { "one", "two: the guest's and a shadow", "two: the guest's and a second level" }, answer = 1 },
  note = [[
    One. The CPU's CR3 is the guest's, and the entries hold machine frames: this
    kernel was ported and knows that its memory is scattered. A TLB miss costs
    what it costs on the bare machine.]],
  expect = function(vm)
    local t = vm:translate("kernel_main", "exec")
    expect.eq(vm.cr3, vm.guest.cr3, "the CPU's CR3 is the guest's")
    expect.eq(t.ma, t.pa, "what its tables say is the machine address")
    expect.eq(t.refs, 2, "references on a TLB miss")
    expect.eq(vm.shadow.hidden, 0, "hidden faults so far")
  end,
}

local table_at -- the kernel's address of a page that becomes a table

s:step "A page becomes a table" {
  minutes = 3,
  say = [[
    Pinning looks at all 1024 entries once, so that later changes are cheap to
    check.]],
  run = function(vm)
    vm:run(till.label "table_adopt")
    table_at = vm:u32(vm.esp + 4) -- its argument
    vm:run(till.event("hypercall", { op = "mmuext_op" }))
  end,
  show = "address",
  note = [[
    A frame is a page table or writable, never both. So the kernel first gives
    up its right to store there (update_va_mapping), then has the page pinned as
    a table. Only now are all 1024 entries looked at: a costly hypercall.]],
  expect = function(vm)
    expect.eq(vm.last.result, 0, "result of mmuext_op")
    expect.gt(vm.last.cost, 2000, "cycles for judging a whole table")
    expect.ok(vm:translate(table_at, "write").fault, "a store to the table is refused (error code)")
    expect.eq(vm:translate(table_at, "read").fault, nil, "reading it is not")
  end,
}

local fault, visits -- address that a program will touch, visits to the hypervisor before it

s:step "A page that was never used" {
  minutes = 2,
  say = [[
    Ordinary demand paging; nothing virtual about it yet.]],
  run = function(vm)
    local e
    repeat -- in a table that is there: neither a new table nor copy-on-write
      e = vm:run(till.event "true")
    until not e or (e.access & 2 ~= 0 and e.entry == 0 and #vm:translate(e.va, "read", 3).path == 2)
    fault = e and e.va or 0
    repeat local more = vm:back(1) until not more or vm.place == "user" -- to the instruction that will touch it
    visits = vm.exits.total
  end,
  show = "address",
  note = [[
    A program is about to use memory that it was given, but never touched. Its
    page table has an empty entry there: the kernel fills it on demand. The same
    happens on the bare machine.]],
  expect = function(vm)
    local t = vm:translate(fault, "read", 3)
    expect.ok(t.fault, "the tables refuse the address (error code)")
    expect.eq(t.guest.path[2].bits, "not present")
  end,
}

s:step "First visit: the fault" {
  minutes = 2,
  say = [[
    No hidden faults are possible. Ask why.]],
  run  = till.event "true",
  show = "events",
  note = [[
    The CPU raises a page fault and finds the hypervisor's handler. Nothing can
    be hidden here: the tables are the guest's, so every page fault is true and
    is handed to the guest's kernel, with the address in shared memory.]],
  expect = function(vm)
    expect.eq(vm.last.va, fault, "the address")
    expect.eq(vm.exits["page-fault"], vm.shadow["true"], "page faults, and those that were the guest's own")
  end,
}

s:step "Second visit: the kernel asks" {
  minutes = 3,
  say = [[
    The check is the security: whose frame, used as what.]],
  run  = till.event("hypercall", { op = "mmu_update" }),
  show = "address",
  note = [[
    The kernel finds a free frame and asks for one entry, by its machine
    address. The hypervisor checks: is the frame this domain's, and no table?
    Then it stores the entry. That is all it had to do with this page.]],
  expect = function(vm)
    expect.eq(vm.last.result, 0, "result of mmu_update")
    expect.eq(vm:translate(fault, "read", 3).fault, nil, "error code of the same access now")
    expect.eq(vm:translate(fault, "read", 3).path[2].bits:sub(1, 1), "P", "the entry is present")
  end,
}

s:step "And back, by itself" {
  minutes = 2,
  say = [[
    Count the visits and compare with shadow: two against four.]],
  run  = till.ring(3),
  show = "rings",
  ask  = { "Fault, handler, new entry, the program goes on. How often was the hypervisor entered for this page?",
           choices = { "once", "twice", "three times" }, answer = 2 },
  note = [[
    The kernel switches events on again, a byte of shared memory, and executes
    IRET: from ring 1 to ring 3 the CPU goes alone. With shadow tables the same
    page costs a true fault, a traced store, a hidden fault and the way back.]],
  expect = function(vm)
    expect.eq(vm.exits.total - visits, 2, "visits to the hypervisor: the fault and the hypercall")
  end,
}

local entries

s:step "A list at once" {
  minutes = 3,
  say = [[
    Batching again, now where it pays most: fork.]],
  run = function(vm)
    local e, before
    repeat
      before = vm.shadow.filled
      e = vm:run(till.event "hypercall")
      entries = vm.shadow.filled - before
    until not e or (e.op == "mmu_update" and entries > 16)
  end,
  show = "costs",
  ask  = { "fork must copy or change some three dozen entries. How often is the hypervisor asked?",
           choices = { "once for each entry", "once for each table", "once for a whole list" }, answer = 3 },
  note = [[
    The kernel gathers changes and asks once for the list. Shadow tables would
    have trapped each of these stores: what a kernel is about to do next, nobody
    knows who only sees its instructions.]],
  expect = function(vm)
    expect.eq(vm.last.result, 0, "result of mmu_update")
    expect.gt(entries, 16, "entries in one hypercall")
    expect.lt(vm.last.cost, entries * 146, "cycles; 146 is what a list of one costs")
    expect.eq(vm.shadow.traced, 0, "stores traced")
  end,
}

s:step "The bill" {
  minutes = 3,
  say = [[
    Less than 2 % in the paper, for a kernel that had to be changed.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    Copy-on-write works as on the bare machine. No fault was hidden, no store
    was traced, no entry exists twice. The price was paid before: somebody had
    to change the kernel.]],
  expect = function(vm)
    expect.match(vm.serial, "cow: 16 pages touched")
    expect.match(vm.serial, "its pages are as before")
    expect.eq(vm.shadow.hidden, 0, "hidden faults")
    expect.eq(vm.shadow.traced, 0, "traced stores")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "pv-demand" { kind = "ladder", from = s "First visit: the fault", to = s "And back, by itself" }
return s
