-- Mutants of the solution. `ringside lab selftest trap` holds that the tests catch each of them.
bug "forgets who executed it" { from = [[if ring > (io and vm.iopl or 0) then return vm:inject("GP", 0) end]], to = "" }
bug "CLI does nothing" { from = [[if insn.is "cli" then vm.guest.vIF = 0]], to = [[if insn.is "cli" then]] }
bug "STI does nothing" { from = [[elseif insn.is "sti" then vm.guest.vIF = 1]], to = [[elseif insn.is "sti" then]] }
bug "CLI and STI exchanged" { from = [[if insn.is "cli" then vm.guest.vIF = 0
  elseif insn.is "sti" then vm.guest.vIF = 1]], to = [[if insn.is "sti" then vm.guest.vIF = 0
  elseif insn.is "cli" then vm.guest.vIF = 1]] }
bug "IN destroys the rest of EAX" { from = [[vm.eax = vm.eax & ~mask & 0xFFFFFFFF | vm:port_in]], to = [[vm.eax = vm:port_in]] }
bug "OUT sends too much" { from = [[vm:port_out(insn.port, insn.size, vm.eax & mask)]], to = [[vm:port_out(insn.port, insn.size, vm.eax >> 8)]] }
bug "forgets to skip" { from = [[
  vm:skip(insn)
]], to = "\n" }
bug "always EAX" { from = [[vm[insn.reg] = vm.guest[name] end]], to = [[vm.eax = vm.guest[name] end]] }
bug "CLTS sets TS" { from = [[vm.guest.cr0 & ~8]], to = [[vm.guest.cr0 | 8]] }
bug "MOV to CR is ignored" { from = [[if insn.write then vm.guest[name] = vm[insn.reg] else]], to = [[if insn.write then else]] }
bug "every CR is CR0" { from = [["cr" .. insn.cr]], to = [["cr0"]] }
bug "HLT does not wait, and looks at the wrong ring" { from = [[local ring = vm.ring]], to = [[local ring = insn.is "hlt" and 0 or vm.ring + 1]] }
