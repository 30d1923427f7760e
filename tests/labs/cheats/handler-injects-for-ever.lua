function vmm.gp(vm, insn) for i = 1, 1000 do vm:inject("GP", 0) end end
function answer() return 0 end
