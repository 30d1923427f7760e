-- The machine handle, field by field and call by call.
local s = scenario { title = "handle", machine = { preset = "classic", guest = "popf", ram = "4M", model = "p4", seed = 3,
                                                   limit_cycles = 2e9, set = { ["cost.insn.cli"] = 60 } } }
local kept
s:step "fields" {
  run = till.label "sti_insn",
  note = [[
    Begins
      indented]],
  expect = function(vm)
    kept = vm
    expect.eq(vm.eip, vm:find "sti_insn")
    expect.eq(vm:symbol(vm:find "kmain" + 4), "kmain+4")
    expect.eq(vm:disasm(), "sti")
    expect.eq(vm.insn.mnemonic, "sti")
    expect.eq(vm.insn.privilege, "iopl")
    expect.eq(vm:insn_at("popf_insn").sensitivity, "silent")
    expect.eq(vm.eflags & 0x200, 0x200)
    expect.eq(vm.flags.IF, 1)
    expect.eq(vm.flags.IOPL, 0)
    expect.eq(vm.guest.flags.IF, 0)
    expect.eq(vm.guest.vIF, vm.guest.IF)
    expect.eq(vm.guest.gdt_base, vm:find "gdt")
    expect.ne(vm.gdt_base, vm.guest.gdt_base)
    expect.eq(vm.kernel_ring, 1)
    expect.eq(vm.virtual, true)
    expect.eq(vm.ended, false)
    expect.eq(vm.exit_code, nil)
    expect.gt(vm.cycles, vm.instructions)
    expect.gt(vm.costs.dispatch, 0)
    expect.eq(vm.exits["int"], 0)
    expect.gt(vm.exits.total, vm.exits.port)
    expect.gt(vm.shadow.hidden, 0)
    local n, cycles, first = 0, 0, nil
    for p in vm:episodes() do
      n, cycles, first = n + 1, cycles + p.cycles, first or p
      expect.ok(p.costs.deliver > 0 and p.costs.deliver < p.cycles)
    end
    expect.eq(first.reason, "page-fault")
    expect.eq(first.telling.kind, "hidden")
    expect.eq(first.to - first.from, first.cycles)
    expect.lt(cycles, vm.cycles)
    expect.eq(n, vm.exits.total)
    local ports = 0
    for p in vm:episodes { reason = "port", since = first.id } do ports = ports + 1 end
    expect.eq(ports, vm.exits.port)
    expect.match(vm.serial, "^popf: a kernel")
  end,
}
s:step "memory" (function(vm)
  expect.eq(vm:u8 "sti_insn", 0xFB)
  expect.eq(vm:u16 "sti_insn", 0xC3FB)
  expect.eq(vm:bytes("sti_insn", 2), "\xFB\xC3")
  local t = vm:translate("sti_insn", "exec")
  expect.eq(vm:phys(t.pa, 2), "\xFB\xC3")
  expect.eq(vm:machine(t.ma, 2), "\xFB\xC3")
  expect.eq(#t.guest.path, 2)
  expect.eq(t.path[1].table, "page directory")
  expect.eq(t.path[2].index, vm:find "sti_insn" >> 12)
  expect.eq(t.real.path[1].table, "shadow directory")
  expect.match(t.tlb[1].where, "TLB")
  expect.eq(t.tlb[1].truth, "same")
  expect.match(t.real.path[1].home, "^L%d$", "just walked")
  expect.ok(#vm:tlb() > #t.tlb, "all of the TLBs")
  expect.eq(vm:translate("sti_insn", "exec").hit, "code TLB", "executed just now")
  expect.eq(vm:translate(0, "read").hit, nil)
  expect.eq(vm:translate(0, "read").pa, nil)
  expect.eq(vm:translate(0, "read").fault & 1, 0)
  expect.eq(vm:u32(0xC0000000), nil)
  vm:note "first"
  vm:note [[second
            third]]
  vm:show "address"
end)
s:step "running" (function(vm)
  local at, last = vm.instructions, vm.last.id
  vm:step(3)
  expect.eq(vm.instructions, at + 3)
  expect.eq(vm:back(2), true)
  expect.eq(vm.instructions, at + 1)
  expect.eq(vm:go(at), true)
  expect.eq(vm.instructions, at)
  expect.eq(vm.last.id, last)
  local e = vm:run { to = till.trap "GP", limit = 1e6 }
  expect.eq(e.kind, "fault")
  expect.eq(e.trap, "#GP(0)")
  expect.eq(e.insn.text, "sti")
  expect.match(e.text, "#GP")
  local nothing, why = vm:run { to = till.label "done", limit = 1000 }
  expect.eq(nothing, nil)
  expect.eq(why, "limit")
  coroutine.yield()
  expect.eq(vm:run(till.event("emulate", { op = "cli" })).op, "cli")
end)
s:step "handlers" (function(vm)
  local ticks, gates = 0, 0
  vm:on("inject", { vector = 0x20 }, function(e) ticks = ticks + 1 expect.eq(vm.place, "hypervisor") end)
  vm:on("gate", function(e) gates = gates + 1 end)
  vm:run(till.label "after_popf")
  vm:run(till.label "tick")
  local seen = 0
  for e in vm:events { kind = "gate", since = 0 } do seen = seen + 1 end
  expect.eq(ticks, 1)
  expect.gt(gates, 100)
  expect.ge(seen, gates)
end)
s:step "setting" (function(vm)
  vm:run(till.guest())
  vm.eax = 0x12345678
  vm.flags.CF = 1
  expect.eq(vm.eax, 0x12345678)
  expect.eq(vm.flags.CF, 1)
  expect.eq(vm:poke("tick_share", 41), true)
  expect.eq(vm:u32 "tick_share", 41)
end)
s:step "stale" (function(vm)
  expect.eq(select(2, pcall(function() return kept.eax end)):match "belongs to a step that has ended", "belongs to a step that has ended")
  expect.match(select(2, pcall(function() return vm.exa end)), "vm has no 'exa' %(did you mean 'eax'%?%)")
  expect.match(select(2, pcall(function() return vm.flags.If end)), "did you mean 'IF'")
  expect.match(select(2, pcall(function() return vm.exits.prot end)), "did you mean 'port'")
  expect.match(select(2, pcall(function() return vm.costs.idel end)), "did you mean 'idle'")
  expect.match(select(2, pcall(function() vm.cycles = 1 end)), "cannot be set")
  expect.match(select(2, pcall(function() return vm:u32 "shared_countr" end)), "did you mean 'shared_counter'")
  expect.match(select(2, pcall(function() vm:on("exti", print) end)), "did you mean 'exit'")
  expect.match(select(2, pcall(s.step, s, "more")), "while the file is loaded")
end)
s:step "include" (function(vm)
  expect.eq(include "part.lua", 42)
end)
return s
