function answer() coroutine.yield(42) end
