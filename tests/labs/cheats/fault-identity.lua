function vmm.page_fault(vm, f) vm:shadow_map(f.va, vm:p2m(f.va >> 12) or vm:p2m(0x110), { write = true, user = true }) end
function answer() return 0 end
