pairs = function() return function() end end
next = nil
ipairs = nil
function answer() return { 42 } end
