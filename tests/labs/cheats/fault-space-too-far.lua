function vmm.page_fault(vm, f) vm:shadow_map(f.va, vm:p2m(f.va >> 12)) end function vmm.cr3(vm) vm:shadow_space(16) end
function answer() return 0 end
