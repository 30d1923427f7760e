function answer() local function f() pcall(f) return f() + 1 end return f() end
