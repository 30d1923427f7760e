function answer() setmetatable(_G, nil) return os end
