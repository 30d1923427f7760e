function answer() local t = {} for i = 1, 5000 do t[i] = i end while true do table.sort(t, function(a, b) return math.random() < 0.5 end) end end
