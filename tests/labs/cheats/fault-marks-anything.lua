function vmm.page_fault(vm, f) for at = 0x100000, 0x120000, 4 do vm:mark(at, "dirty") end end
function answer() return 0 end
