bt = nil
function answer() return 0 end
