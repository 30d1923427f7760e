function vmm.page_fault(vm, f) for n = 0, 1023 do if vm:p2m(n) then vm:trace(n) end end vm:emulate() end function vmm.stored(vm, at, n) vm:trace(at >> 12, false) vm:trace(at >> 12) end
function answer() return 0 end
