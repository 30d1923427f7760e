function front(ring, count) ring:write(-1, 1) end
function answer() return 0 end
