function answer() return table.unpack({}, 1, 1e7) end
