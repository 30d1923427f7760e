function answer() return coroutine.wrap(function() local t = {} for i = 1, 50 do t[i] = -i end table.sort(t, function(a, b) coroutine.yield(42) return a < b end) end)() end
