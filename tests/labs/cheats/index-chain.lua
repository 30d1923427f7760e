function answer() local f = {} for _ = 1, 3000 do f = setmetatable({}, { __index = f }) end return f.x end
