function vmm.gp(vm, insn) coroutine.yield() end
function answer() return 0 end
