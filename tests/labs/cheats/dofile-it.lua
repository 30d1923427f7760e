function answer() return dofile("/etc/passwd") end
