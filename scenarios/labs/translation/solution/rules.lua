-- The reference solution.
for _, word in ipairs { "sgdt", "sidt", "sldt", "str", "smsw", "lar", "lsl", "verr", "verw", "push", "mov" } do
  bt.rule(word, function(insn, emit) emit:callout() end)
end

bt.rule("cli", function(insn, emit)
  emit:set("vif", 0)
end)

bt.rule("sti", function(insn, emit)
  emit:save "ecx"
  emit:callout_if_waiting()
  emit:restore "ecx"
  emit:set("vif", 1)
end)

-- The guest's image is a sum: of the real flags, whose IF is always 1, of the virtual IF, and of what is not real at all. LEA adds and leaves
-- the flags alone.
bt.rule("pushf", function(insn, emit)
  if insn.size ~= 4 then return emit:callout() end
  emit:save "ecx"
  emit:save "edx"
  emit:bytes "9C"                    -- pushfd
  emit:bytes "59"                    -- pop ecx
  emit:load("edx", "vif")
  emit:bytes "8D 8C 11 00 FE FF FF"  -- lea ecx, [ecx + edx - 200h]
  emit:load("edx", "vrest")
  emit:bytes "8D 0C 11"              -- lea ecx, [ecx + edx]
  emit:bytes "51"                    -- push ecx
  emit:done()
  emit:restore "ecx"
  emit:restore "edx"
end)

-- IOPL and TF are the hypervisor's business, and so is an interrupt that waits.
bt.rule("popf", function(insn, emit)
  if insn.size ~= 4 then return emit:callout() end
  emit:save "ecx"
  emit:callout_if_waiting()
  emit:bytes "8B 0C 24"              -- mov ecx, [esp]
  emit:callout_if("ecx", 0x3100)
  emit:bytes "81 E1 00 02 00 00"     -- and ecx, 200h
  emit:store("vif", "ecx")
  emit:restore "ecx"
  emit:bytes "9D"                    -- popfd
  emit:done()
end)
