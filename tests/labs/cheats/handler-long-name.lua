function vmm.gp(vm, insn) return vm:inject(('X'):rep(1e6), 0) end function answer() return 41 end
