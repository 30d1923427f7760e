local kept function vmm.page_fault(vm, f) kept = kept or vm vm:shadow_map(f.va, vm:p2m(f.va >> 12) or 0) end function answer() return kept:table(0) end
