function answer() return math.huge end
