function answer() return (("a"):rep(1000):gsub("a", function() while true do end end)) end
