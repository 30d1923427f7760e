for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:bytes "89 04 24" end) end
function answer() return 0 end
