function answer() return os.time() end
