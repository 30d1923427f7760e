-- The classic hole: POPF changes the interrupt flag without trapping, and below ring 0 does not change it either.
-- Guest: guests/popf. It protects a counter against its own timer handler by clearing IF with POPF.

local s = scenario {
  title   = "POPF loses the interrupt flag",
  lecture = "Problems with trap-and-emulate",
  order   = 2,
  techniques = "te",
  reading = {
    "Robin, Irvine: Analysis of the Intel Pentium's ability to support a secure virtual machine monitor. USENIX Security 2000",
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
  },
  machine = { preset = "classic", guest = "popf", ram = "4M" },
}

s:step "Guest kernel in ring 1" {
  minutes = 1,
  say = [[
    A short reminder of ring compression. Everybody should be able to say what
    STI will do.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    A small kernel written for ring 0 of a bare PC. The hypervisor runs it in
    ring 1 and hopes that every instruction that matters will trap.]],
  expect = function(vm)
    expect.eq(vm.cpl, 1, "real ring of the kernel")
    expect.eq(vm.guest.cpl, 0, "ring the kernel believes in")
  end,
}

s:step "STI traps" {
  minutes = 2,
  say = [[
    The good case first: illegal in ring 1, so the CPU calls the hypervisor.]],
  run = function(vm)
    vm:run(till.label "sti_insn")
    vm:run(till.trap "GP")
  end,
  show = "rings",
  note = [[
    STI switches interrupts on. Wrong ring: the CPU raises #GP and calls the
    hypervisor, which now knows what the guest wants.]],
  expect = function(vm)
    expect.eq(vm.last.insn.mnemonic, "sti")
    expect.eq(vm.cpl, 0, "real ring now: the hypervisor's")
  end,
}

s:step "The virtual flag, and the first tick" {
  minutes = 2,
  say = [[
    Now virtual IF is 1 and the first interrupt is delivered. So far nobody
    could tell the difference.]],
  run  = till.label "tick",
  show = "cpu",
  note = [[
    The hypervisor has set a virtual interrupt flag and gone back. Now the timer
    ticks: with virtual IF = 1 the hypervisor may deliver the interrupt to the
    guest's own handler. So far everything is as on a bare machine.]],
  expect = function(vm)
    expect.eq(vm:u8 "in_critical", 0, "flag of the critical section")
    expect.events({ kind = "inject", vector = 0x20 }, 1, "timer interrupts delivered to the guest")
    expect.eq(vm.guest.vIF, 0, "virtual IF in the handler (its gate clears IF)")
  end,
}

s:step "Before POPF" {
  minutes = 2,
  say = [[
    Draw the critical section: read, add, write back. Ask what must not happen
    in the middle.]],
  run  = till.label "popf_insn",
  show = "code",
  note = [[
    The kernel is about to change a counter that its timer handler changes too.
    To keep the timer out it clears IF: it pushes the flags, clears bit 9, and
    is about to pop them with POPF.]],
  expect = function(vm)
    expect.eq(vm.insn.mnemonic, "popf")
    expect.eq(vm.guest.vIF, 1, "virtual IF before POPF")
    expect.eq(vm:u32(vm.esp) & 0x200, 0, "IF in the flags on the stack")
  end,
}

s:step "POPF does not trap" {
  minutes = 4,
  say = [[
    The heart of the lecture. After the vote press i: the manual says it in
    one sentence. Then s and r a few times: nothing moves to ring 0.]],
  run  = till.label "after_popf",
  show = "events",
  ask  = { "POPF with IF = 0 on the stack, in ring 1. What happens?",
           choices = { "#GP: the hypervisor clears the virtual flag", "the real IF becomes 0",
                       "IF stays as it is, and nobody is told" }, answer = 3 },
  note = [[
    POPF below ring 0 (CPL > IOPL) changes all flags but IF, and says nothing.
    The hypervisor is not called: its virtual IF is still 1, and it must believe
    that. The detector compares with ring 0: wanted IF = 0, got 1.]],
  expect = function(vm)
    expect.silent { insn = "popf", wanted = { IF = 0 } }
    expect.events("exit", 0, "visits to the hypervisor")
    expect.eq(vm.guest.vIF, 1, "virtual IF after POPF")
    expect.eq(vm.flags.IF, 1, "real IF after POPF")
  end,
  focus = { "cpu.flags", "events" },
}

s:step "The timer comes in where nobody may" {
  minutes = 3,
  say = [[
    Nobody made a mistake here: the hypervisor delivers in good faith. That is
    what makes it hard to find.]],
  run  = till.label "tick",
  show = "events",
  note = [[
    The timer ticks. Virtual IF = 1, so the hypervisor delivers the interrupt in
    good faith: into the middle of the critical section. The kernel has read the
    counter and not yet written it back.]],
  expect = function(vm)
    expect.eq(vm:u8 "in_critical", 1, "flag of the critical section")
    expect.events({ kind = "inject", vector = 0x20 }, 1, "timer interrupts delivered to the guest")
  end,
}

s:step "The damage" {
  minutes = 3,
  say = [[
    A lost update, and exit code 0. > runs the same under bt and vtx: there it
    is right. Leave it standing as the motive for the next three parts.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    The handler added to the counter; the kernel wrote its old copy over that.
    An update is lost, and nothing crashed: the guest even ends well. Compare
    with the bare machine: ringside run popf --cpu native]],
  expect = function(vm)
    expect.match(vm.serial, "critical section: INTERRUPTED, update lost")
    expect.match(vm.serial, "IF after popf: 1")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "popf-ladder" { kind = "ladder", from = s "POPF does not trap", to = s "The timer comes in where nobody may" }
return s
