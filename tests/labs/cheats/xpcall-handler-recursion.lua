local function h(e) return xpcall(error, h, e) end
function answer() while true do xpcall(error, h, 1) end end
