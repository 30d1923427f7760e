-- Paravirtualization: a kernel that was ported asks its hypervisor, instead of being caught.
-- Guest: guests/pvtest, which tries each part of the Xen 3 interface once, then everything that is forbidden.

local s = scenario {
  title   = "Paravirtualization: ask, do not trap",
  lecture = "Paravirtualization",
  order   = 8,
  techniques = "pv",
  reading = {
    "Barham et al.: Xen and the art of virtualization. SOSP 2003",
    "Adams, Agesen: A comparison of software and hardware techniques for x86 virtualization. ASPLOS 2006",
  },
  machine = { cpu = "pv", mmu = "direct", guest = "pvtest", ram = "8M" },
}

local UPDATES = 64 -- changes of page-table entries in each of the guest's two batches

-- Visits for mmu_update since an event, and their cycles from leaving the guest to its next instruction.
local function updates(vm, since)
  local n, cycles = 0, 0
  for visit in vm:episodes { reason = "hypercall", since = since } do
    if visit.telling.op == "mmu_update" then n, cycles = n + 1, cycles + visit.cycles end
  end
  return n, cycles
end

s:step "A kernel that knows" {
  minutes = 2,
  say = [[
    Change the guest instead of deceiving it. ringside explain port: how many
    lines that is.]],
  run  = till.label "kmain",
  show = "address",
  note = [[
    Nobody deceives this kernel: it was started in ring 1 with paging on, and
    expects that. Its own page tables are those the CPU walks. They hold machine
    addresses, so nothing is shadowed and no fault is ever hidden.]],
  expect = function(vm)
    local t = vm:translate("kmain", "exec")
    expect.eq(vm.cpl, 1, "the kernel's ring")
    expect.eq(vm.guest.cpl, 1, "the ring it believes in")
    expect.eq(vm.cr3, vm.guest.cr3, "the CPU's CR3 is the guest's")
    expect.eq(t.ma, t.pa, "machine address of its code is what its own table says")
  end,
}

s:step "A hypercall" {
  minutes = 3,
  say = [[
    INT 82h is to the hypervisor what INT 80h is to the kernel.]],
  run  = till.event "hypercall",
  show = "events",
  note = [[
    To print a line the kernel calls a page that the hypervisor filled: a number
    in EAX, then INT 82h. The gate has privilege 1, so the kernel may use it and
    programs may not. Nothing is decoded: the kernel says what it wants.]],
  expect = function(vm)
    expect.eq(vm.last.op, "console_io")
    expect.eq(vm.last.result, 0, "result, as EAX will hold it")
    expect.events({ kind = "gate", vector = 0x82, from = 1, to = 0 }, 1, "INT 82h from ring 1 to ring 0")
    expect.events("emulate", 0, "instructions emulated")
  end,
}

s:step "A page table is read-only" {
  minutes = 3,
  say = [[
    Vote. The frame types are the whole security argument: table or writable,
    never both.]],
  run = function(vm)
    vm:run(till.label "change_tables")
    vm:run(till.event("hypercall", { op = "mmu_update" }))
    expect.eq(vm.last.result, 0, "result of mmu_update")
    vm:run(till.event "true") -- the machine-to-physical table is read-only, too
    vm:run(till.event "true")
  end,
  show = "address",
  ask  = { "The kernel stores into its own page table. What happens?",
           choices = { "nothing special: the table is its own", "a page fault that it sees", "a hidden fault" }, answer = 2 },
  note = [[
    What the CPU walks no guest may write: a frame is a page table or writable,
    never both. A change is a request, mmu_update, and is checked. A plain store
    is the kernel's own mistake, and its own page fault.]],
  expect = function(vm)
    expect.eq(vm.guest.cr2, vm.last.va, "the address, as the kernel will find it in shared memory")
    expect.ok(vm:translate(vm.last.va, "write").fault, "the entry forbids stores (error code)")
    expect.events("hidden", 0, "hidden page faults")
  end,
}

local single, single_cycles

s:step "64 hypercalls" {
  minutes = 2,
  say = [[
    Only note the number of cycles, for the next step.]],
  run = function(vm)
    vm:run(till.label "one_by_one")
    local mark = vm.last.id
    vm:run(till.label "all_at_once")
    single, single_cycles = updates(vm, mark)
  end,
  show = "events",
  note = [[
    The kernel changes an entry 64 times, with a hypercall for each. Every one
    pays for the gate, the way into the hypervisor and the way back; the check
    itself is the smaller part.]],
  expect = function(vm) expect.eq(single, UPDATES, "visits to the hypervisor") end,
}

s:step "One hypercall for all" {
  minutes = 3,
  say = [[
    Batching is what a trap can never do: a trap knows one instruction.]],
  run = function(vm)
    local mark = vm.last.id
    vm:run(till.label "after_batches")
    local n, cycles = updates(vm, mark)
    expect.eq(n, 1, "visits to the hypervisor for mmu_update")
    expect.lt(cycles * 4, single_cycles, "a quarter of what the 64 cost")
    vm:note(string.format("64 changes: %d cycles one by one, %d in one list.", single_cycles, cycles))
  end,
  show = "events",
  ask  = { "The same 64 changes as one list. How much cheaper?", choices = { "a little", "several times" }, answer = 2 },
  note = [[
    The request takes a list. Trap-and-emulate cannot do that: a trap is one
    instruction, and what the kernel will do next nobody knows. Batching is the
    reward for having changed the kernel.]],
}

s:step "System calls without the hypervisor" {
  minutes = 3,
  say = [[
    Compare with rings. The gate to ring 1 is real.]],
  run = function(vm)
    vm:run(till.label "user_syscall")
    local exits, mark = vm.exits.total, vm.last.id
    vm:run(till.label "syscall_entry")
    expect.eq(vm.exits.total, exits, "visits to the hypervisor so far")
    expect.events({ kind = "gate", vector = 0x80, from = 3, to = 1, since = mark }, 1, "INT 80h straight from ring 3 to ring 1")
    vm:run(till.label "user_syscall")
    expect.eq(vm.exits.total, exits, "and none on the way back")
  end,
  show = "rings",
  ask  = { "A program executes INT 80h. The interrupt table is the hypervisor's. Who gets the call first?",
           choices = { "the hypervisor", "the guest kernel" }, answer = 2 },
  note = [[
    The kernel registered its handler; the hypervisor put it into the real
    table, as a gate to ring 1. So the CPU goes from ring 3 to 1 by itself, and
    IRET back. Compare the scenario rings, where the same call takes two visits.]],
}

s:step "An event instead of an interrupt" {
  minutes = 3,
  say = [[
    Masking is a store to shared memory: the cheap CLI.]],
  run = function(vm)
    vm:run(till.label "timer")
    vm:run(till.event("hypercall", { op = "set_timer_op" }))
    vm:run(till.event "upcall")
  end,
  show = "events",
  note = [[
    The kernel asked for a timer event and blocked. At the time a bit is set in
    memory that both share, and the kernel's callback is entered. Masking events
    is a store to another byte there: no CLI, no trap, no visit.]],
  expect = function(vm)
    expect.eq(vm.last.kind, "upcall")
    expect.ge(vm.costs.idle, 1, "cycles the machine slept meanwhile")
    expect.events({ kind = "emulate", op = "cli" }, 0, "CLI instructions")
  end,
}

s:step "What is forbidden" {
  minutes = 3,
  say = [[
    Each line names its rule. Ask for an attack that is not in the list.]],
  run = function(vm)
    vm:run(till.label "forbidden")
    vm:run(till.event "refused")
    expect.eq(vm.last.rule, "foreign-frame", "the first rule that was broken")
    vm:run(till.stop())
  end,
  show = "serial",
  note = [[
    Last, the guest tries what it may not, such as mapping the hypervisor's
    frames. Each entry is checked: whose frame, used as what, which bits. The
    log has the rule, the kernel gets an error number, nothing else happens.]],
  expect = function(vm)
    expect.match(vm.serial, "system calls: 100")
    expect.match(vm.serial, "pvtest: ok")
    expect.eq(vm.exits["int"], 1, "software interrupts that went through the hypervisor")
    expect.eq(vm.exit_code, 0)
  end,
}

s:draw "pv-hypercall" { kind = "ladder", from = s "A kernel that knows", to = s "A hypercall" }
return s
