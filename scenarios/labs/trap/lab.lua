-- Trap-and-emulate: what must the hypervisor do when the guest kernel's privileged instructions trap?
lab {
  title = "Trap-and-emulate handlers, in the real machine",
  file  = "handlers.lua",
  order = 1,
}
