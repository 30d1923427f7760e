function front(ring, count) error "no" end
function answer() return 0 end
