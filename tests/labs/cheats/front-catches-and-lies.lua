function front(ring, count) pcall(ring.sleep, ring) for n = 1, count do pcall(ring.got, ring, 100 + n) end end
function answer() return 0 end
