vmm = 3
function answer() return 0 end
