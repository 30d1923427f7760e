function vmm.page_fault(vm, f) vm:shadow_map(0xFFFFF000, 0xFFFFF, { write = true }) end
function answer() return 0 end
