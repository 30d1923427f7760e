-- Binary translation: which instructions may run as they are in ring 1, and what do the others become?
lab {
  title = "Translation rules for the silent instructions, in the real translator",
  file  = "rules.lua",
  order = 3,
}
