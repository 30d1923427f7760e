function answer() local x <close> = setmetatable({}, { __close = function() error('again') end }) for _ = 1, 100 do local y <close> = x end end
