function vmm.page_fault(vm, f) local d = vm.guest.cr3 local a = vm:table((d & ~0xFFF) + (f.va >> 22) * 4) local e = a and a & 1 == 1 and vm:table((a & ~0xFFF) + (f.va >> 12 & 1023) * 4) if not e or e & 1 == 0 then return vm:inject("PF", f.write and 2 or 0) end vm:shadow_map(f.va, vm:p2m(e >> 12), { write = true, user = true }) end function vmm.cr3() end
function answer() return 0 end
