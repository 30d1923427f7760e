-- vmm.gp is called for each privileged instruction of the guest that trapped. README.md says what vm and insn can do.
-- As it stands, every one of them is the guest's own fault: its kernel will not get far.

function vmm.gp(vm, insn)
  vm:inject("GP", 0)
end
