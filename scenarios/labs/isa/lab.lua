-- Which instructions must trap? An invented computer, to be classified by experiment.
lab {
  title = "Classify and repair an invented instruction set",
  file  = "classify.lua",
  order = 6,
}
