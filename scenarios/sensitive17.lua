-- The sensitive instructions that do not trap, each in its own words: what they showed a kernel in ring 1.
-- Guest: guests/sens19, which executes the list, compares with what it set up itself, and says what it found, a line each.

-- Robin and Irvine (2000) report seventeen. The list as printed has eighteen mnemonics: it is seventeen if VERR and VERW,
-- one page of the manual, count once. IRET, which VMware's authors add, is the nineteenth.
local s = scenario {
  title   = "Seventeen, eighteen, nineteen: the instructions that do not trap",
  lecture = "Problems with trap-and-emulate",
  order   = 7,
  techniques = "te",
  reading = {
    "Robin, Irvine: Analysis of the Intel Pentium's ability to support a secure virtual machine monitor. USENIX Security 2000",
    "Popek, Goldberg: Formal requirements for virtualizable third generation architectures. CACM 17(7), 1974",
  },
  machine = { preset = "classic", guest = "sens19", ram = "16M" },
}

-- The guest's verdicts so far: { [row] = true if the instruction showed it something else than ring 0 would }.
local function verdicts(vm)
  local wrong = {}
  for row, verdict in vm.serial:gmatch "row (%d+) [^\n]* (%a+)\n" do wrong[tonumber(row)] = verdict == "DIFFERENT" end
  return wrong
end

local function count(wrong, rows)
  local n = 0
  for _, row in ipairs(rows) do n = n + (wrong[row] and 1 or 0) end
  return n
end

s:step "Registers that anybody may read" {
  minutes = 3,
  say = [[
    Red pill: SIDT in user code tells a guest that it is one. UMIP, 2017,
    makes these five trap: --set cpu.umip=1.]],
  run  = till.silent "smsw",
  show = "cpu",
  ask  = { "SGDT in ring 1. Whose table does it show?", choices = { "the guest's", "the hypervisor's", "it traps" }, answer = 2 },
  note = [[
    SGDT, SIDT, SLDT, STR and SMSW only store, so nobody thought of a check.
    They show the hypervisor's registers: five leaks, and no trap.
    This is how a guest finds out that it is one.]],
  expect = function(vm)
    expect.silent { insn = "sgdt" }
    expect.silent { insn = "sidt" }
    expect.silent { insn = "sldt" }
    expect.silent { insn = "str" }
    expect.ne(vm.gdt_base, vm.guest.gdt_base, "the real table is not the guest's")
    local told = 0
    for e in vm:events { kind = "exit", reason = "privileged" } do
      if e.insn and (e.insn.mnemonic == "sgdt" or e.insn.mnemonic == "sidt") then told = told + 1 end
    end
    expect.eq(told, 0, "visits to the hypervisor for SGDT and SIDT")
  end,
}

s:step "A flag that is not the guest's" {
  minutes = 3,
  say = [[
    They know this one from popf; here it is one line of a table.]],
  run  = till.silent "popf",
  show = "cpu",
  note = [[
    PUSHF shows the real IF and IOPL; POPF in ring 1 changes neither, and says
    nothing. CLI and STI do trap: the guest switches its interrupts off and on,
    and its own PUSHF denies it.]],
  expect = function(vm)
    expect.silent { insn = "pushf" }
    expect.eq(vm.flags.IF, 1, "the real IF, always")
    expect.eq(vm.flags.IOPL, 0, "the real IOPL")
  end,
}

s:step "Questions about descriptors" {
  minutes = 4,
  say = [[
    The hardest group. The answer is correct for the table the CPU has, and
    the guest asked about its own.]],
  run  = till.label "row_pop",
  show = "events",
  note = [[
    LAR, LSL, VERR and VERW answer from the tables the CPU has: there kernel
    segments have privilege 1 and end below the hypervisor. The answer is right,
    and it is the answer to another question.]],
  expect = function(vm)
    local wrong = verdicts(vm)
    expect.eq(count(wrong, { 8, 9, 10, 11 }), 4, "of four questions, answered wrongly")
    expect.silent { insn = "lar" }
    expect.silent { insn = "lsl" }
    expect.silent { insn = "verr" }
    expect.silent { insn = "verw" }
  end,
}

s:step "The ring shows in CS" {
  minutes = 4,
  say = [[
    Ask for code that breaks: anything that tests CS & 3 to know whether an
    interrupt came from the kernel.]],
  run  = till.label "row_iret",
  show = "rings",
  note = [[
    PUSH CS, MOV from CS and a far CALL write CS with the real ring in its last
    bits. Loads of SS and far transfers with a selector of ring 0 are refused,
    with a fault that no bare machine raises: those the hypervisor can repair.]],
  expect = function(vm)
    local wrong = verdicts(vm)
    expect.eq(count(wrong, { 12, 13, 14, 15, 16, 17 }), 6, "of six, wrong")
    expect.eq(vm.cs & 3, 1, "the ring in CS")
    expect.gt(vm.exits.segment, 0, "faults that were repaired")
  end,
}

s:step "The count" {
  minutes = 4,
  say = [[
    17, 18 or 19? Robin and Irvine say 17; the list as printed has 18; IRET
    is the nineteenth. ringside draw matrix has all techniques.]],
  run  = till.stop(),
  show = "serial",
  ask  = { "INT n is on the list. Does it go wrong here?", choices = { "yes", "no: its gate traps" }, answer = 2 },
  note = [[
    INT n is on the list for the privilege its gate checks. Here the gate is the
    hypervisor's, so it hears of it. All others go wrong: 16 of 17 (VERR and
    VERW as one), 17 of 18, with IRET 18 of 19. What traps is right.]],
  expect = function(vm)
    local wrong, printed, pages = verdicts(vm), {}, {}
    for row = 1, 18 do printed[#printed + 1] = row end
    for row = 1, 18 do if row ~= 11 then pages[#pages + 1] = row end end
    expect.eq(#pages, 17, "Robin and Irvine's number: VERR and VERW are one page")
    expect.eq(#printed, 18, "mnemonics on the printed list")
    expect.eq(count(wrong, pages), 16, "wrong of the 17")
    expect.eq(count(wrong, printed), 17, "wrong of the 18")
    expect.ok(wrong[19], "IRET, the nineteenth, is wrong, too")
    expect.ok(not wrong[18], "INT n is right")
    expect.match(vm.serial, "controls failed: 0")
  end,
}

s:draw "sensitive17-ladder" { kind = "ladder", from = s "A flag that is not the guest's", to = s "A flag that is not the guest's" }
return s
