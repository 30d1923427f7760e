-- A 16-bit program beside a modern kernel: two virtual machines, one hypervisor.
-- Guests: guests/legacy, which goes to real mode and stays there; guests/mini, a small Unix with paging and two rings.

local s = scenario {
  title   = "A computer from 1981, and one of today",
  lecture = "Why virtual machines: software outlives its hardware",
  order   = 14,
  techniques = "bt vtx",
  reading = {
    "Goldberg: Survey of virtual machine research. IEEE Computer 7(6), 1974",
    "Bugnion et al.: Bringing virtualization to the x86 architecture with the original VMware Workstation. ACM TOCS 30(4), 2012",
    "Intel: Software Developer's Manual, volume 3, chapter 20: 8086 emulation; 23.8: restrictions on VMX operation",
  },
  machine = {
    cpu = "vtx", ram = "16M",
    vms = { { guest = "legacy", ram = "4M" },
            { guest = "mini", module = "mini.img", append = 'run="ls; primes 100; halt 0"' } },
  },
}

local LEGACY, MODERN = 0, 1

-- Of one VM: instructions that the hypervisor carried out for it.
local function interpreted(vm, n)
  local count = 0
  for e in vm:events { kind = "emulate" } do
    if e.vm == n then count = count + 1 end
  end
  return count
end

s:step "Two computers, forty years apart" {
  minutes = 3,
  say = [[
    Ask who still has a program nobody can compile any more. Banks, lifts,
    machine tools: the oldest reason for virtual machines, and IBM's.]],
  run  = till.event("switch", { to = MODERN }),
  show = "events",
  ask  = { "A processor is in one mode at a time. Can one hypervisor give it to a real-mode program and to a kernel with paging?",
           choices = { "no: the hypervisor itself needs paging", "yes: mode is a part of the state that it keeps for each",
                       "only if the old program is recompiled" }, answer = 2 },
  note = [[
    Two virtual machines, each with a board and a processor of its own. The
    registers that say in which mode a processor is, CR0 among them, are
    virtual, too: each guest has set its own.]],
  expect = function(vm)
    expect.eq(vm.vms, 2, "virtual machines")
    vm:look(LEGACY)
    expect.eq(vm.guest.cr0 & 1, 0, "PE of the old one: real mode")
    vm:look()
  end,
}

s:step "A segment is a number times sixteen" {
  minutes = 3,
  say = [[
    Let them compute 1000:0012 by hand. Then: what would stop this program from
    storing into the interrupt table? Nothing, on its own machine.]],
  run  = function(vm) vm:run(till.event("emulate", { op = "iret" })) vm:look(LEGACY) end,
  show = "cpu",
  note = [[
    No page tables, no rings: an address is segment times 16 plus offset, and
    interrupts go through a table of far pointers at address 0. All of that
    is in the virtual machine's own memory, which begins at 0 as well.]],
  expect = function(vm)
    vm:look(LEGACY)
    expect.eq(vm.guest.cs, 0x1000, "its CS")
    expect.eq(vm:phys(8 * 4 + 2, 2), "\x00\x10", "segment in its vector 8: its own")
  end,
}

s:step "Two clocks from one" {
  minutes = 3,
  say = [[
    Ask for the vector numbers: 8 was IBM's choice, and collides with the double
    fault of the 286. Every kernel since has moved it; the old program cannot.]],
  run  = till.event("inject", { vector = 8 }),
  show = "events",
  ask  = { "The old program has its timer at vector 8, every 10 ms; the modern kernel at 32, every 1 ms. Whose is the real one?",
           choices = { "the old program's", "the modern kernel's", "the hypervisor's: both have virtual ones" }, answer = 3 },
  note = [[
    Each has a virtual 8254 and a virtual pair of 8259s, and programmed them as
    on a machine of its own. This is the old one's tick, delivered by its table
    at address 0. The modern one has had some, through its gates.]],
  expect = function(vm)
    local modern = 0
    for e in vm:events { kind = "inject", vector = 32 } do
      if e.vm == MODERN then modern = modern + 1 end
    end
    expect.eq(vm.last.vm, LEGACY, "whose interrupt it is")
    expect.gt(modern, 0, "ticks that the modern one has had")
  end,
}

s:step "Who runs it?" {
  minutes = 4,
  say = [[
    The surprise of the lesson. Have the vote first, then open the exits. Later
    processors can run real mode in non-root operation: unrestricted guest.]],
  run  = till.stop(),
  show = "costs",
  ask  = { "Which of the two leaves to the hypervisor more often, per instruction?",
           choices = { "the old one: nothing in it was made for this", "the modern one", "both alike" }, answer = 2 },
  note = [[
    The old one hardly ever left, for the processor hardly ever ran it: the
    first VT-x has no guests in real mode, so the hypervisor interprets each
    of its instructions. The modern one runs by itself, and has to leave.]],
  expect = function(vm)
    local old, new = vm:of(LEGACY), vm:of(MODERN)
    expect.lt(old.exits, 100, "exits of the old one")
    expect.gt(new.exits, 500, "exits of the modern one")
    expect.gt(interpreted(vm, LEGACY), 10000, "instructions interpreted for the old one")
    vm:note(string.format("Exits: %d and %d.", old.exits, new.exits))
  end,
}

s:step "Slow enough to be right" {
  minutes = 3,
  say = [[
    Compute the speed that is left: an interpreted instruction costs a few
    hundred cycles, and still runs faster than on the machine it was made for.]],
  run  = function(vm) vm:look(LEGACY) end,
  show = "serial",
  ask  = { "An interpreter takes some hundred cycles an instruction. A processor of 1981 had 4.77 million cycles a second. Is this one slower?",
           choices = { "yes, by far", "no: the clock is hundreds of times faster" }, answer = 2 },
  note = [[
    Both say what they say alone. An 8088 needed about ten of its cycles for an
    instruction, half a million instructions a second; interpreted here, with
    a clock of gigahertz, it is many times that.]],
  expect = function(vm)
    local old, new = vm:of(LEGACY), vm:of(MODERN)
    expect.eq(old.guest_exit, 0, "verdict of the old one")
    expect.eq(new.guest_exit, 0, "verdict of the modern one")
    expect.match(old.serial, "round 5: 8909", "what it says on a machine of its own, too")
    expect.match(new.serial, "motd")
    local each = old.costs.emulate // interpreted(vm, LEGACY)
    expect.lt(each, 7966, "cycles an interpreted instruction; 10 of 4.77 MHz are 7966 of 3.8 GHz")
    vm:note(string.format("%d cycles an interpreted instruction.", each))
  end,
}

s:draw "beside" { kind = "ladder", from = s "Two computers, forty years apart", to = s "Two computers, forty years apart" }
return s
