-- Paravirtualization: a small kernel for ring 0 is ported to hypercalls.
lab {
  title = "Port a small kernel to hypercalls, in C",
  file  = "port.c",
  build = "kernel",
  order = 4,
}
