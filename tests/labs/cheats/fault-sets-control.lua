function vmm.page_fault(vm, f) vm.guest.cr3 = 0 end
function answer() return 0 end
