-- A whole operating system on the bare machine: what a kernel does with rings, page tables and the timer.
-- Guest: guests/mini, a small Unix. The other scenarios show what becomes of these very instructions under a hypervisor.

local TEXT = 0x400000 -- where programs begin

local s = scenario {
  title   = "mini: what a kernel needs its machine for",
  lecture = "What there is to virtualize",
  order   = 5,
  techniques = "native",
  reading = {
    "Intel SDM vol. 3A chapters 5 and 6: protection, interrupts",
    "Intel SDM vol. 3A chapter 4: paging",
  },
  machine = { preset = "native", guest = "mini", module = "mini.img", append = 'run="cow; sieve 400000"' },
}

s:step "A kernel at C0000000" {
  minutes = 2,
  say = [[
    No hypervisor here: first see what there is to virtualize.]],
  run  = till.label "kernel_main",
  show = "address",
  note = [[
    The loader put the kernel at 1 MB and paging was off. Its first instructions
    made a page table that shows this memory at C0000000 as well, switched
    paging on and jumped up. All below is left to programs.]],
  expect = function(vm)
    expect.eq(vm.cpl, 0, "ring")
    expect.eq(vm:translate("kernel_main", "exec").pa, vm:find "kernel_main" - 0xC0000000, "physical address of the kernel's code")
    expect.ok(vm:translate("kernel_main", "write").fault, "the kernel cannot even change its own code (error code)")
    expect.ok(vm:translate(0, "read").fault, "page 0 is not mapped (error code)")
  end,
}

s:step "The first program" {
  minutes = 2,
  say = [[
    IRET as a way into ring 3; it will matter in rings.]],
  run  = till.ring(3),
  show = "address",
  ask  = { "The kernel has read the program's headers and built its stack. How much of its code is in memory?",
           choices = { "all of it", "the first page", "nothing" }, answer = 3 },
  note = [[
    IRET takes a frame that the kernel made by hand, with CS of ring 3, and goes
    to process 1, a program that never ran before. Not one byte of its code is
    in memory yet: the entry of its page table is empty.]],
  expect = function(vm)
    expect.eq(vm.eip, TEXT, "first instruction")
    expect.eq(vm.cpl, 3, "ring")
    expect.ok(vm:translate(TEXT, "exec").fault, "there is nothing at the first instruction (error code)")
  end,
}

s:step "First touch" {
  minutes = 3,
  say = [[
    Demand paging; the same fault will be true later, under a hypervisor.]],
  run = function(vm)
    vm:run(till.trap "PF")
    expect.eq(vm.cr2, TEXT, "CR2, the address that faulted")
    vm:run(till.label "demand")
    vm:run(till.ring(3))
  end,
  show = "events",
  note = [[
    So its first instruction is a page fault. The kernel finds out what belongs
    there, reads that page of the file, fills in the entry and returns to the
    same instruction. The program never notices.]],
  expect = function(vm)
    expect.eq(vm.eip, TEXT, "the instruction that is tried again")
    expect.ok(vm:translate(TEXT, "exec").pa, "now there is a page")
    expect.ok(vm:translate(TEXT, "write").fault, "but not for writing (error code)")
  end,
}

s:step "A system call" {
  minutes = 3,
  say = [[
    Count ring changes: two. Keep the number.]],
  run = function(vm)
    vm:run(till.trap(0x80))
    expect.eq(vm.cpl, 0, "one gate further, and it is ring 0")
    expect.eq(vm.eip, vm:find "syscall_entry", "where the gate leads")
    vm:run(till.label "kernel_syscall")
  end,
  show = "rings",
  note = [[
    INT 80h goes through a gate of the kernel's own table to an address of the
    kernel's choice, and to the stack that the TSS names for ring 0. Nobody is
    in between; under a hypervisor this becomes a long way.]],
  expect = function(vm)
    expect.events({ kind = "gate", vector = 0x80, from = 3, to = 0 }, 1, "gates passed from ring 3 to 0")
    local frame = vm:u32(vm.esp + 4) -- the first argument: the registers of the program, as entry and gate pushed them
    expect.eq((vm:u32(frame + 52) or 0) & 3, 3, "ring of the caller, in the CS that the gate pushed")
  end,
}

local stack -- a page of the parent's

s:step "Fork shares" {
  minutes = 3,
  say = [[
    Only tables are copied. This is what page-table techniques are measured
    by.]],
  run = function(vm)
    vm:run(till.label "space_copy")
    vm:run(till.ring(3))
    stack = vm.esp
  end,
  show = "address",
  note = [[
    fork makes a second process with the same pages: only the tables are copied.
    Every entry that allowed writing has lost that right, in both processes, and
    a bit that the CPU ignores marks it: copy on write.]],
  expect = function(vm)
    local t = vm:translate(stack, "write", 3)
    expect.eq(t.fault, 7, "error code of a store to the stack: present, write, user")
    expect.ok(t.path[2] and t.path[2].entry & 0x200 ~= 0, "the mark in the entry")
  end,
}

s:step "The first store copies" {
  minutes = 3,
  say = [[
    Ask before: how many pages are copied?]],
  run = function(vm)
    local before = vm:translate(stack, "read").pa
    vm:run(till.label "cow")
    vm:run(till.ring(3))
    local after = vm:translate(stack, "write", 3).pa
    expect.ok(after, "the store is allowed now")
    expect.ne((after or 0) & ~0xFFF, (before or 0) & ~0xFFF, "frame of the page, before and after")
  end,
  show = "address",
  note = [[
    Whoever stores first gets a page fault and then a copy of his own; INVLPG
    throws the old translation out of the TLB. Most pages are never stored to
    and never copied: a fork costs a fraction of what it promises.]],
}

s:step "The timer interrupts" {
  minutes = 2,
  say = [[
    No program can refuse. A hypervisor must be able to say the same of
    kernels.]],
  run = function(vm)
    repeat vm:run(till.event("irq", { vector = 0x20 })) until vm.ended or vm.last.cpl == 3
    vm:run(till.label "kernel_tick")
  end,
  show = "events",
  note = [[
    A thousand times a second the 8254 interrupts, whatever runs. No program can
    refuse: CLI in ring 3 is a fault. Every other time the kernel gives the
    processor to the next in line: another CR3, another stack in the TSS.]],
  expect = function(vm)
    expect.eq(vm.cpl, 0, "ring")
    expect.eq(vm.flags.IF, 0, "IF: the gate has cleared it")
    expect.events({ kind = "gate", vector = 0x20, from = 3, to = 0 }, 1, "ticks that interrupted a program")
  end,
}

s:step "To the end" {
  minutes = 3,
  say = [[
    Make the list on the board: ring changes, CR3, INVLPG, IF, ports, page
    tables. Each part of the lecture crosses one off.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    The program counted for itself: three stores, three copies. Ring changes,
    CR3, INVLPG, IF, ports, page tables: a hypervisor has to do something about
    each of them, or the kernel must change.]],
  expect = function(vm)
    expect.match(vm.serial, "child: stored into 3 shared pages: 3 copied")
    expect.match(vm.serial, "sieve: 33860 primes below 400000")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "mini-ladder" { kind = "ladder", from = s "A system call", to = s "Fork shares" }
return s
