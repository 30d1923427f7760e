function answer() return string.find(("a"):rep(3000), ("a?"):rep(3000) .. ("a"):rep(3000)) end
