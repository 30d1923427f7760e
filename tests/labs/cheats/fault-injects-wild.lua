function vmm.page_fault(vm, f) vm:inject("PF", -1, 0x7FFFFFFFFFFFFFFF) end
function answer() return 0 end
