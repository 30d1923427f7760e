-- The hole of `popf` in a real kernel: why a small Unix dies of trap-and-emulate before it has started its first program.
-- Guest: guests/mini. It protects what it shares with its interrupt handlers by PUSHF, CLI ... POPF, like any kernel.

local s = scenario {
  title   = "A kernel that checks its critical sections",
  lecture = "Problems with trap-and-emulate",
  order   = 6,
  techniques = "te",
  reading = {
    "Robin, Irvine: Analysis of the Intel Pentium's ability to support a secure virtual machine monitor. USENIX Security 2000",
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
  },
  machine = { preset = "classic", guest = "mini", module = "mini.img", append = 'panic=0 run="ls"' },
}

s:step "Entering: how is IF now?" {
  minutes = 2,
  say = [[
    Every kernel does this thousands of times a second: save flags, switch
    off, work, restore.]],
  run  = till.label "irq_save_pushf",
  show = "code",
  ask  = { "Interrupts are off for this kernel, which has just booted. What will PUSHF in ring 1 show it?",
           choices = { "IF = 0: the virtual flag", "#GP, and the hypervisor shows it IF = 0", "IF = 1: the real flag" }, answer = 3 },
  note = [[
    About to print its first line, mini enters a critical section. It must know
    whether interrupts were on, to restore that later: PUSHF, POP EAX, CLI. The
    virtual IF is 0. The real one is 1, for the hypervisor needs interrupts.]],
  expect = function(vm)
    expect.eq(vm.guest.vIF, 0, "virtual IF")
    expect.eq(vm.flags.IF, 1, "real IF")
    expect.eq(vm.insn.mnemonic, "pushf")
  end,
}

s:step "PUSHF tells the truth, the wrong one" {
  minutes = 3,
  say = [[
    PUSHF is not even privileged: it reads a register. The register is
    the hypervisor's.]],
  run  = till.silent "pushf",
  show = "events",
  note = [[
    No trap. The image on the stack has bit 9 set: the kernel now believes that
    interrupts were on, and will switch them on at the end. On a bare machine it
    would have read 0.]],
  expect = function(vm)
    expect.silent { insn = "pushf", wanted = { stored = 0x92 } }
    expect.eq(vm:u32(vm.esp) & 0x200, 0x200, "IF in the image on the stack")
  end,
}

s:step "CLI traps, and is obeyed" {
  minutes = 2,
  say = [[
    So the section is protected. The kernel just cannot see that.]],
  run = function(vm)
    vm:run(till.trap "GP")
    vm:run(till.event "return")
  end,
  show = "cpu",
  note = [[
    CLI works as it should: it traps, and the virtual flag is 0. No interrupt
    will be delivered to this guest. So the section is really protected; the
    kernel only cannot see that.]],
  expect = function(vm)
    expect.events({ kind = "emulate", op = "cli" }, 1, "CLI instructions emulated")
    expect.eq(vm.guest.vIF, 0, "virtual IF")
    expect.eq(vm.flags.IF, 1, "real IF")
  end,
}

s:step "Leaving: are they off?" {
  minutes = 3,
  say = [[
    An honest assertion, as in real kernels. Let them predict it.]],
  run = function(vm)
    vm:run(till.label "irq_enabled")
    vm:run(till.silent "pushf")
  end,
  show = "events",
  note = [[
    A careful kernel checks when it leaves a critical section that nobody has
    switched interrupts on in between. It asks with PUSHF, and gets the real
    flag again: 1. What it concludes is sound, and wrong.]],
  expect = function(vm)
    expect.silent { insn = "pushf" }
    expect.eq(vm.guest.vIF, 0, "virtual IF: they are off")
    expect.eq(vm:u32(vm.esp) & 0x200, 0x200, "IF in the image: it says they are on")
  end,
}

s:step "The kernel gives up" {
  minutes = 3,
  say = [[
    Better loud than silent. Linux has the same check; it stops there, too.]],
  run  = till.label "panic",
  show = "code",
  note = [[
    Two instructions lied and none trapped: the assertion fails, and the kernel
    stops rather than go on with data it cannot trust. Without the check it
    would come further: POPF would leave IF off, and the timer stay unheard.]],
  expect = function(vm)
    expect.eq(vm.place, "kernel")
    expect.events("inject", 0, "interrupts that were delivered meanwhile: the section was never disturbed")
  end,
}

s:draw "section-ladder" { kind = "ladder", from = s "PUSHF tells the truth, the wrong one", to = s "The kernel gives up" }
return s
