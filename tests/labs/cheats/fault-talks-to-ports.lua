function vmm.page_fault(vm, f) vm:port_out(0xF4, 1, 0) end
function answer() return 0 end
