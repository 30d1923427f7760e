function answer() return tostring(setmetatable({}, { __tostring = function() return 42 end })) end
