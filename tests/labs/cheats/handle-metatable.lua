function vmm.gp(vm) getmetatable(vm).__index = function() return 0 end end
function answer() return getmetatable(vmm.vm).x end
