function answer() return (('a'):rep(200000):gsub('a', ('b'):rep(100000))) end
