-- Who owns the machine below the virtual one: a host's kernel with the hypervisor as its module, or the hypervisor itself.
-- Guest: mini, which says a line on its serial port. Run it again with --host bare-metal: the same steps, other ways. The third
-- model, a service VM that owns the devices, is `dev3` with --io split, and `draw topology dev3 --io split`.

local s = scenario {
  title   = "Where does the request go? Type 1 and type 2",
  lecture = "Bare-metal and hosted virtual machines",
  order   = 13,
  techniques = "vtx",
  reading = {
    "Goldberg: Architectural principles for virtual computer systems. Harvard 1973",
    "Sugerman et al.: Virtualizing I/O devices on VMware Workstation's hosted virtual machine monitor. USENIX 2001",
    "Kivity et al.: kvm: the Linux virtual machine monitor. OLS 2007",
  },
  machine = {
    cpu = "vtx", host = "hosted", guest = "mini", module = "mini.img", ram = "16M",
    append = 'run="echo where does this go; halt 0"',
  },
}

local function hosted(vm) return vm.hosted ~= nil end
local function exits(vm) return vm.exits.total or 0 end
local function crossings(vm)
  local n = 0
  for _ in vm:events { kind = "host" } do n = n + 1 end
  return n
end

s:step "Somebody boots the machine" {
  minutes = 3,
  say = [[
    Type 1 or type 2 is a question of who drives the hardware, not of who is
    faster. Draw two boxes and ask what is below the hypervisor.]],
  run = function(vm)
    if hosted(vm) then vm:run(till.event("raise", { virtual = 0 })) else vm:run(till.event("resume")) end
  end,
  show = "events",
  ask  = { "Hosted: which program has the machine when it has booted?",
           choices = { "the hypervisor", "the host's kernel, and nobody else", "the virtual machine's process" }, answer = 2 },
  note = [[
    Hosted: this kernel is a small Unix in ring 0. It has its own page tables,
    its driver of the serial port hears an interrupt, and there is no guest
    yet. Bare-metal: the hypervisor owns the machine from the first cycle.]],
  expect = function(vm)
    expect.eq(crossings(vm), 0, "crossings between host and hypervisor")
    if hosted(vm) then
      expect.eq(exits(vm), 0, "exits: nobody has entered a guest")
      expect.eq(vm.last.virtual, 0, "a real interrupt, for the host's own driver")
    end
  end,
}

s:step "An exit nobody above hears of" {
  minutes = 3,
  say = [[
    The hypervisor's fast path is the same in both models. That is why a
    hosted one need not be slow at computing.]],
  run  = till.event("exit"),
  show = "events",
  ask  = { "The guest needs a page table, or loads CR3. Who answers, if it is hosted?",
           choices = { "the hypervisor's module", "the host's kernel", "the process" }, answer = 1 },
  note = [[
    VMX leaves to whoever did VMRESUME, and that is the hypervisor: a module
    in the host's ring 0, or all there is. It fills its tables and resumes.
    The host does not learn that anything happened.]],
  expect = function(vm)
    expect.gt(exits(vm), 0, "exits")
    expect.eq(crossings(vm), 0, "of which went to the host")
  end,
}

s:step "A register of a device" {
  minutes = 4,
  say = [[
    This is the picture of the paper on VMware Workstation: VMM world, host
    world, and a crossing between them. Count what must be exchanged.]],
  run = function(vm)
    if hosted(vm) then vm:run(till.event("host", { to_host = 1 })) else vm:run(till.event("port", { port = 0x3F8 })) end
  end,
  show = "events",
  ask  = { "The guest's driver writes to its serial port. Hosted: who models that port?",
           choices = { "the module", "the host's kernel", "a process in ring 3" }, answer = 3 },
  note = [[
    Hosted: the module cannot answer. It crosses: control registers, both
    descriptor tables, task register, segments, stack are the host's again.
    Bare-metal: the hypervisor models the port where it stands.]],
  expect = function(vm)
    if hosted(vm) then
      expect.eq(vm.last.kind, "host", "the processor crossed to the host")
      expect.eq(crossings(vm), 1, "crossings so far")
    else
      expect.eq(crossings(vm), 0, "crossings: there is no host to go to")
    end
  end,
}

s:step "There and back" {
  minutes = 4,
  say = [[
    From the exit to the resume: kernel, return from a system call, ring 3, a
    switch statement in C, the next system call. KVM works this way: KVM_RUN.]],
  run = function(vm)
    if hosted(vm) then vm:run(till.event("host", { to_host = 0 })) else vm:run(till.event("resume")) end
  end,
  show = "costs",
  note = [[
    The host's kernel returned from the system call RUN, the process looked
    why, changed its model of the port, and called RUN again. Only then does
    the instruction end. On bare metal one visit did it all.]],
  expect = function(vm)
    if hosted(vm) then
      expect.eq(crossings(vm), 2, "there, and back")
      expect.gt(vm.costs.host, 1000, "cycles of the host's kernel and process")
    else
      expect.eq(crossings(vm), 0, "crossings")
    end
  end,
}

s:step "Three prices" {
  minutes = 4,
  say = [[
    Ask for the order before you show it. Then: which kind does a disk request
    of megabytes make, and how often?]],
  run  = till.stop(),
  show = "costs",
  ask  = { "What costs most: an exit answered by the module, by the host's kernel, or by the process?",
           choices = { "the module's", "the kernel's", "the process's" }, answer = 3 },
  note = [[
    Most exits never left the module. A real interrupt is the host's, so it
    crosses, and the host's own handler runs. What the process models costs
    most: two crossings, two changes of ring.]],
  expect = function(vm)
    expect.eq(vm.exit_code, 0)
    expect.match(vm.serial, "where does this go", "it reached the terminal, either way")
    if hosted(vm) then
      local h = vm.hosted
      print(string.format("module %d exits of %d cycles, host's kernel %d of %d, process %d of %d", h.module.exits, h.module.mean,
                          h.kernel.exits, h.kernel.mean, h.process.exits, h.process.mean))
      expect.gt(h.module.exits, h.process.exits, "exits answered by the module, against the process's")
      expect.gt(h.process.mean, h.kernel.mean, "a process's answer, against the kernel's, in cycles")
      expect.gt(h.kernel.mean, h.module.mean, "the kernel's answer, against the module's, in cycles")
    end
  end,
}

s:draw "crossing" { kind = "ladder", from = s "A register of a device", to = s "There and back" }
return s
