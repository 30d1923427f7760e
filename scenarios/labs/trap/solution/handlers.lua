-- The reference solution.

local low = { [1] = 0xFF, [2] = 0xFFFF, [4] = 0xFFFFFFFF }

local function port(vm, insn)
  local mask = low[insn.size]
  if insn.is "in" then
    vm.eax = vm.eax & ~mask & 0xFFFFFFFF | vm:port_in(insn.port, insn.size)
  else
    vm:port_out(insn.port, insn.size, vm.eax & mask)
  end
end

local function control(vm, insn)
  local name = "cr" .. insn.cr
  if insn.write then vm.guest[name] = vm[insn.reg] else vm[insn.reg] = vm.guest[name] end
end

function vmm.gp(vm, insn)
  local io = insn.is "cli" or insn.is "sti" or insn.is "in" or insn.is "out"
  local ring = vm.ring
  if ring > (io and vm.iopl or 0) then return vm:inject("GP", 0) end
  if insn.is "cli" then vm.guest.vIF = 0
  elseif insn.is "sti" then vm.guest.vIF = 1
  elseif insn.is "hlt" then vm:halt()
  elseif insn.is "clts" then vm.guest.cr0 = vm.guest.cr0 & ~8
  elseif insn.is "mov" then control(vm, insn)
  else port(vm, insn) end
  vm:skip(insn)
end
