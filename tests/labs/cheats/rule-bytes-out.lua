for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:bytes "E6 F4" end) end
function answer() return 0 end
