function answer() local t = {} while true do local co = coroutine.create(function() while true do coroutine.yield() end end) coroutine.resume(co) t[#t + 1] = co end end
