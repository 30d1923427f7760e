-- Trap-and-emulate when it works: every privileged instruction knocks at the hypervisor's door.
-- Guest: guests/popf. Its first part uses only instructions that trap, so the guest notices nothing.

local s = scenario {
  title   = "Trap and emulate: the privileged instruction knocks",
  lecture = "Trap-and-emulate",
  order   = 1,
  techniques = "te",
  reading = {
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Intel SDM vol. 3A chapters 5 and 6: protection, interrupts",
  },
  machine = { preset = "classic", guest = "popf", ram = "4M" },
}

s:step "A kernel for ring 0, in ring 1" {
  minutes = 2,
  say = [[
    Nothing has been changed in this kernel. The only change is the ring in
    the last two bits of its CS.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    This kernel was written for a bare PC and expects ring 0. The hypervisor has
    put it into ring 1 and keeps ring 0 to itself. Ordinary instructions run
    directly on the CPU, at full speed, without any help.]],
  expect = function(vm)
    expect.eq(vm.cpl, 1, "real ring of the kernel")
    expect.eq(vm.guest.cpl, 0, "ring the kernel believes in")
    expect.eq(vm.place, "kernel")
  end,
}

s:step "OUT knocks" {
  minutes = 4,
  say = [[
    Take the vote. Then S several times: fetch, decode, check against IOPL and
    the I/O bitmap, fault, gate. All hardware so far.]],
  run  = till.trap "GP",
  show = "rings",
  ask  = { "The kernel writes to a device with OUT, in ring 1. Who acts next?",
           choices = { "the device", "the kernel's own #GP handler", "the hypervisor" }, answer = 3 },
  note = [[
    OUT in ring 1: general protection fault, #GP. The CPU finds the handler in
    the interrupt table of the hypervisor, takes its stack from the TSS, and
    goes to ring 0. Arrow one of the diagram: guest to hypervisor.]],
  expect = function(vm)
    expect.eq(vm.last.insn.mnemonic, "out")
    expect.eq(vm.last.cpl, 1, "ring in which OUT was tried")
    expect.eq(vm.cpl, 0, "real ring now: the hypervisor's")
  end,
}

s:step "The hypervisor plays the device" {
  minutes = 3,
  say = [[
    Point at the two arrows: that is all of trap-and-emulate. The body of the
    hypervisor is between them.]],
  run  = till.event "return",
  show = "events",
  note = [[
    The hypervisor reads the guest's instruction, sees OUT, and writes to a
    virtual device: data in its own memory. It moves EIP behind the OUT and
    leaves by IRET. Arrow two: hypervisor back to guest.]],
  expect = function(vm)
    expect.events({ kind = "emulate", op = "out" }, 1, "OUT instructions emulated")
    expect.events("port", 1, "port accesses served by a virtual device")
    expect.eq(vm.cpl, 1, "real ring now: the guest kernel's")
    expect.events("inject", 0, "deliveries to the guest's own handlers")
  end,
}

s:step "MOV CR3: a page table of its own" {
  minutes = 3,
  say = [[
    Only announce shadow tables here; the scenario shadow has an hour of its
    own. 4 shows both tables.]],
  run  = till.event "cr3",
  show = "address",
  note = [[
    MOV CR3 wants to change the page tables. The hypervisor notes the value for
    the guest, but the real CR3 gets a table of its own making: the shadow.
    The guest reads back what it wrote, and cannot reach other memory.]],
  expect = function(vm)
    expect.eq(vm.last.value, vm:find "page_directory", "value the guest asked for")
    expect.eq(vm.guest.cr3, vm:find "page_directory", "CR3 as the guest sees it")
    expect.ne(vm.cr3, vm.guest.cr3, "the real CR3")
  end,
}

s:step "STI: a flag that exists twice" {
  minutes = 3,
  say = [[
    Why is the real IF on at all? Because the machine belongs to the
    hypervisor: its timer must be heard.]],
  run = function(vm)
    vm:run(till.label "sti_insn")
    expect.eq(vm.guest.vIF, 0, "virtual IF before STI")
    vm:run(till.event "return")
  end,
  show = "cpu",
  note = [[
    STI needs CPL <= IOPL: ring 1 against 0, so it traps. The hypervisor sets
    the virtual interrupt flag, a bit in its notes about this guest. The real
    IF was on all the time: the hypervisor needs its own interrupts.]],
  expect = function(vm)
    expect.eq(vm.guest.vIF, 1, "virtual IF after STI")
    expect.events({ kind = "emulate", op = "sti" }, 1, "STI instructions emulated")
  end,
}

s:step "CLI: off for the guest only" {
  minutes = 3,
  say = [[
    Half of the room will say 0. Ask them what would happen to the other
    guests.]],
  run = function(vm)
    vm:run(till.label "cli_insn")
    expect.eq(vm.guest.vIF, 1, "virtual IF before CLI")
    vm:run(till.event "return")
  end,
  show = "cpu",
  ask  = { "After CLI has been emulated: what is the real interrupt flag?",
           choices = { "0: the guest asked for it", "1: the hypervisor keeps it on" }, answer = 2 },
  note = [[
    CLI traps too. Virtual IF = 0, real IF = 1: the guest gets no interrupts for
    a while, the machine still belongs to the hypervisor. Had CLI been obeyed,
    one guest could stop all others for ever.]],
  expect = function(vm)
    expect.eq(vm.guest.vIF, 0, "virtual IF after CLI")
    expect.eq(vm.flags.IF, 1, "real IF")
    expect.no_silent()
  end,
}

s:step "What one knock costs" {
  minutes = 4,
  say = [[
    The figure beside the event is the hypervisor's software; the rest is the
    way in and out, by hardware. 5 has the sums. Ask which part could shrink.]],
  show = "events",
  note = [[
    That CLI was one visit: through the gate, find the reason, decode, emulate,
    IRET. Some 1600 cycles, for 52 on the bare machine. It works because all of
    these instructions trap. Next comes one that does not: scenario popf.]],
  expect = function(vm)
    local cycles = 0
    for visit in vm:episodes() do cycles = visit.cycles end
    expect.near(cycles, 1600, 200, "cycles of the last visit")
    expect.ge(vm.exits.total, 100, "visits so far")
    expect.ge(vm.exits.privileged, 3, "of them for privileged instructions")
  end,
}

s:draw "trap-ladder" { kind = "ladder", from = s "STI: a flag that exists twice", to = s "CLI: off for the guest only" }
return s
