-- Shadow paging: who fills the tables that the hardware walks, and when must an entry go?
lab {
  title = "A page-fault handler for shadow tables, in the real machine",
  file  = "handlers.lua",
  order = 2,
}
