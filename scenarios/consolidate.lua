-- Consolidation: eight computers that mostly sleep fit on one.
-- Guest: guests/tenant, seven of them at work: they compute for a while, sleep for a while, and say what they computed. The eighth
-- computes for ever.

local s = scenario {
  title   = "Eight computers in one",
  lecture = "Many virtual machines: consolidation",
  order   = 11,
  techniques = "te bt vtx",
  reading = {
    "Waldspurger: Memory resource management in VMware ESX Server. OSDI 2002",
    "Cherkasova, Gardner: Measuring CPU overhead for I/O processing in the Xen virtual machine monitor. USENIX 2005",
  },
  machine = {
    cpu = "vtx", ram = "4M", set = { ["sched"] = "credit", ["sched.slice"] = 2000 },
    vms = { { guest = "tenant", append = "work rounds=10 units=90 rest=5", count = 7 },
            { guest = "tenant", append = "hog", cap = 20, background = true } },
  },
}

local SERVERS, BATCH, LAST = 7, 7, "round 10: 3107E651" -- what it says at last on a machine of its own

local function percent(part, whole) return 100 * part // whole end

s:step "Eight machines" {
  minutes = 2,
  say = [[
    The economic reason for it all: servers that sleep.]],
  run  = till.event "switch",
  show = "events",
  note = [[
    Seven small servers: each computes, then sleeps until the timer has ticked a
    few times. On a machine of its own the processor would be idle most of the
    time. The eighth is a batch job that always wants more.]],
  expect = function(vm)
    expect.eq(vm.vms, 8, "virtual machines")
    expect.eq(vm.last.to, vm.now, "who has the processor now")
    for n = 0, 7 do expect.ne(vm:of(n).state, "over", "vm" .. n .. "'s state") end
  end,
}

s:step "One sleeps, the next one runs" {
  minutes = 2,
  say = [[
    HLT is the most useful exit there is.]],
  run  = till.event("switch", { why = "sleep" }),
  show = "events",
  note = [[
    A guest that has nothing to do executes HLT. That leaves to the hypervisor,
    which knows what to do with a processor nobody needs: it saves what hardware
    holds of this guest and loads another one's.]],
  expect = function(vm)
    expect.eq(vm.last.why, "sleep")
    expect.eq(vm:of(vm.last.from).state, "asleep", "the one that gave the processor away")
    expect.eq(vm:of(vm.now).state, "running", "the one that got it")
  end,
}

s:step "What a switch costs" {
  minutes = 3,
  say = [[
    No memory moves; caches and TLB do. Vote before the number.]],
  run = function(vm)
    local before, turns = vm.costs.switch, 0
    for _ = 1, 20 do
      vm:run(till.event "switch")
      turns = turns + 1
    end
    vm:note(string.format("%d cycles a switch, before the first TLB miss.", (vm.costs.switch - before) // turns))
  end,
  show = "costs",
  ask  = { "The registers are few. What else does a switch between machines cost?",
           choices = { "nothing", "the TLB: translations of the other machine must go", "a copy of its memory" }, answer = 2 },
  note = [[
    CR3 is loaded, the hypervisor's own window is another one, so the whole TLB
    is emptied: the next accesses walk page tables. The memory of a virtual
    machine stays where it is.]],
  expect = function(vm)
    expect.ge(vm.costs.switch, 20 * 1000, "cycles of the switches so far")
    expect.gt(vm.costs.walk, 0, "cycles of page walks")
  end,
}

s:step "A job without end" {
  minutes = 3,
  say = [[
    Weight and cap: what is bought and what is limited.]],
  run  = till.stop(),
  show = "costs",
  ask  = { "The batch job may have at most 20 % of the processor. The servers leave a third of it idle. What does the job get?",
           choices = { "the idle third", "20 %, and the rest stays idle", "nothing while a server could want it" }, answer = 2 },
  note = [[
    A weight is a share among those who want the processor now. A cap is a
    limit, even when nobody else wants it: who rents out machines sells caps.
    The servers mostly sleep, so they have credit left and are served first.]],
  expect = function(vm)
    local job = vm:of(BATCH)
    expect.near(100 * job.running, 20 * vm.cycles, 4 * vm.cycles, "hundredths of its cycles: the cap")
    expect.gt(job.capped, vm.cycles // 5, "cycles it was held back")
    for n = 0, SERVERS - 1 do
      local v = vm:of(n)
      expect.lt(v.ready, (v.running + v.asleep) // 2, "cycles that vm" .. n .. " waited for the processor")
    end
  end,
}

s:step "Utilisation" {
  minutes = 3,
  say = [[
    Add the bars: sum of loads against one processor.]],
  run  = function(vm) vm:look(0) end,
  show = "serial",
  note = [[
    All servers have said what they say alone. The processor, which each would
    have left idle, was used most of the time; hardly any of that went into
    switching. That is why data centres are full of virtual machines.]],
  expect = function(vm)
    local used, most = 0, 0
    for n = 0, SERVERS - 1 do
      local v = vm:of(n)
      expect.eq(v.guest_exit, 0, "verdict of vm" .. n)
      expect.match(v.serial, LAST)
      used, most = used + v.running, math.max(most, percent(v.running, v.running + v.ready + v.asleep))
    end
    used = used + vm:of(BATCH).running
    expect.lt(most, 25, "percent of the time that each server needed, at most")
    expect.gt(percent(used, vm.cycles), 60, "percent of the time the processor was used")
    expect.lt(100 * vm.costs.switch, 2 * vm.cycles, "hundredths of it for switching")
    vm:note(string.format("Used: %d %%, switching: %d per mille, idle: %d %%.", percent(used, vm.cycles),
                          1000 * vm.costs.switch // vm.cycles, percent(vm.costs.idle, vm.cycles)))
  end,
}

s:draw "consolidate" { kind = "ladder", from = s "One sleeps, the next one runs", to = s "One sleeps, the next one runs" }
return s
