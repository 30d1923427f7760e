function answer() collectgarbage("stop") end
