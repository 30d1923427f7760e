function front(ring, count) local c = coroutine.wrap(function() ring:sleep() end) c() end
function answer() return 0 end
