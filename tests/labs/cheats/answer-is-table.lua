answer = setmetatable({}, { __call = function() return 42 end })
