local s = scenario { title = "One instruction", lecture = "The laboratory", machine = { guest = "guests/popf.elf" } }
s:step "exec" {
  run = till.cycles(1),
  expect = function()
    local add = exec "add 01d8 eax=7fffffff ebx=1"
    expect.eq(add.name, "add")
    expect.eq(add.status, "ok")
    expect.eq(add.eax, 0x80000000)
    expect.eq(add.flags, 0xA96)
    expect.eq(add.vec, nil)
    local ring1, ring0 = exec "a fa ring=1\nb fa ring=0"
    expect.eq(ring1.vec, 13)
    expect.eq(ring1.cs, 0x19)
    expect.eq(ring0.status, "ok")
    expect.eq(exec("pf 8b00 eax=20002000").cr2, 0x20002000)
    expect.eq(exec("m c60055 eax=20000010").memory[0x20000010], 0x55)
    expect.eq(exec("ldt 2 20000000 f 0 1 0 0\nx 8b00 ds=17 eax=c").status, "ok")
    local good, why = pcall(exec, "x 8b00 ds=17")
    expect.eq(good, false, "LDT entries are forgotten")
    expect.match(why, "line 1: expected a selector that ds can hold")
    expect.eq(select("#", exec "# nothing"), 0)
  end,
}
return s
