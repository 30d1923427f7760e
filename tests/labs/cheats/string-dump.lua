function answer() return string.dump(answer) end
