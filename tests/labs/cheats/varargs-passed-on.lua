local function g(a) end
local function h(...) while true do g(...) g(...) g(...) end end
local function f(n, ...) if n == 0 then return h(...) end return f(n - 1, 1, 2, 3, 4, 5, 6, 7, 8, ...) end
function answer() return f(124) end
