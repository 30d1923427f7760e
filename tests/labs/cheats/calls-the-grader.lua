function answer() return t.board("cycles", 0) end
