// Guest `sens19`, rows 1-14: one snippet per instruction that looks at state, flags or segments.
//
// Idea: the instruction under test stands under a label of its own name with _insn at the end, so that a debugger can
// stop right there. Input comes in given[], output goes to seen[].
// Manual: Intel SDM volume 2, the page of each mnemonic.
.intel_syntax noprefix

.section .bss
    .balign 16
    .global given, seen
    .type given, @object
    .type seen, @object
given:
    .skip 8
    .size given, 8
seen:
    .skip 32
    .size seen, 32

// function do_x: its instruction gets the label x_insn
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

.section .text

// ---- 1-5: registers that tell which tables are in use. seen: the operand as stored.

snippet sgdt
    under_test sgdt
    sgdt [seen]                     // two bytes limit, four bytes base
    ret
end_snippet sgdt

snippet sidt
    under_test sidt
    sidt [seen]
    ret
end_snippet sidt

snippet sldt
    mov dword ptr [seen], 0
    under_test sldt
    sldt word ptr [seen]
    ret
end_snippet sldt

snippet str
    mov dword ptr [seen], 0
    under_test str
    str word ptr [seen]
    ret
end_snippet str

snippet smsw
    mov dword ptr [seen], 0
    under_test smsw
    smsw word ptr [seen]
    ret
end_snippet smsw

// ---- 6, 7: EFLAGS. seen[0]: the whole image. given[0]: the image to load.

snippet pushf
    under_test pushf
    pushfd
    pop dword ptr [seen]
    ret
end_snippet pushf

snippet popf
    push dword ptr [given]
    under_test popf
    popfd
    ret
end_snippet popf

snippet cli
    under_test cli
    cli
    ret
end_snippet cli

snippet sti
    under_test sti
    sti
    ret
end_snippet sti

// ---- 8-11: descriptors. given[0]: selector. seen[0]: result, seen[1]: ZF.

snippet lar
    mov ecx, [given]
    mov eax, 0x5A5A5A5A             // must survive if ZF becomes 0
    under_test lar
    lar eax, ecx
    setz cl
    movzx ecx, cl
    mov [seen], eax
    mov [seen + 4], ecx
    ret
end_snippet lar

snippet lsl
    mov ecx, [given]
    mov eax, 0x5A5A5A5A
    under_test lsl
    lsl eax, ecx
    setz cl
    movzx ecx, cl
    mov [seen], eax
    mov [seen + 4], ecx
    ret
end_snippet lsl

snippet verr
    mov ecx, [given]
    under_test verr
    verr cx
    setz cl
    movzx ecx, cl
    mov [seen], ecx
    ret
end_snippet verr

snippet verw
    mov ecx, [given]
    under_test verw
    verw cx
    setz cl
    movzx ecx, cl
    mov [seen], ecx
    ret
end_snippet verw

// ---- 12: PUSH of CS, SS, DS, ES. seen[0..3]: the pushed words. The upper half of the slot is not defined: cut it off.

.macro push_and_keep register, slot
    push \register
    pop eax
    movzx eax, ax
    mov [seen + 4 * \slot], eax
.endm

snippet push_seg
    under_test push_seg
    push_and_keep cs, 0
    push_and_keep ss, 1
    push_and_keep ds, 2
    push_and_keep es, 3
    ret
end_snippet push_seg

// ---- 13: POP of DS, ES, SS. given[0]: selector. seen[0]: the first word of the segment; for SS its selector
// afterwards.

snippet pop_ds
    push dword ptr [given]
    under_test pop_ds
    pop ds
    mov eax, dword ptr ds:[0]
    mov ecx, 0x10
    mov ds, ecx
    mov [seen], eax
    ret
end_snippet pop_ds

snippet pop_es
    push dword ptr [given]
    under_test pop_es
    pop es
    mov eax, dword ptr es:[0]
    mov ecx, 0x10
    mov es, ecx
    mov [seen], eax
    ret
end_snippet pop_es

snippet pop_ss
    push dword ptr [given]
    under_test pop_ss
    pop ss
    mov eax, ss
    push eax                        // the stack must still work
    pop eax
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet pop_ss

// ---- 14: MOV from and to segment registers. seen[0], seen[1]: CS, SS. DS and SS as in 13.

snippet mov_from_seg
    under_test mov_from_seg
    mov eax, cs
    movzx eax, ax
    mov [seen], eax
    mov eax, ss
    movzx eax, ax
    mov [seen + 4], eax
    ret
end_snippet mov_from_seg

snippet mov_ds
    mov eax, [given]
    under_test mov_ds
    mov ds, eax
    mov eax, dword ptr ds:[0]
    mov ecx, 0x10
    mov ds, ecx
    mov [seen], eax
    ret
end_snippet mov_ds

snippet mov_ss
    mov eax, [given]
    under_test mov_ss
    mov ss, eax
    mov eax, ss
    push eax
    pop eax
    movzx eax, ax
    mov [seen], eax
    ret
end_snippet mov_ss
