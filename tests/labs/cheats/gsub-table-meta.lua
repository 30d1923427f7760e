function answer() return (('abc'):gsub('.', setmetatable({}, { __index = function(_, k) return string.gsub(k, '.', '%0%0%0%0') end }))) end
