-- A computer moves while it works: live migration, round by round.
-- Guest: guests/mini, which sieves primes all the time, so that it stores to the same pages again and again. The link is faster than
-- that of 2005, for the guest's whole life lasts a few milliseconds.

local s = scenario {
  title   = "A computer moves while it works",
  lecture = "Many virtual machines: live migration",
  order   = 14,
  techniques = "bt vtx",
  reading = {
    "Clark et al.: Live migration of virtual machines. NSDI 2005",
  },
  machine = {
    cpu = "vtx", ram = "8M", guest = "mini", module = "mini.img",
    append = 'run="sieve 400000; sieve 400000; sieve 400000"',
    migrate_at = 20.1e6,
    set = { ["migrate.min"] = 1000, ["migrate.max"] = 5000, ["migrate.step"] = 500 },
  },
}

s:step "A program at work" {
  minutes = 2,
  say = [[
    Ask what must move: memory, registers, devices. What need not: the disk,
    if it is shared.]],
  run  = till.cycles(20e6),
  show = "costs",
  note = [[
    A guest in the middle of its work. Its memory is 2048 pages, most of them
    still zeros. A second machine stands beside this one, with as much memory,
    and idles.]],
  ask  = { "The guest is to go there without noticing. What if we stopped it, sent all its memory and started it there?",
           choices = { "nothing wrong with that", "it would stand still for as long as its memory takes", "its addresses would be others" }, answer = 2 },
  expect = function(vm)
    expect.ok(not vm.ended, "the guest runs")
    expect.eq(vm.migration, nil, "nothing has begun")
  end,
}

s:step "Every page is read-only" {
  minutes = 3,
  say = [[
    Write protection once more, now to find out what changes.]],
  run = function(vm)
    while not vm.ended and not (vm.migration and vm.migration.faults >= 3) do vm:run { to = till.event "resume", limit = 1e6 } end
    vm:note(string.format("%d stores noted so far, each the first to its page.", vm.migration.faults))
  end,
  show = "events",
  note = [[
    The other machine has reserved memory. The guest runs on while its pages
    go over the link; so that no store is missed, every page was made
    read-only before. The first store to each is a fault that the guest never
    hears of: the page is noted, and may be stored to from then on.]],
  expect = function(vm)
    expect.eq(vm.migration.stage, "copying")
    expect.eq(#vm.migration.rounds, 1, "rounds begun")
    expect.eq(vm.migration.pages, 2048, "pages of its memory")
    expect.ok(vm.costs.migrate > 0, "the hypervisor's work is accounted for")
  end,
}

s:step "The first round: everything" {
  minutes = 3,
  say = [[
    A page of zeros is sent as one word. Hot pages wait.]],
  run = function(vm)
    while not vm.ended and #vm.migration.rounds < 2 do vm:run { to = till.event "resume", limit = 1e6 } end
    local r = vm.migration.rounds[1]
    vm:note(string.format("%d pages sent, %d were zeros; %d were stored to meanwhile.", r.sent, r.zero, r.dirtied))
  end,
  show = "costs",
  note = [[
    Pages of zeros go as one word. Those that were stored to again before their
    turn came are left out: they are hot.]],
  ask  = { "Why not send a hot page now?",
           choices = { "it is in use", "it must go again anyway", "it is too large" }, answer = 2 },
  expect = function(vm)
    local r = vm.migration.rounds[1]
    expect.eq(r.pages, 2048, "pages of the first round")
    expect.eq(r.sent + r.zero + r.hot, r.pages, "sent, zero and hot")
    expect.ok(r.zero > 1000, "most were zeros")
    expect.ok(r.hot > 0, "some were hot")
    expect.ok(vm.migration.rounds[2].mbit > r.mbit, "the next round is faster")
  end,
}

s:step "Rounds, until it does not pay" {
  minutes = 4,
  say = [[
    The writable working set decides. Ask for a program that can never be
    moved without a pause.]],
  run  = till.stop(),
  show = "costs",
  note = [[
    Each round sends what was stored to in the one before, a little faster
    than the guest stores. A sieve stores to the same hundred pages all the
    time: its writable working set. That will not become less, so the guest
    is stopped.]],
  expect = function(vm)
    local m = vm.migration
    local last, first = m.rounds[#m.rounds], m.rounds[1]
    expect.eq(last.hot, 0, "hot pages of the last round: nobody stores any more")
    expect.eq(last.pages, m.rounds[#m.rounds - 1].dirtied, "pages of the last round: what was stored to in the one before")
    expect.ok(last.pages * 10 < first.pages, "that is less than a tenth of its memory")
  end,
}

s:step "One copy, and how long there was none that ran" {
  minutes = 4,
  say = [[
    Downtime against total time. Every failure leaves exactly one running
    copy.]],
  run = function(vm)
    local m = vm.migration
    if m.done then vm:note(string.format("%d cycles without it, of %d.", m.downtime, m.total)) end
  end,
  show = "costs",
  note = [[
    The rest went with the processor's and the devices' state. The other machine
    began when everything was there and its checksum was right; until then any
    failure would have left the guest here: try `--set migrate.cut=2`.
    `ringside draw migrate migrate` shows the rounds.]],
  expect = function(vm)
    local m = vm.migration
    expect.ok(m.done, "it runs on the other machine")
    expect.ok(vm.ended, "and not here")
    expect.ok(m.done and m.downtime * 3 < m.total, "it stood still for less than a third of the whole")
  end,
}

s:draw "migrate" { kind = "ladder", from = s "Every page is read-only", to = s "Every page is read-only" }
return s
