// An ELF that lies over the place where the boot loader keeps its GDT (7000h): the image wins. Success if it is intact.
// Manual: Multiboot specification 3.2 (the GDTR that an image finds may be invalid).
// Not here: loading segment registers, for which this image would need a table of its own.
    .intel_syntax noprefix
    .global _start
    .text
_start:
    mov esi, offset intact // and a repeated string instruction to a port, from the lowest memory there is
    mov ecx, 4
    mov edx, 0xE9
    rep outsb
    mov eax, dword ptr [low]
    sub eax, 0x12345678
    jz 1f
    mov eax, 1
1:  out 0xF4, al
    hlt
    .data
low:
    .long 0x12345678
intact:
    .ascii "low\n"
    .section .note.GNU-stack, "", @progbits
