for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) error "no" end) end
function answer() return 0 end
