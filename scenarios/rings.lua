-- Ring compression: hypervisor in 0, guest kernel in 1, programs in 3; a system call and a tick travel through it.
-- Guest: guests/rings, a kernel with two tasks in ring 3.

local s = scenario {
  title   = "Ring compression: a system call takes the long way",
  lecture = "Rings and ring compression",
  order   = 3,
  techniques = "te",
  reading = {
    "Intel SDM vol. 3A chapters 5 and 6: protection, interrupts",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Robin, Irvine: Analysis of the Intel Pentium's ability to support a secure virtual machine monitor. USENIX Security 2000",
  },
  machine = { preset = "classic", guest = "rings", ram = "4M" },
}

s:step "Three inhabitants, three rings" {
  minutes = 2,
  say = [[
    0/1/3. Ask why not 0/3/3: then nothing protects the kernel from its
    programs but page tables.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    Ring 0: the hypervisor. Ring 1: the guest kernel, which believes it is in
    ring 0. Ring 3: programs, as always. Ring 2 stays empty. The guest's kernel
    segments were rewritten from privilege 0 to 1.]],
  expect = function(vm)
    expect.eq(vm.cpl, 1, "the kernel's real ring")
    expect.eq(vm.guest.cpl, 0, "the ring it believes in")
    expect.eq(vm.cs & 3, 1, "the ring that shows in the selector CS")
  end,
}

s:step "Into ring 3" {
  minutes = 3,
  say = [[
    An IRET outwards traps on purpose here. In the lecture's picture this
    arrow is usually missing.]],
  run  = till.label "user_a",
  show = "rings",
  note = [[
    The kernel starts its first program with IRET, as on a bare machine. Going
    outwards from ring 1 to ring 3 also goes through the hypervisor: it must
    know whether kernel or program runs.]],
  expect = function(vm)
    expect.eq(vm.cpl, 3, "real ring of the program")
    expect.eq(vm.guest.cpl, 3, "ring the guest believes in")
    expect.events({ kind = "emulate", op = "iret" }, 1, "IRET instructions emulated")
  end,
}

s:step "INT 80h" {
  minutes = 3,
  say = [[
    Vote. The IDT is one register, and it is the hypervisor's.]],
  run  = till.event "int",
  show = "rings",
  ask  = { "The program calls its kernel with INT 80h. Which ring does the CPU go to?",
           choices = { "ring 1: the guest kernel", "ring 0: the hypervisor", "ring 0: the guest kernel" }, answer = 2 },
  note = [[
    INT 80h goes through the interrupt table the CPU knows, and that one is the
    hypervisor's. So the call lands in ring 0, in the hypervisor, and not in the
    kernel it was meant for.]],
  expect = function(vm)
    expect.events({ kind = "int", vector = 0x80, cpl = 3 }, 1, "INT 80h executed in ring 3")
    expect.events({ kind = "gate", from = 3, to = 0, vector = 0x80 }, 1, "gates passed from ring 3 to 0")
    expect.eq(vm.cpl, 0, "ring it landed in")
    expect.eq(vm.place, "hypervisor")
  end,
}

s:step "Handed on to the kernel" {
  minutes = 3,
  say = [[
    The frame on the kernel's stack is the one the CPU would have built. 1 and
    2 show it.]],
  run  = till.label "syscall_entry",
  show = "rings",
  note = [[
    The hypervisor looks into the guest's own interrupt table, builds on the
    kernel's stack the frame the CPU would have built, and goes to the kernel's
    entry in ring 1. The kernel sees an ordinary system call.]],
  expect = function(vm)
    expect.events({ kind = "inject", vector = 0x80 }, 1, "calls handed on to the guest kernel")
    expect.eq(vm.cpl, 1, "real ring of the kernel")
    expect.eq(vm.guest.cpl, 0, "ring the kernel believes in")
    expect.eq(vm:u32(vm.esp + 4) & 3, 3, "ring of the caller, in CS on the kernel's stack")
  end,
}

s:step "And back to the program" {
  minutes = 3,
  say = [[
    Count arrows: two on the bare machine, four here.]],
  run  = till.ring(3),
  show = "events",
  note = [[
    The kernel prints the text, each character a trapping OUT, and returns with
    IRET. On the bare machine a call changes rings twice. Here each change is
    doubled, and every port access adds two more.]],
  expect = function(vm)
    expect.eq(vm.place, "user")
    expect.events({ kind = "exit", reason = "return" }, 1, "returns to ring 3 that trapped")
    expect.match(vm.serial, "a: running in ring") -- the last characters may still be on the wire
  end,
}

s:step "The timer takes the CPU away" {
  minutes = 3,
  say = [[
    Two clocks: the real timer and the guest's virtual one. They need not tick
    together.]],
  run  = till.label "timer_entry",
  show = "rings",
  note = [[
    A real timer interrupt ends in ring 0 first, too. The hypervisor serves its
    own device, sees that the guest's virtual timer is due, and delivers vector
    20h to the kernel in ring 1. There the other task gets its turn.]],
  expect = function(vm)
    expect.eq(vm.cpl, 1, "real ring of the kernel's timer handler")
    expect.events({ kind = "inject", vector = 0x20 }, 1, "timer interrupts delivered to the guest")
    expect.eq(vm:u32(vm.esp + 4) & 3, 3, "ring of the interrupted program")
  end,
}

s:step "CLI in ring 3 is a crime in both worlds" {
  minutes = 3,
  say = [[
    The virtual ring decides, not the trap. That is the rule for every
    reflected fault.]],
  run  = till.label "general_protection",
  show = "events",
  ask  = { "A program in ring 3 executes CLI: #GP. Does the hypervisor emulate CLI?",
           choices = { "yes, as for the kernel", "no: it hands the #GP to the guest kernel" }, answer = 2 },
  note = [[
    The same trap as from the kernel, but the virtual ring is 3: on a bare
    machine this would be the kernel's #GP too. So the hypervisor emulates
    nothing and delivers the fault through the guest's own interrupt table.]],
  expect = function(vm)
    expect.events({ kind = "inject", vector = 13 }, 1, "#GP delivered to the guest kernel")
    expect.events({ kind = "emulate", op = "cli" }, 0, "CLI instructions emulated")
    expect.eq(vm.guest.cpl, 0, "ring the guest believes in: its kernel handles it")
  end,
}

s:step "To the end" {
  minutes = 2,
  say = [[
    Preemption and system calls work as on the bare machine. Only the bill
    differs: = puts both beside each other.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    Both tasks were preempted and finished; the output is that of the bare
    machine. What ring compression costs: 5 shows where the cycles went.]],
  expect = function(vm)
    expect.match(vm.serial, "rings: ok")
    expect.eq(vm.exit_code, 0)
    expect.ge(vm.exits.int, 10, "system calls that went through the hypervisor")
  end,
}

s:draw "syscall-ladder" { kind = "ladder", from = s "INT 80h", to = s "Handed on to the kernel" }
return s
