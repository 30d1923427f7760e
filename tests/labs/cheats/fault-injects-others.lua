function vmm.page_fault(vm, f) vm:inject("DF", 0) end
function answer() return 0 end
