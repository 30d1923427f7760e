function front(ring, count) coroutine.yield() end
function answer() return 0 end
