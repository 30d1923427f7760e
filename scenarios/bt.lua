-- Binary translation: the same kernel as in the POPF lesson, and the hole is closed. Guest: guests/popf.

local s = scenario {
  title   = "Binary translation closes the hole",
  lecture = "Binary translation",
  order   = 8,
  techniques = "bt",
  reading = {
    "Bugnion et al.: Bringing virtualization to the x86 architecture with the original VMware Workstation. TOCS 30(4), 2012",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Sugerman et al.: Virtualizing I/O devices on VMware Workstation's hosted virtual machine monitor. USENIX 2001",
  },
  machine = { cpu = "bt", guest = "popf", ram = "4M" },
}

s:step "Not one instruction of the kernel" {
  minutes = 3,
  say = [[
    The translator reads binary code, not source. ringside draw blocks bt
    shows units and chains.]],
  run  = till.event "translate",
  show = "events",
  note = [[
    The kernel is read, not run. The translator takes up to 12 instructions, to
    the next jump, and writes what may run in ring 1 into its cache: most of
    them as they are.]],
  expect = function(vm)
    expect.eq(vm.last.kind, "translate")
  end,
}

s:step "The cache in ring 1" {
  minutes = 3,
  say = [[
    Two EIPs: the one the guest believes and the one the processor has.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    Its code runs in the cache, in ring 1. Wherever it stands, a table says
    which guest instruction that is: you see the guest's EIP, the processor has
    another one.]],
  expect = function(vm)
    expect.eq(vm.cpl, 1, "real ring of the translated kernel")
    expect.eq(vm.guest.cpl, 0, "ring the kernel believes in")
  end,
}

s:step "A jump asks once" {
  minutes = 3,
  say = [[
    s across it twice: the first time through the hypervisor, the second time
    not.]],
  run  = till.event "chain",
  show = "events",
  note = [[
    At the end of a unit the code calls the hypervisor: what comes next is not
    translated yet. Now it is, and the call is overwritten by a jump. This way
    will not lead through the hypervisor again.]],
  expect = function(vm)
    expect.eq(vm.last.kind, "chain")
  end,
}

s:step "STI costs no trap" {
  minutes = 3,
  say = [[
    Compare with trap: a visit of 1600 cycles has become five
    instructions.]],
  run = function(vm)
    vm:run(till.label "sti_insn")
    vm:run(till.label "cli_insn")
  end,
  show = "cpu",
  note = [[
    Trap-and-emulate needed a trap for STI. Here it became a store to a byte in
    the hypervisor's page, which translated code reaches through GS.]],
  expect = function(vm)
    expect.events({ kind = "fault", vector = 13 }, 0, "instructions that trapped")
    expect.eq(vm.guest.vIF, 1, "virtual IF after STI")
    expect.eq(vm.flags.IF, 1, "real IF: always on, and always the hypervisor's")
  end,
}

s:step "Before POPF" {
  minutes = 2,
  say = [[
    The same instruction, the same bytes on the stack as in popf.]],
  run  = till.label "popf_insn",
  show = "code",
  note = [[
    The instruction that trap-and-emulate lost: POPF with IF = 0 on the stack.]],
  expect = function(vm)
    expect.eq(vm.insn.mnemonic, "popf")
    expect.eq(vm.guest.vIF, 1, "virtual IF before POPF")
  end,
}

s:step "POPF is another program now" {
  minutes = 4,
  say = [[
    Vote and reveal. Then N, and s through the eleven instructions: the real
    EIP moves in the cache, the guest's stays at POPF.]],
  run  = till.label "after_popf",
  show = "cpu",
  ask  = { "POPF with IF = 0 on the stack, translated. What happens?",
           choices = { "#GP: the hypervisor clears the virtual flag", "the virtual IF becomes 0, without a trap",
                       "IF stays as it is, and nobody is told" }, answer = 2 },
  note = [[
    Eleven instructions stand for it: IF of the image goes to the virtual flag,
    the rest to a real POPF. No trap, no visit, and the result is right.]],
  expect = function(vm)
    expect.eq(vm.guest.vIF, 0, "virtual IF after POPF")
    expect.eq(vm.flags.IF, 1, "real IF after POPF")
    expect.events("fault", 0, "instructions that trapped")
    expect.events("silent", 0, "silent failures")
  end,
}

s:step "As on the bare machine" {
  minutes = 3,
  say = [[
    The bill: take parts away with --set bt.chain=0 to show what each is worth.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    The critical section stays whole: the console says what it says bare. Draw
    the cache: ringside draw blocks bt
    and take a part away: ringside run bt --set bt.chain=0]],
  expect = function(vm)
    expect.match(vm.serial, "critical section: undisturbed")
    expect.match(vm.serial, "IF after popf: 0")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "bt-ladder" { kind = "ladder", from = s "Not one instruction of the kernel", to = s "A jump asks once" }
return s
