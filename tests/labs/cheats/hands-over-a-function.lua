function answer() return function() return 42 end end
