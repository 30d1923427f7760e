function answer() error('x', math.maxinteger) end
function vmm.gp() error('OK', math.mininteger) end
