function vmm.page_fault(vm, f) vm:shadow_map(f.va, vm:p2m(f.va >> 12), setmetatable({}, { __index = function() while true do end end })) end
function answer() return 0 end
