function answer() return load("return 42")() end
