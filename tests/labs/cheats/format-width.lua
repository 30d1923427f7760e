function answer() local s = {} for i = 1, 1e5 do s[i] = string.format('%99s', 'x') end return string.format('%99999d', 1) end
