function answer() return 0/0 end
