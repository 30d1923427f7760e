function front(ring, count) while true do pcall(ring.sleep, ring) end end
function answer() return 0 end
