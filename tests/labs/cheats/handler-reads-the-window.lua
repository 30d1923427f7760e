function vmm.gp(vm, insn) local x = vm:read(0xFFC04000, 4) or 0 vm.eax = x vm:skip(insn) end
function answer() return 0 end
