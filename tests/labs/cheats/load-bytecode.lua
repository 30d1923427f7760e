function answer() return load("\27Lua")() end
