-- Overcommit: three computers believe in 12 MB each, and the machine has 8 for them.
-- Guest: guests/mini, with a balloon driver. Two compute once and then sleep; the third needs a little more with each program it runs.

local s = scenario {
  title   = "More memory than there is",
  lecture = "Virtual memory: memory between virtual machines",
  order   = 13,
  techniques = "bt vtx",
  reading = {
    "Waldspurger: Memory resource management in VMware ESX Server. OSDI 2002",
  },
  machine = {
    cpu = "vtx", ram = "12M", set = { ["memory.total"] = 8, ["sched.slice"] = 1000 },
    vms = { { guest = "mini", module = "mini.img", append = 'run="sieve 1000000; sleep 5000; halt 0"', count = 2, background = true },
            { guest = "mini", module = "mini.img", append =
              'run="sleep 60; sieve 750000; sieve 875000; sieve 1000000; sieve 1125000; sieve 1250000; sieve 1375000; ' ..
              'sieve 1500000; sieve 1625000; sieve 1750000; sieve 1875000; sieve 2000000; halt 0"' } },
  },
}

local BUSY, PRIMES = 2, "148933 primes below 2000000"

local function sum(vm, what)
  local n = 0
  for k = 0, 2 do n = n + vm:of(k).memory[what] end
  return n
end

s:step "Twelve and twelve and twelve" {
  minutes = 2,
  say = [[
    More is promised than there is, as with seats of an aircraft.]],
  run  = till.cycles(150000000),
  show = "costs",
  ask  = { "Three guests found 12 MB each when they started. The machine has 8. How can that be?",
           choices = { "each has a third of the 8", "a page gets a frame when it is first stored to", "guests lie about what they need" }, answer = 2 },
  note = [[
    A guest's memory is a table that says where each page lies. Until somebody
    stores to a page it lies nowhere: no shadow or second-level entry leads
    there, and the first access is a fault that only the hypervisor sees.]],
  expect = function(vm)
    expect.eq(sum(vm, "pages"), 9216, "pages that the three believe in")
    expect.eq(vm.memory.frames, 2048, "frames that there are")
    expect.eq(sum(vm, "here") + vm.memory.free, vm.memory.frames, "frames in use and free")
    expect.eq(vm.memory.state, "high", "state")
  end,
}

s:step "It runs short" {
  minutes = 3,
  say = [[
    Vote: who should decide which page to give?]],
  run  = till.event("reclaim", { to = "soft" }),
  show = "events",
  ask  = { "Less than 4 % is free. Whose pages should go?",
           choices = { "any: the hypervisor takes what it finds", "those that the guests themselves can do without", "the largest guest's" }, answer = 2 },
  note = [[
    The hypervisor sees pages, not what is in them. Which of them is needed
    least only the guest's kernel knows: so the best way is to let it decide.]],
  expect = function(vm)
    expect.eq(vm.last.from, "high")
    expect.lt(100 * vm.memory.free, 4 * vm.memory.frames, "hundredths of the free frames")
    expect.eq(sum(vm, "ballooned"), 0, "pages in balloons")
  end,
}

s:step "A balloon" {
  minutes = 4,
  say = [[
    The trick: make the guest's own kernel decide. Draw the balloon.]],
  run  = till.event("balloon", { locked = 1 }),
  show = "events",
  note = [[
    A driver in the guest asks, now and then, how large its balloon should be.
    It takes a page from its own kernel like any program, and tells the
    number; the frame behind it is free from now on, filled with zeros.]],
  expect = function(vm)
    expect.ne(vm.last.vm, BUSY, "the one that gives")
    expect.eq(vm:of(vm.last.vm).memory.ballooned, 1, "pages in its balloon")
    expect.ge(vm.memory.scrubbed, 1, "frames scrubbed")
  end,
}

s:step "The idle pay" {
  minutes = 3,
  say = [[
    Sampling by unmapping: the same trick as dirty logging.]],
  run  = function(vm) -- until both have given
    for _ = 1, 1000 do
      if vm:of(0).memory.ballooned > 0 and vm:of(1).memory.ballooned > 0 then break end
      vm:run(till.event("balloon", { locked = 1 }))
    end
  end,
  show = "costs",
  ask  = { "All three have the same right to memory, and the busy one has the most. Who gives?",
           choices = { "the busy one", "the two that sleep", "all the same" }, answer = 2 },
  note = [[
    Each page costs its owner a share, and an idle one four times as much: a
    tax of 75 %. What is idle is sampled: the hypervisor unmaps 100 pages of
    each and looks which come back.]],
  expect = function(vm)
    local busy = vm:of(BUSY).memory
    for k = 0, 1 do
      local idle = vm:of(k).memory
      expect.eq(idle.shares, busy.shares, "shares of vm" .. k)
      expect.lt(2 * idle.active, busy.active, "twice the thousandths of its pages in use")
      expect.gt(idle.ballooned, 0, "pages in the balloon of vm" .. k)
    end
    expect.eq(busy.ballooned, 0, "pages in the busy one's balloon")
  end,
}

s:step "Nobody noticed" {
  minutes = 3,
  say = [[
    The last resort is swapping below the guest. Ask why double paging is so
    bad.]],
  run  = function(vm) vm:run(till.stop()) vm:look(BUSY) end,
  show = "serial",
  note = [[
    The busy one has its result, the sleepers gave what their kernels had
    free. Had that not been enough, the hypervisor would have had to swap:
    below 2 % it takes any page, and a guest that wants it back waits for a
    disk.]],
  expect = function(vm)
    expect.eq(vm:of(BUSY).guest_exit, 0, "verdict of the busy one")
    expect.match(vm:of(BUSY).serial, PRIMES)
    expect.ge(sum(vm, "ballooned"), 100, "pages in balloons")
    expect.eq(sum(vm, "swapped_out"), 0, "pages swapped")
    expect.lt(100 * vm.costs.memory, vm.cycles, "hundredths of the cycles: what all that cost")
    vm:note(string.format("%d pages in balloons, %d per mille of the cycles for managing memory.", sum(vm, "ballooned"),
                          1000 * vm.costs.memory // vm.cycles))
  end,
}

s:draw "overcommit" { kind = "ladder", from = s "A balloon", to = s "A balloon" }
return s
