function vmm.page_fault(vm, f) vm:mark(0xFFFFFFFF, "dirty") end
function answer() return 0 end
