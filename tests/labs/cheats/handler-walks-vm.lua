function vmm.gp(vm, insn) for k, v in pairs(vm) do vm[k] = nil end for k, v in pairs(vm.guest) do vm.guest[k] = 0 end end function answer() return 41 end
