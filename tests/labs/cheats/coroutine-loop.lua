function answer() coroutine.wrap(function() while true do end end)() end
