function vmm.gp(vm, insn) vm:port_in(1 << 40, 3) end
function answer() return 0 end
