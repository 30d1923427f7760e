function vmm.page_fault(vm, f) end
function answer() return 0 end
