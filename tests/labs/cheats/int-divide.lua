function answer() return math.mininteger // -1 + math.mininteger % -1 + 1 // 0 end
