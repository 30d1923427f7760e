function answer() return debug.getregistry() end
