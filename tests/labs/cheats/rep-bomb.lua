function answer() return ("x"):rep(1 << 30) end
