function answer() return os.execute("touch escaped") end
