function answer(...) return -42, 42, 42, 42 end
