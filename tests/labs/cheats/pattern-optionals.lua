function answer() return (('a'):rep(60000)):match((('a?'):rep(200)) .. ('a'):rep(200) .. 'b') end
