setmetatable(vmm, { __index = function(_, k) return function(vm, insn) vm:skip(insn) end end }) function answer() return 41 end
