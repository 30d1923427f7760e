-- The service domain: it drives the devices for all, controls the others, and may die.
-- Guests: three domains of mini's paravirtual kernel. Number 0 has the real drivers, the back ends, and the program `domain`; number 1
-- works on a disk; number 2 is not there until 0 makes it, of a file. At its 460th chance (each request gives it four) domain 0 panics.

local s = scenario {
  title   = "Domain 0: the one that serves the others",
  lecture = "I/O virtualization",
  order   = 14,
  techniques = "pv",
  reading = {
    "Barham et al.: Xen and the art of virtualization. SOSP 2003",
    "Fraser et al.: Safe hardware access with the Xen virtual machine monitor. OASIS 2004",
    "Murray, Milos, Hand: Improving Xen security through disaggregation. VEE 2008",
  },
  machine = {
    cpu = "pv", io = "split", guest = "mini-pv", disk = "mini.img", ram = "8M", set = { ["split.control"] = 1 },
    vms = {
      { module = "mini-dom0.img", background = true,
        append = [[die=460 run="sleep 30; domain list; domain create 2 boot/mini-pv 'run=echo I was a file; ls; sleep 5000; halt'; domain list; domain pause 1; sleep 20; domain unpause 1; domain migrate 1"]] },
      { append = [[run="ls; echo written before >note; sleep 120; cat motd README note bin/sh >copy; wc copy; cat note; rm copy; ls; halt"]] },
      { later = true, background = true },
    },
  },
}

local PAUSE, LOAD, BUILD, MIGRATE = 3, 65, 66, 128 -- commands of the control interface; the last three are our hypervisor's own

-- Hypercalls of the control interface with this command so far: how many, and how many were refused.
local function asked(vm, command)
  local n, refused = 0, 0
  for e in vm:events { kind = "hypercall", op = "domctl", sub = command } do
    n = n + 1
    if e.result >= 0x80000000 then refused = refused + 1 end
  end
  return n, refused
end

s:step "Who has the drive" {
  minutes = 3,
  say = [[
    The hypervisor of this model has no driver at all. Ask where the thousands
    of drivers of a real system shall run.]],
  run  = till.event("disk", { op = "READ DMA" }),
  show = "events",
  ask  = { "A guest has asked for a block, and the real drive begins. Who wrote the command into its registers?",
           choices = { "the guest that asked", "the hypervisor", "another virtual machine" }, answer = 3 },
  note = [[
    Domain 0 is a virtual machine like the others, in ring 1, but it may use
    these ports. Its kernel has the driver; the guest that wants the block put a
    request into a ring in a page that both can see.]],
  expect = function(vm)
    expect.eq(vm.now, 0, "the domain that has the processor")
    expect.eq(vm.last.virtual, 0, "a real drive")
    expect.gt(vm:of(0).split.ports, 0, "port accesses of domain 0")
    expect.eq(vm:of(1).split.ports, 0, "port accesses of the guest")
    expect.gt(vm:of(1).split.notified, 0, "notifications that the guest sent")
  end,
}

s:step "Nobody copies" {
  minutes = 3,
  say = [[
    The grant is the whole trick: the owner of the page says who may have it,
    in memory, without a hypercall.]],
  run = function(vm)
    local before = vm:of(0).split.mapped
    vm:run(till.event("raise", { line = 14 }))
    vm:note(string.format("Grants mapped so far: %d.", before))
  end,
  show = "events",
  note = [[
    The guest granted its page; domain 0 mapped the grant for the bus master,
    and the drive stored into the guest's own page. Hypervisor and domain 0
    have not touched the data.]],
  expect = function(vm)
    expect.gt(vm:of(0).split.mapped, 0, "grants that domain 0 mapped")
    expect.eq(vm:of(0).split.copied + vm:of(1).split.copied, 0, "bytes that were copied")
  end,
}

s:step "A domain is made of a file" {
  minutes = 4,
  say = [[
    The hypervisor reads no files: a program of domain 0 does, and hands over
    what it found. Then ask who else should be allowed to.]],
  run = function(vm)
    repeat local e = vm:run(till.event("hypercall", { op = "domctl" })) until not e or e.sub == BUILD
  end,
  show = "events",
  ask  = { "Somebody must be able to make, pause and destroy domains. Who decides that domain 1 may not?",
           choices = { "domain 0", "the hypervisor", "the processor's ring" }, answer = 2 },
  note = [[
    The program `domain` found the parts of a kernel in a file; its own kernel
    passed them on, hypercall by hypercall. Anybody may make that call: all but
    domain 0 are told that they may not.]],
  expect = function(vm)
    local loads, refused = asked(vm, LOAD)
    expect.gt(loads, 5, "pieces of the image")
    expect.eq(refused, 0, "of them refused")
    expect.eq(vm:of(2).state, "ready", "the state of the domain that was not there")
    expect.eq(#vm:of(2).serial, 0, "characters it has said")
  end,
}

s:step "It lives, another is held" {
  minutes = 3,
  say = [[
    A paused domain does not know. Its timers are late afterwards, and its
    devices have long finished.]],
  run = function(vm)
    repeat local e = vm:run(till.event("hypercall", { op = "domctl" })) until not e or e.sub == PAUSE
  end,
  show = "serial",
  note = [[
    The scheduler gives a paused domain no turn, whatever comes for it; events
    stay pending. Pausing is the first half of saving and of migrating.]],
  expect = function(vm)
    expect.match(vm:of(0).serial, "domain 2: over", "before")
    expect.match(vm:of(0).serial, "domain 2: %a+, 8192 KB\n.*domain 2: [rb]", "and then")
    expect.eq(vm:of(1).state, "asleep", "the state of the one that is paused")
  end,
}

s:step "Not everything can be asked" {
  minutes = 2,
  say = [[
    Xen's ported guests do migrate: they suspend themselves, and their tables
    are translated. It takes a kernel that can, and somewhere to go.]],
  run = function(vm)
    repeat local e = vm:run(till.event("hypercall", { op = "domctl" })) until not e or e.sub == MIGRATE
  end,
  show = "events",
  note = [[
    This kernel can leave, but there is no other machine: the hypervisor says
    no to domain 0. With --set migrate.peer=1 there is one, and it goes.]],
  expect = function(vm)
    local n, refused = asked(vm, MIGRATE)
    expect.eq(n, 1, "requests to migrate")
    expect.eq(refused, 1, "of them refused")
  end,
}

s:step "It dies" {
  minutes = 3,
  say = [[
    Predict before you go on. In a monolithic hypervisor the answer is: all of
    it, everywhere.]],
  run  = till.event("over", { vm = 0 }),
  show = "events",
  ask  = { "The kernel with all the drivers panics, in the middle of a request. What do the guests lose?",
           choices = { "everything: their disks are gone", "the writes of the last second", "nothing that they were told was done" }, answer = 3 },
  note = [[
    Domain 0 is over. The hypervisor closes its channels and takes back what it
    had mapped. The guest's request still stands in its own ring, unanswered.]],
  expect = function(vm)
    expect.match(vm:of(0).serial, "panic")
    expect.ne(vm:of(1).state, "over", "the guest's state")
    expect.ne(vm:of(1).stop, "died", "how it ended")
  end,
}

s:step "There is another one" {
  minutes = 4,
  say = [[
    Fraser: most of the faults of a system are its drivers'. A domain that can
    be restarted is a driver that can be restarted.]],
  run  = till.stop(),
  show = "serial",
  note = [[
    Built anew from its image, domain 0 resets the controller and tells all
    that it is there. The front ends offer their rings again, and ask once more
    what was not answered: done twice, a write is the same write.]],
  expect = function(vm)
    local guest = vm:of(1)
    expect.ge(vm:of(0).split.begun_again, 1, "lives of domain 0 after the first")
    expect.match(guest.serial, "other end is a new one", "what the guest's front end said")
    expect.match(guest.serial, "written before\n", "its file, written before that")
    expect.eq(guest.guest_exit, 0, "the guest's verdict")
    expect.match(vm:of(2).serial, "I was a file")
    expect.match(vm:of(2).serial, "README", "and it had a disk")
  end,
}

s:draw "dom0" { kind = "ladder", from = s "Who has the drive", to = s "Nobody copies" }
return s
