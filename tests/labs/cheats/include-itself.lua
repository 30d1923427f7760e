include "answer.lua"
function answer() return 0 end
