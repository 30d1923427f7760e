function answer() error(("x"):rep(100000)) end
