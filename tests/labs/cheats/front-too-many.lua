function front(ring, count) for n = 1, 1e6 do ring:got(100 + n) end end
function answer() return 0 end
