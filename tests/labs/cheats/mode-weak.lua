function answer() return setmetatable({}, { __mode = "k" }) end
