function vmm.gp(vm, insn) vm.esp = 0xFFFFFFFF vm.guest.vIF = 1 vm:skip(insn) end
function answer() return 0 end
