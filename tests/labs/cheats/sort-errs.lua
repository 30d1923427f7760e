function answer() for _ = 1, 1e9 do pcall(table.sort, { 3, 2, 1, 5, 4 }, function() error('no') end) end end
