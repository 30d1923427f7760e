-- Mutants of the solution. `ringside lab selftest translation` holds that the tests catch each of them.
bug "SIDT is copied" { from = [["sgdt", "sidt",]], to = [["sgdt",]] }
bug "SMSW is copied" { from = [["str", "smsw",]], to = [["str",]] }
bug "LAR and LSL are copied" { from = [["lar", "lsl", ]], to = "" }
bug "VERR and VERW are copied" { from = [["verr", "verw", ]], to = "" }
bug "PUSH CS shows ring 1" { from = [["push", "mov"]], to = [["mov"]] }
bug "MOV from CS shows ring 1" { from = [["push", "mov"]], to = [["push"]] }
bug "CLI sets IF" { from = [[emit:set("vif", 0)]], to = [[emit:set("vif", 1)]] }
bug "STI lets nobody in who waits" { from = [[  emit:save "ecx"
  emit:callout_if_waiting()
  emit:restore "ecx"
  emit:set("vif", 1)]], to = [[  emit:set("vif", 1)]] }
bug "POPF lets nobody in who waits" { from = [[  emit:callout_if_waiting()
  emit:bytes "8B 0C 24"]], to = [[  emit:bytes "8B 0C 24"]] }
bug "PUSHF shows the real IF" { from = [[8D 8C 11 00 FE FF FF]], to = [[8D 8C 11 00 00 00 00]] }
bug "PUSHF forgets IOPL" { from = [[  emit:load("edx", "vrest")
  emit:bytes "8D 0C 11"              -- lea ecx, [ecx + edx]
]], to = "" }
bug "PUSHF destroys the flags" { from = [[  emit:bytes "8D 8C 11 00 FE FF FF"  -- lea ecx, [ecx + edx - 200h]
]], to = [[  emit:bytes "8D 8C 11 00 00 00 00"
  emit:bytes "81 E9 00 02 00 00"     -- sub ecx, 200h
]] }
bug "PUSHF pushes nothing" { from = [[  emit:bytes "51"                    -- push ecx
]], to = "" }
bug "POPF loads the arithmetic flags only" { from = [[  emit:store("vif", "ecx")
]], to = "" }
bug "POPF loads IF only" { from = [[  emit:bytes "9D"                    -- popfd
]], to = [[  emit:save "ecx"
  emit:bytes "59"                    -- pop ecx
]] }
bug "POPF takes any IOPL" { from = [[  emit:callout_if("ecx", 0x3100)
]], to = "" }
bug "everything calls" { from = [[bt.rule("popf", function(insn, emit)
]], to = [[bt.rule("popf", function(insn, emit)
  if insn then return emit:callout() end
]] }
