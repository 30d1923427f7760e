-- vmm.page_fault is called whenever the hardware found no shadow entry that permits an access. README.md says what vm and f can do.
-- As it stands, every one of them is the guest's own fault: its kernel does not survive the first.

function vmm.page_fault(vm, f)
  vm:inject("PF", 0)
end
