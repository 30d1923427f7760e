-- The classic hole: POPF changes the interrupt flag without trapping, and below ring 0 does not change it either.
-- Guest: guests/popf. It protects a counter against its own timer handler by clearing IF with POPF.

local s = scenario {
  title   = "POPF loses the interrupt flag",
  lecture = "Problems with trap-and-emulate",
  order   = 2,
  techniques = "te",
  machine = { preset = "classic", guest = "popf", ram = "4M" },
}

s:step "Guest kernel in ring 1" {
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
  run  = till.stop(),
  show = "serial",
  note = [[
    The handler added to the counter; the kernel wrote its old copy over that.
    An update is lost, and nothing crashed: the guest even ends well. Compare
    with the bare machine: ringside run build/guests/popf.elf]],
  expect = function(vm)
    expect.match(vm.serial, "critical section: INTERRUPTED, update lost")
    expect.match(vm.serial, "IF after popf: 1")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "popf-ladder" { kind = "ladder", from = s "POPF does not trap", to = s "The timer comes in where nobody may" }
return s
