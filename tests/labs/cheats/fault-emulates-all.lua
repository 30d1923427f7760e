function vmm.page_fault(vm, f) vm:emulate() end
function answer() return 0 end
