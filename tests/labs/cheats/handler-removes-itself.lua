function vmm.gp(vm, insn) vm:skip(insn) vmm.gp = nil end
function answer() return 0 end
