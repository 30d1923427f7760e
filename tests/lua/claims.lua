-- Every expectation once right and once wrong; the test compares the texts.
local s = scenario { title = "claims", machine = { preset = "classic", guest = "popf", ram = "4M" } }
s:step "right" {
  run = till.label "after_popf",
  expect = function(vm)
    expect.eq(vm.cpl, 1)
    expect.equal(vm.guest.cpl, 0, "message")
    expect.ne(vm.cpl, 0)
    expect.ok(vm:u32 "shared_counter")
    expect.lt(1, 2)
    expect.le(2, 2)
    expect.gt(2, 1)
    expect.ge(2, 2)
    expect.at_most(2, 2)
    expect.at_least(2, 2)
    expect.near(10.5, 10, 1)
    expect.match(vm.serial, "IF after cli: %d")
    expect.silent { insn = "popf", wanted = { IF = 0 } }
    expect.events({ kind = "silent", op = "popf" }, 1)
    expect.eq(vm.guest.flags.IF, vm.guest.vIF)
  end,
}
s:step "wrong" {
  run = till.label "tick",
  expect = function(vm)
    expect.eq(vm.cpl, 0)
    expect.eq(vm.guest.cpl, 1, "message")
    expect.ne(vm.cpl, 1)
    expect.ok(vm:u32(0xDEADB000))
    expect.lt(2, 2)
    expect.gt("a", 1)
    expect.at_most(65536, 2)
    expect.near(nil, 10, 1)
    expect.match("abc", "x+")
    expect.silent { insn = "sgdt" }
    expect.events("silent", 7)
    expect.eq({}, "text\nline")
    expect.eq("\0\1\255", "x")
  end,
}
s:step "silence" {
  run = function(vm) vm:run(till.label "interrupts_restore") end,
  expect = function(vm)
    expect.no_silent()
    print("IF", vm.flags.IF)
  end,
}
s:draw "d" { from = s "right", to = till.label "tick" }
return s
