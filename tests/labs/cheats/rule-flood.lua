for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) emit:save "ecx" for i = 1, 1e6 do emit:bytes "90" end end) end
function answer() return 0 end
