function vmm.gp(vm, insn) for c in ("labtrap: done"):gmatch(".") do vm:port_out(0x3F8, 1, c:byte()) end vm:port_out(0xF4, 1, 0) end
function answer() return 0 end
