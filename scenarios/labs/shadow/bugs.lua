-- Mutants of the solution. `ringside lab selftest shadow` holds that the tests catch each of them.
bug "user programs may use the kernel's pages" { from = [[ or f.user and rights & U == 0]], to = "" }
bug "the kernel's touch opens a page for user programs" { from = [[user = rights & U ~= 0 })]], to = [[user = true })]] }
bug "the directory's rights are forgotten" { from = [[rights = pde & entry]], to = [[rights = entry]] }
bug "always writable" { from = [[write = dirty and rights & W ~= 0]], to = [[write = true]] }
bug "writable before it is dirty" { from = [[write = dirty and rights & W ~= 0]], to = [[write = rights & W ~= 0]] }
bug "D is not set" { from = [[vm:mark(at, "dirty")]], to = [[vm:mark(at, "accessed")]] }
bug "A is not set in the directory" { from = [[if pde & A == 0 then vm:mark(pde_at, "accessed") end]], to = "" }
bug "the error code has no P" { from = [[return own_fault(vm, f, true) end]], to = [[return own_fault(vm, f, false) end]] }
bug "the error code has no U" { from = [[ | (f.user and U or 0))]], to = ")" }
bug "large pages are 4 KB pages" { from = [[(pde & 0xFFC00000 | f.va & 0x003FF000) >> 12]], to = [[(pde & 0xFFC00000) >> 12]] }
bug "tables are not traced" { from = [[    vm:trace(page)
]], to = "" }
bug "a store to a table drops nothing" { from = [[    if list then forget(vm, list) end
]], to = "" }
bug "one space for all" { from = [[  vm:shadow_space(now)]], to = [[  vm:shadow_space(0)]] }
bug "drops only in the space in use" { from = [[vm:shadow_unmap(entry[1], entry[2])]], to = [[vm:shadow_unmap(entry[1])]] }
bug "keeps nothing" { from = [[  now = space_of[directory]
]], to = [[  now = space_of[directory]
  vm:shadow_flush()
]] }
bug "the frame is the guest's number" { from = [[vm:shadow_map(f.va, frame,]], to = [[vm:shadow_map(f.va, page,]] }
