for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:bytes "9A 00 00 00 00 C0 FF" end) end
function answer() return 0 end
