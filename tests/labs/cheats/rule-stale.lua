local kept for _, w in ipairs { "pushf", "popf", "cli", "sti" } do bt.rule(w, function(insn, emit) kept = kept or emit kept:callout() end) end function answer() kept:callout() return 0 end
