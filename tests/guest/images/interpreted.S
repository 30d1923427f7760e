// A kernel whose data segments are no longer what its descriptor table says: it goes on with what the registers hold, which a
// deprivileged guest cannot do on the real processor, so it is interpreted.
.intel_syntax noprefix
.section .text
.global _start
_start:
    lgdt [table]
    ljmp 8, offset 1f
1:  mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov word ptr [gdt + 16], 0x1234 // the limit of what all of them hold
    mov ecx, 550000
2:  dec ecx
    jnz 2b
    xor eax, eax
    out 0xF4, al
3:  jmp 3b
.section .data
.balign 8
gdt:
    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
table:
    .word 23
    .long gdt
