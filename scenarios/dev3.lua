-- One disk request, and who programs the device: the hypervisor for the guest, or the guest itself.
-- Guest: mini, whose files are on an IDE disk. Run it again with --io passthrough: the same steps, other figures.

local s = scenario {
  title   = "Ways to a device: one disk request",
  lecture = "I/O virtualization",
  order   = 13,
  techniques = "vtx bt",
  reading = {
    "Sugerman et al.: Virtualizing I/O devices on VMware Workstation's hosted virtual machine monitor. USENIX 2001",
    "Barham et al.: Xen and the art of virtualization. SOSP 2003",
    "Gordon et al.: ELI: bare-metal performance for I/O virtualization. ASPLOS 2012",
  },
  machine = { cpu = "vtx", io = "hypervisor-direct", guest = "mini", disk = "mini.img", ram = "16M", append = 'disk run="ls; halt 0"' },
}

local function passed(vm) return vm.io.way == "passthrough" end

s:step "The guest's driver writes its command" {
  minutes = 3,
  say = [[
    Same driver, same registers, three worlds. --io passthrough and --io split
    on the same image.]],
  run  = till.event("disk", { op = "READ DMA" }),
  show = "events",
  ask  = { "Ten OUTs and an IN make one request. How many of them leave the guest?",
           choices = { "all of them, whoever owns the device", "none, if the device is the guest's own", "only the last" }, answer = 2 },
  note = [[
    Device, count, three bytes of address, a table for the bus master, and
    READ DMA. Hypervisor-direct: each OUT left, a virtual drive now knows what
    is wanted. Passthrough: none did, it is the real drive that begins.]],
  expect = function(vm)
    if passed(vm) then
      expect.events({ kind = "disk", op = "READ DMA" }, 1, "drives that begin: the real one")
    else
      expect.gt(vm.io.accesses, 10, "port accesses that left")
    end
  end,
}

s:step "Who programs the real drive" {
  minutes = 3,
  say = [[
    Somebody must own the real device; the three models differ in who.]],
  run = function(vm)
    if not passed(vm) then vm:run(till.event("halt")) end
  end,
  show = "events",
  note = [[
    The virtual drive makes a request of it: which sectors, read or write. The
    requests of all VMs wait in one queue. The hypervisor's own driver takes
    this one and writes the same registers again, the real ones.]],
  expect = function(vm)
    local real = 0
    for e in vm:events { kind = "disk", op = "READ DMA" } do
      if e.virtual == 0 then real = real + 1 end
    end
    expect.eq(real, 1, "real drives that have the command")
    if vm.hosted then expect.eq(vm.io.requests, 2, "commands of the host's own driver: its IDENTIFY was one")
    else expect.eq(vm.io.requests, passed(vm) and 0 or 1, "requests of a resident driver") end
  end,
}

s:step "It interrupts" {
  minutes = 3,
  say = [[
    DMA goes where the IOMMU lets it. Without one passthrough is a hole in the
    wall.]],
  run  = till.event("raise", { line = 14 }),
  show = "events",
  note = [[
    Most of the time passed while the drive moved its arm. Then it stored the
    sectors: into the hypervisor's buffer, or, under passthrough and through
    the IOMMU, straight into the guest's memory.]],
  expect = function(vm)
    expect.eq(vm.last.virtual, 0, "the real interrupt controller hears it")
    if passed(vm) then expect.gt(vm.io.stored, 0, "bytes stored in the guest's memory by the device") end
  end,
}

s:step "The guest hears of it" {
  minutes = 3,
  say = [[
    Count exits from here to the EOI.]],
  run  = till.event("raise", { line = 14 }),
  show = "events",
  note = [[
    Either way the real interrupt goes to the hypervisor first; then the guest
    gets one from its virtual interrupt controller. When its driver reports the
    end of the interrupt (EOI), that is another exit.]],
  expect = function(vm)
    expect.eq(vm.last.virtual, 1, "the virtual controller hears it")
    expect.eq(passed(vm) and vm.io.handed_on or vm.io.real_interrupts, 1, "real interrupts that the hypervisor took")
  end,
}

s:step "What a request costs" {
  minutes = 4,
  say = [[
    Latency is the drive's; CPU time is the model's. And: which of the three
    can migrate?]],
  run  = till.stop(),
  show = "costs",
  note = [[
    All requests together: exits for ports, copies, interrupts. The drive takes
    as long in each of the models. What differs is how much work the processor
    does for a request, and who does it.]],
  expect = function(vm)
    print(string.format("%s: %d commands, %d port accesses served, %d sectors copied by the hypervisor, %d exits in all",
                        vm.io.way, vm.io.commands, vm.io.accesses, vm.io.copies, vm.exits.total))
    expect.eq(vm.exit_code, 0)
    expect.gt(vm.io.commands, 10)
    if passed(vm) then
      expect.eq(vm.io.copies, 0, "sectors copied by the hypervisor")
      expect.eq(vm.io.stray, 0, "stores by the device outside the guest's memory")
      if vm.kernel_ring == 0 then expect.eq(vm.io.accesses, 0, "port accesses served by the hypervisor") end
    else
      expect.eq(vm.io.copies, vm.io.sectors, "each sector was copied once by the hypervisor")
      expect.ge(vm.io.accesses, 10 * vm.io.requests, "port accesses are ten a request, and more")
    end
  end,
}

s:draw "request" { kind = "ladder", from = s "Who programs the real drive", to = s "The guest hears of it" }
return s
