expect.eq(vm.insn.mnemonic, "hlt")
expect.eq(vm.eip, 0xFFC05000)
expect.eq(vm.cpl, 0)
