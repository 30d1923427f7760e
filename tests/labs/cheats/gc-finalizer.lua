function answer() setmetatable({}, { __gc = function() while true do end end }) end
