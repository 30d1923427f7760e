function answer() local s = setmetatable({}, { __concat = function(a, b) return a .. b end }) return s .. 'x' end
