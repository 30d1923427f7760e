_G.tostring = function() return "42" end
type = function() return "number" end
function answer() return {} end
