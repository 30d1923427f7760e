for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:bytes "65 C6 05 00 00 00 00" end) end
function answer() return 0 end
