function vmm.gp(vm, insn) vm.guest.cr3 = 0xFFC00000 vm.guest.cr0 = 0x80000001 vm.guest.cr4 = 0x30 vm:skip(insn) end
function answer() return 0 end
