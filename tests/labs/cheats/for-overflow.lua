function answer() local n = 0 for i = math.maxinteger - 1, math.maxinteger do n = n + 1 end for i = 1, 1/0 do n = n + 1 end return n end
