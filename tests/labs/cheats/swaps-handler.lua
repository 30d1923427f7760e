function vmm.gp(vm, insn) vmm.gp = nil vmm = nil vm:skip(insn) end function answer() return 41 end
