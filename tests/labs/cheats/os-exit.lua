function answer() os.exit(0) end
