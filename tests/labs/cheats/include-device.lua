include "fifo"
function answer() return 0 end
