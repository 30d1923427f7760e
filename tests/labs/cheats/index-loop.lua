local t = {} setmetatable(t, { __index = function(_, k) return t[k] end })
function answer() return t.x end
