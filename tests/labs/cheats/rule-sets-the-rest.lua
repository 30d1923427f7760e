for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:save "ecx" emit:store("vrest", "ecx") end) end
function answer() return 0 end
