lab { title = "What cheats are tried on", file = "answer.lua" }
