// Guest `sens19`, rows 15-19: far transfers, software interrupts and IRET.
//
// Idea: whatever carries CS on the stack carries the privilege level with it, in the last two bits. A kernel that runs
// where it believes to run finds 0 there, and may put 0 there by hand and return to it.
// Manual: Intel SDM volume 2, CALL, JMP, RET, INT n, IRET; volume 3, 5.8 (privilege of transfers).
// Not here: transfers to another ring (guest `rings`), task gates.
.intel_syntax noprefix

.set KERNEL_CODE, 0x08
.set CALL_GATE, 0x40

.macro snippet name
    .global do_\name
    .type do_\name, @function
do_\name:
.endm
.macro under_test name
    .global \name\()_insn
\name\()_insn:
.endm
.macro end_snippet name
    .size do_\name, . - do_\name
.endm

.section .data
    .balign 4
call_pointer:                       // far pointers: offset, then selector
    .long call_target
    .word KERNEL_CODE
    .balign 4
jump_pointer:
    .long jump_memory_target
    .word KERNEL_CODE

.section .text

// ---- 15: far CALL. seen[0]: the pushed CS. The target takes the two words off by hand: RETF has a row of its own.

    .type call_target, @function
    .global gate_target
    .type gate_target, @function
call_target:
gate_target:
    pop eax                         // EIP
    pop edx                         // CS
    movzx edx, dx
    mov [seen], edx
    jmp eax
    .size call_target, . - call_target
    .size gate_target, . - gate_target

snippet call_direct
    under_test call_direct
    call KERNEL_CODE:call_target
    ret
end_snippet call_direct

snippet call_memory
    under_test call_memory
    call fword ptr [call_pointer]
    ret
end_snippet call_memory

snippet call_gate
    under_test call_gate
    call CALL_GATE:0                // the offset is ignored, the gate has one
    ret
end_snippet call_gate

// ---- 16: far JMP. seen[0]: CS afterwards.

snippet jmp_direct
    under_test jmp_direct
    jmp KERNEL_CODE:jump_direct_target
jump_direct_target:
    mov eax, cs
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet jmp_direct

snippet jmp_memory
    under_test jmp_memory
    jmp fword ptr [jump_pointer]
jump_memory_target:
    mov eax, cs
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet jmp_memory

// ---- 17: far RET over {EIP, CS} made by hand, CS with RPL 0. seen[0]: CS afterwards.

snippet retf
    push KERNEL_CODE
    push offset retf_target
    under_test retf
    retf
retf_target:
    mov eax, cs
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet retf

// ---- 18: INT n. seen[0]: which handler ran, seen[1]: pushed CS, seen[2]: IF in the pushed EFLAGS, seen[3]: 0 if the
// pushed EIP is right. The handlers take their frame off by hand, as IRET has a row of its own; IF stays 0.

.macro soft_handler name, vector
    .global \name
    .type \name, @function
\name:
    mov dword ptr [seen], \vector
    jmp soft_common
    .size \name, . - \name
.endm

soft_handler soft_dpl0, 0x30
soft_handler soft_dpl3, 0x31
soft_handler soft_other, 0x99       // for LIDT, see control.c

soft_common:
    pop eax                         // EIP: the instruction after INT n; ECX says where that is
    sub ecx, eax
    mov [seen + 12], ecx
    pop edx                         // CS
    movzx edx, dx
    mov [seen + 4], edx
    pop edx                         // EFLAGS
    shr edx, 9
    and edx, 1
    mov [seen + 8], edx
    jmp eax

snippet int_dpl0
    mov ecx, offset after_int_dpl0
    under_test int_dpl0
    int 0x30
after_int_dpl0:
    ret
end_snippet int_dpl0

snippet int_dpl3
    mov ecx, offset after_int_dpl3
    under_test int_dpl3
    int 0x31
after_int_dpl3:
    ret
end_snippet int_dpl3

// ---- 19: IRET over a frame made by hand. given[0]: the EFLAGS to load. seen[0]: CS afterwards.

snippet iret_pushed_cs
    push dword ptr [given]
    push cs                         // says in which ring we really are
    push offset iret_target
    under_test iret_pushed_cs
    iretd
end_snippet iret_pushed_cs

snippet iret_literal_cs
    push dword ptr [given]
    push KERNEL_CODE                // ring 0, as a kernel may well claim
    push offset iret_target
    under_test iret_literal_cs
    iretd
iret_target:
    mov eax, cs
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet iret_literal_cs
