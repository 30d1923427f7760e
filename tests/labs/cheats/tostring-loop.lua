local t = setmetatable({}, { __tostring = function() while true do end end })
function answer() return tostring(t) end
