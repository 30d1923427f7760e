function vmm.page_fault(vm, f) while true do end end
function answer() return 0 end
