-- Isolation: one virtual machine works, the others hog, flood, attack and crash; it does not notice.
-- Guest: guests/tenant, whose first word on the command line says which of these it is.

local s = scenario {
  title   = "Bad neighbours",
  lecture = "Many virtual machines: isolation",
  order   = 12,
  techniques = "te bt vtx",
  reading = {
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
    "Barham et al.: Xen and the art of virtualization. SOSP 2003",
  },
  machine = {
    cpu = "vtx", ram = "4M", set = { ["sched"] = "credit", ["sched.slice"] = 1000, ["sched.period"] = 4000 },
    vms = {
      { guest = "tenant", append = "work rounds=20 units=150 rest=3" },
      { guest = "tenant", append = "hog", background = true },
      { guest = "tenant", append = "flood", background = true },
      { guest = "tenant", append = "attack", background = true },
      { guest = "tenant", append = "crash after=4", background = true },
    },
  },
}

local WORKER, HOG, FLOOD, ATTACKER, CRASH = 0, 1, 2, 3, 4
local RAM, PIECE, TURNS = 4 << 20, 1 << 16, 20 -- bytes: of each, of what is read at a time; turns that are looked at
local turns, touched -- turns of others, and pieces of the worker's memory that were not the same after them

-- All of it, as strings. Nobody touches it by looking.
local function memory(vm, n)
  local pieces = {}
  vm:look(n)
  for at = 0, RAM - 1, PIECE do pieces[#pieces + 1] = vm:phys(at, PIECE) end
  return pieces
end

-- What the worker says when it has a machine to itself: run it with --cpu native.
local ALONE = "round 20: "

s:step "Five tenants" {
  minutes = 2,
  say = [[
    Introduce the five by name; the room will ask about the attacker later.]],
  run  = till.event "switch",
  show = "events",
  note = [[
    Five virtual machines on one processor: one works and sleeps, one never lets
    go of the processor, one wants all the interrupts it can get, one attacks,
    one will die. Each has its own memory, its own board, its own tables.]],
  expect = function(vm)
    expect.eq(vm.vms, 5, "virtual machines")
    expect.eq(vm.last.kind, "switch")
    for n = 0, 4 do expect.eq(vm:of(n).weight, 256, "weight of vm" .. n) end
  end,
}

s:step "Interrupts off, and yet" {
  minutes = 3,
  say = [[
    Vote. The oldest attack on a time-sharing machine.]],
  run = function(vm)
    repeat vm:run(till.event("switch", { why = "turn" })) until vm.last.from == HOG
    vm:look(HOG)
  end,
  show = "events",
  ask  = { "The hog has cleared its interrupt flag and computes for ever. How does the hypervisor get the processor back?",
           choices = { "it cannot", "the real timer interrupts it all the same", "the hog must execute HLT once" }, answer = 2 },
  note = [[
    The flag the hog cleared is a virtual one. The real timer belongs to the
    hypervisor, which set it to the end of this turn: its interrupt makes the
    guest leave, whatever the guest believes.]],
  expect = function(vm)
    expect.eq(vm.guest.vIF, 0, "the interrupt flag the hog believes in")
    expect.eq(vm.last.from, HOG, "who had to stop")
    expect.eq(vm:of(HOG).state, "ready", "it would go on if it could")
  end,
}

s:step "One dies" {
  minutes = 2,
  say = [[
    A triple fault resets a PC. Here it ends one tenant.]],
  run  = till.event("over", { vm = CRASH }),
  show = "events",
  note = [[
    A kernel without an IDT executes an undefined instruction: a triple fault. A
    PC resets itself then. Here only this virtual machine ends, and the reason
    is kept; the others are not told.]],
  expect = function(vm)
    expect.eq(vm:of(CRASH).stop, "died")
    expect.match(vm:of(CRASH).why, "first cause #UD")
    for n = WORKER, ATTACKER do expect.ne(vm:of(n).state, "over", "vm" .. n .. " lives: its state") end
    expect.ok(not vm.ended, "the machine goes on")
  end,
}

s:step "The attacker finds no door" {
  minutes = 4,
  say = [[
    Show 6 with /fault: each try ends somewhere. make attack does a million.]],
  run = function(vm)
    local before
    turns, touched = 0, 0
    repeat
      vm:run(till.event "switch")
      local now = turns < TURNS and vm.last.to ~= WORKER and memory(vm, WORKER) or nil
      if now and before then
        turns = turns + 1
        for n, piece in ipairs(now) do if piece ~= before[n] then touched = touched + 1 end end
      end
      before = now
    until vm.ended or vm:of(ATTACKER).serial:find "4 thousand attempts"
    vm:look(ATTACKER)
    vm:note(string.format("All %d KB of the worker's memory are the same before and after %d turns of others.", RAM // 1024, turns))
  end,
  show = "serial",
  note = [[
    Stores where a hypervisor may lie, jumps there, its selectors, page tables
    that name frames of others, ports of the real board: thousands of tries.
    Each ended in a fault of its own, or in its own memory, or on its own board.]],
  expect = function(vm)
    expect.match(vm:of(ATTACKER).serial, "4 thousand attempts")
    expect.ge(turns, 5, "turns of others before and after which the worker's memory was compared")
    expect.eq(touched, 0, "pieces of it that were not the same")
    expect.ne(vm:of(ATTACKER).state, "over", "it lives, too: its state")
    expect.eq(vm:of(WORKER).stop or "none", "none", "how the worker ended, so far")
  end,
}

s:step "The worker ends well" {
  minutes = 2,
  say = [[
    Its output is that of a worker alone: fidelity under attack.]],
  run  = till.event("over", { vm = WORKER }),
  show = "serial",
  note = [[
    The worker has said what it says when it is alone: each line depends on all
    the memory it computed in. What it had to wait for the processor is the only
    trace of its neighbours.]],
  expect = function(vm)
    local w = vm:of(WORKER)
    expect.eq(w.stop, "exited")
    expect.eq(w.guest_exit, 0, "its verdict")
    expect.match(w.serial, ALONE .. "%x+")
    expect.match(w.serial, "D50A6C43", "the last line of a run alone")
    vm:note(string.format("It had the processor for %d thousand cycles, and waited %d thousand.", w.running // 1000, w.ready // 1000))
  end,
}

s:step "Who had the processor" {
  minutes = 3,
  say = [[
    Accounts by tenant add up to the clock: every cycle has a cause and a
    payer.]],
  run  = function(vm) vm:look(WORKER) end,
  show = "costs",
  ask  = { "Flooding a processor with interrupts costs a lot. Who pays?",
           choices = { "everybody, evenly", "the one that is flooded: it happens in its own turns" }, answer = 2 },
  note = [[
    Equal weights, so nobody may take more than a share while others want
    theirs. What a tenant makes the hypervisor do is charged to that tenant.
    The worker slept in between, and was always served first when it woke.]],
  expect = function(vm)
    local hog, flood, attacker, w = vm:of(HOG), vm:of(FLOOD), vm:of(ATTACKER), vm:of(WORKER)
    local third = (vm.cycles - w.running - vm:of(CRASH).running) // 3
    for name, t in pairs { hog = hog, flood = flood, attacker = attacker } do
      expect.near(t.running, third, third // 5, "cycles of the " .. name .. ": a third of what the worker left")
    end
    expect.lt(w.ready, w.running, "the worker waited less than it ran")
    expect.lt(hog.exits, flood.exits, "visits to the hypervisor: the hog's, the flooded one's")
  end,
}

s:draw "isolate" { kind = "ladder", from = s "Interrupts off, and yet", to = s "Interrupts off, and yet" }
return s
