include "../tests/secret.lua"
function answer() return 0 end
