function vmm.page_fault(vm, f) for n = 0, 0x2000 do vm:shadow_map(f.va, n, { write = true, user = true }) end end
function answer() return 0 end
