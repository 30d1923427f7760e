function vmm.gp(vm, insn) end
function answer() return 0 end
