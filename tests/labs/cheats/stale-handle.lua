local kept
function vmm.gp(vm, insn) if not kept then kept = vm end vm:skip(insn) end
function boot() end
function answer() return kept and kept.eax or 0 end
