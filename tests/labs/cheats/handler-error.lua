function vmm.gp(vm, insn) local x = nil + 1 end
function answer() return 0 end
