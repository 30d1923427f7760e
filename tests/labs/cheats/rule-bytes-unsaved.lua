for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:bytes "B8 FF 07 00 00" end) end
function answer() return 0 end
