function vmm.page_fault(vm, f) vm:shadow_space(3) end
function answer() return 0 end
