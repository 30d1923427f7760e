function answer() return string.format('%q', 0/0), string.format('%a%a%a', 1/0, -0.0, 2^-1074) .. string.format('%p', {}) end
