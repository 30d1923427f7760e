// Code in segments with a base: 32-bit code at base `inside`, then real mode at 0120:0000. For the GDB server's test.
//
// Idea: the same bytes have one linear address and another EIP, which is what a debugger must keep apart.
        .intel_syntax noprefix
        .globl _start, inside, real
        .text
_start: lgdt    [table]
        mov     eax, offset inside
        mov     [gdt + 0x18 + 2], ax
        shr     eax, 16
        mov     [gdt + 0x18 + 4], al
        mov     [gdt + 0x18 + 7], ah
        mov     esi, offset code16       // to 1200h, where real mode reaches
        mov     edi, 0x1200
        mov     ecx, 64
        rep     movsb
        .byte   0xEA                     // JMP FAR 18:0
        .long   0
        .word   0x18
inside: inc     eax
        inc     eax
        .byte   0xEA                     // JMP FAR 20:1200h, a 16-bit segment
        .long   0x1200
        .word   0x20
code16:
        .code16
        mov     eax, cr0
        and     al, 0xFE
        mov     cr0, eax
        .byte   0xEA                     // JMP FAR 0120:entry
        .word   entry - code16
        .word   0x120
entry:  nop
        xor     al, al
        out     0xF4, al                 // the debug exit
        hlt
        .set    real, 0x1200 + entry - code16
        .code32
        .balign 8
gdt:    .quad   0
        .quad   0x00CF9B000000FFFF
        .quad   0x00CF93000000FFFF
        .quad   0x00CF9B000000FFFF       // base filled in
        .quad   0x00009B000000FFFF       // 16-bit code, base 0
table:  .word   . - gdt - 1
        .long   gdt
