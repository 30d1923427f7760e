function answer() local t = {} return next(t, 'no such key') end
