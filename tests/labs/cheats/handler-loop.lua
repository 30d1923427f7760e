function vmm.gp(vm, insn) while true do end end
function answer() return 0 end
