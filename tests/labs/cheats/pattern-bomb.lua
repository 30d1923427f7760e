function answer() return string.find(("a"):rep(5000), (".-"):rep(4) .. "b") end
