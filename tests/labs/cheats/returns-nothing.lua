function answer() end
