-- Split drivers: a front end whose notifications are never lost, and never needless.
lab {
  title = "A split driver's front end, in every order",
  file  = "front.lua",
  order = 5,
}
