-- Popek and Goldberg's three properties of a virtual machine monitor, measured on one run.
-- Guest: guests/rings, which uses nothing that fails silently for anything that matters.

local WINDOW = 0xFFC00000 -- where the hypervisor lives in every address space

-- What it prints on the bare machine: `run` tells if that ever changes.
local PRINTED = [[
rings: kernel in ring 0, two tasks in ring 3
a: running in ring 3
a: the timer has ticked
b: a moved while I was spinning
b: kernel address refused
kernel: #GP(0000) from ring 3, cli skipped
b: cli refused
a: b moved while I was spinning
b: done
task a: preempted, finished
task b: preempted, finished
rings: ok
]]

local s = scenario {
  title   = "Fidelity, performance, safety: what a monitor promises",
  lecture = "What a virtual machine is",
  order   = 0,
  techniques = "te bt",
  reading = {
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
    "Bugnion et al.: Bringing virtualization to the x86 architecture with the original VMware Workstation. TOCS 30(4), 2012",
  },
  machine = { preset = "classic", guest = "rings", ram = "4M" },
}

s:step "Three promises" {
  minutes = 3,
  say = [[
    Write the three words on the board before you go on; everything later is
    one of them being paid for.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    Fidelity: the program behaves as on the bare machine, but for time and the
    amount of resources. Performance: most instructions run on the processor
    itself. Safety: the monitor, and nobody else, controls the resources.]],
  expect = function(vm)
    expect.ok(vm.virtual, "there is a monitor")
    expect.eq(vm.guest.cpl, 0, "the ring the kernel believes in")
    expect.eq(vm.cpl, 1, "the ring it is in")
  end,
}

s:step "Safety: the guest owns nothing" {
  minutes = 3,
  say = [[
    Show 2 (CPU): real beside believed. Ask which of the two columns the guest
    could print. Only the right one.]],
  run  = till.label "user_a",
  show = "cpu",
  note = [[
    The kernel has loaded its tables, its task register and CR3, and switched
    interrupts off: in the copy of these registers that the hypervisor keeps
    for it. The real ones are the hypervisor's, and its memory is out of reach.]],
  expect = function(vm)
    local loaded = 0
    for e in vm:events { kind = "emulate" } do
      if e.op == "lgdt" or e.op == "lidt" or e.op == "ltr" then loaded = loaded + 1 end
    end
    expect.at_least(loaded, 3, "table registers that the guest has loaded")
    expect.ge(vm.gdt_base, WINDOW, "the real GDT is in the hypervisor's window")
    expect.ge(vm.idt_base, WINDOW, "so is the real IDT")
    expect.lt(vm.guest.gdt_base, WINDOW, "the guest's GDT is its own")
    expect.eq(vm.flags.IF, 1, "the real interrupt flag")
    expect.ok(vm:translate(WINDOW, "write", 3).real.fault, "a program cannot write there (error code)")
  end,
}

s:step "Safety: a program tries" {
  minutes = 3,
  say = [[
    The usual wrong answer: the hypervisor emulates CLI, since it may. It must
    not: the virtual ring is 3.]],
  run  = function(vm)
    vm:run(till.event("inject", { vector = 13 }))
    vm:run(till.ring(1))
  end,
  show = "events",
  note = [[
    A program executes CLI in ring 3. That traps to the hypervisor, which owns
    the interrupt flag; but in the guest's own world it is a fault, too, and so
    the guest's kernel gets it, as on the bare machine.]],
  expect = function(vm)
    expect.eq(vm.flags.IF, 1, "the real interrupt flag, still")
    expect.events({ kind = "inject", vector = 13 }, 1, "faults handed to the guest's kernel")
    expect.ge(vm.idt_base, WINDOW, "the real IDT, still")
  end,
}

s:step "Performance: most of it is nobody's business" {
  minutes = 4,
  say = [[
    Let them guess the order of magnitude by show of hands before p.
    Performance is defined by who executes, not by the clock.]],
  run  = till.stop(),
  show = "cycles",
  ask  = { "How many of the guest's instructions did the hypervisor carry out?",
           choices = { "about half", "one in ten", "fewer than one in a thousand" }, answer = 3 },
  note = [[
    Harmless instructions run on the processor itself. Here millions did; fewer
    than two thousand were carried out by the hypervisor. The measure is who
    executes, not the clock: exits cost time, too, and that is another bill.]],
  expect = function(vm)
    local emulated, inside = 0, 0
    for _ in vm:events { kind = "emulate" } do emulated = emulated + 1 end
    for p in vm:episodes() do inside = inside + p.cycles end
    expect.gt(emulated, 1000, "instructions the hypervisor carried out")
    expect.lt(emulated * 10000 // vm.instructions, 10, "of 10,000 instructions, carried out by it")
    expect.lt(inside * 100 // vm.cycles, 50, "of 100 cycles, spent in visits to it")
  end,
}

s:step "Fidelity: the guest ends as if alone" {
  minutes = 3,
  say = [[
    = shows all machines beside each other. "Essentially identical" means: all
    but time and resources.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    What it printed is what it prints on the bare machine, line by line; where a
    pair of machines parts, `ringside compare` finds the instruction. Only time
    passed otherwise, and that a monitor may change.]],
  expect = function(vm)
    expect.eq(vm.exit_code, 0, "the guest ended well")
    expect.no_silent()
    expect.eq(vm.serial, PRINTED, "what it printed")
    expect.eq(vm.guest.cpl, 0, "the ring it believes in")
  end,
}

s:draw "goals-ladder" { kind = "ladder", from = s "Safety: a program tries", to = s "Safety: a program tries" }
return s
