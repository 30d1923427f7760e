function answer() for i = 0/0, 1, 0/0 do end return 0/0 end
