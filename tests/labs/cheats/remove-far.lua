function answer() local t = setmetatable({}, { __len = function() return math.maxinteger - 1 end, __newindex = function() end }) return table.remove(t, 1) end
