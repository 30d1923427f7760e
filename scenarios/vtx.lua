-- Hardware assist: the kernel is in ring 0 again, and the processor itself tells what leaves and what does not.
-- Guest: guests/popf, the one whose POPF is lost in ring 1.

local s = scenario {
  title   = "VT-x: a ring 0 for the guest",
  lecture = "Hardware-assisted virtualization",
  order   = 8,
  techniques = "vtx",
  reading = {
    "Uhlig et al.: Intel virtualization technology. IEEE Computer 38(5), 2005",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
    "Intel SDM vol. 3C chapters 24 to 28: VMCS, non-root operation, exits, EPT",
  },
  machine = { cpu = "vtx", mmu = "shadow", guest = "popf", ram = "4M" },
}

s:step "VM entry" {
  minutes = 3,
  say = [[
    Two ring 0s. Root and non-root are a second dimension, not a ring -1.]],
  run  = till.label "kmain",
  show = "rings",
  note = [[
    The same kernel, unchanged, and its ring is 0: the processor runs it in
    non-root operation. The hypervisor is in ring 0 too, but in root operation,
    in an address space of its own. A VMCS in memory says what leaves.]],
  expect = function(vm)
    expect.eq(vm.cpl, 0, "real ring of the kernel")
    expect.eq(vm.guest.cpl, 0, "ring the kernel believes in")
    expect.eq(vm.place, "kernel")
    expect.events("gate", 0, "gates passed")
  end,
}

s:step "OUT leaves" {
  minutes = 4,
  say = [[
    An exit is not a fault: no gate, no stack of the guest is touched. The
    reason comes with it.]],
  run  = till.event "vmexit",
  show = "events",
  ask  = { "OUT in ring 0 of the guest. What stops it from reaching the device?",
           choices = { "the ring", "a bit in the VMCS", "nothing" }, answer = 2 },
  note = [[
    No fault, no gate, no stack switch: I/O exiting is set in the VMCS, so the
    processor saves the guest there, loads the host, and tells reason, port and
    size. The hypervisor need not even decode the instruction.]],
  expect = function(vm)
    expect.eq(vm.last.reason, "io")
    expect.events("fault", 0, "faults")
    expect.eq(vm.place, "hypervisor")
  end,
}

s:step "And comes back" {
  minutes = 3,
  say = [[
    The first generation was slower at exits than a trap. Leaving rarely is
    what pays.]],
  run  = till.event "vmentry",
  show = "events",
  note = [[
    The virtual device has its byte, EIP in the VMCS is moved behind the OUT,
    VMRESUME. Exit and entry alone are 4340 cycles on this first VT-x: more
    than trap-and-emulate's gate and IRET. Leaving rarely is what pays.]],
  expect = function(vm)
    expect.events({ kind = "emulate", op = "out" }, 1, "OUT instructions emulated")
    expect.eq(vm.place, "kernel")
  end,
}

s:step "STI does not leave" {
  minutes = 3,
  say = [[
    Compare with trap: this was a visit there.]],
  run = function(vm)
    vm:run(till.label "sti_insn")
    vm:step()
  end,
  show = "cpu",
  note = [[
    IF is the guest's own: real, in the real EFLAGS, and saved and loaded with
    it. Real interrupts leave whatever IF says, so the machine stays the
    hypervisor's. Under trap-and-emulate this STI was a visit.]],
  expect = function(vm)
    expect.eq(vm.flags.IF, 1, "real IF")
    expect.events({ kind = "emulate", op = "sti" }, 0, "STI instructions emulated")
  end,
}

s:step "The first tick" {
  minutes = 3,
  say = [[
    Injection by the VMCS: the CPU does what the hypervisor did by hand in
    rings.]],
  run  = till.label "tick",
  show = "events",
  note = [[
    The timer made the guest leave. Its virtual timer is due, too: the vector
    is put into the VMCS, and VM entry delivers it through the guest's own
    IDT. If IF were clear, the interrupt window would tell when it is set.]],
  expect = function(vm)
    expect.events({ kind = "inject", vector = 0x20 }, 1, "timer interrupts injected")
    expect.eq(vm.flags.IF, 0, "real IF in the handler")
  end,
}

s:step "POPF works" {
  minutes = 3,
  say = [[
    Vote before: who still believes in the silent failure? Then run popf
    beside it.]],
  run  = till.label "after_popf",
  show = "cpu",
  ask  = { "POPF with IF = 0 on the stack, in ring 0 of the guest. Does IF change?",
           choices = { "yes", "no, and nobody notices", "no, it leaves" }, answer = 1 },
  note = [[
    Ring 0 is ring 0: POPF clears IF, as on a bare machine, and no hypervisor
    hears of it. All nineteen instructions of the list behave so. That is what
    the hardware was changed for.]],
  expect = function(vm)
    expect.eq(vm.flags.IF, 0, "real IF")
    expect.no_silent()
  end,
}

s:step "The end is the bare machine's" {
  minutes = 3,
  say = [[
    What still leaves: ports and page tables. That leads to twolevel and dev3.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    Every line as on the bare machine. What is left to pay for: page tables,
    for they are shadowed here, and ports. Each is an exit, and the next
    processors brought a second level of page tables against it.]],
  expect = function(vm)
    expect.eq(vm.exit_code, 0)
    expect.no_silent()
  end,
}
s:draw "vtx-ladder" { kind = "ladder", from = s "OUT leaves", to = s "And comes back" }
return s
