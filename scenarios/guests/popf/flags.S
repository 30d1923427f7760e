// The interrupt flag, four ways: STI and CLI, PUSHF and POPF.
//
// Idea: CLI and STI are the polite way to change IF: without the right to do so they fault (#GP), and a hypervisor
// hears of it. POPF changes IF as well, when it may. When it may not, it changes the other flags, leaves IF as it
// was, and says nothing. On a bare machine a kernel in ring 0 never meets that case.
// Manual: Intel SDM volume 2, CLI, STI, PUSHF, POPF (table of the flag's fate by CPL and IOPL).
.intel_syntax noprefix
.section .text

// void enable_interrupts(void)
    .global enable_interrupts, sti_insn
    .type enable_interrupts, @function
enable_interrupts:
sti_insn:
    sti
    ret                             // STI takes effect after the instruction that follows it
    .size enable_interrupts, . - enable_interrupts

// void disable_interrupts(void)
    .global disable_interrupts, cli_insn
    .type disable_interrupts, @function
disable_interrupts:
cli_insn:
    cli
    ret
    .size disable_interrupts, . - disable_interrupts

// uint32_t read_flags(void)
    .global read_flags, pushf_insn
    .type read_flags, @function
read_flags:
pushf_insn:
    pushfd
    pop eax
    ret
    .size read_flags, . - read_flags

// uint32_t interrupts_off(void): IF := 0 through POPF; returns the flags as they were
    .global interrupts_off, popf_insn, after_popf
    .type interrupts_off, @function
interrupts_off:
    pushfd
    mov eax, [esp]                  // the flags to put back later
    and dword ptr [esp], ~0x200     // bit 9 is IF
popf_insn:
    popfd
after_popf:
    ret
    .size interrupts_off, . - interrupts_off

// void interrupts_restore(uint32_t flags)
    .global interrupts_restore, popf_restore_insn
    .type interrupts_restore, @function
interrupts_restore:
    push dword ptr [esp + 4]
popf_restore_insn:
    popfd
    ret
    .size interrupts_restore, . - interrupts_restore
