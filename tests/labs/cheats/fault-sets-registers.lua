function vmm.page_fault(vm, f) vm.eax = 8191 end
function answer() return 0 end
