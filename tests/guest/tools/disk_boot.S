// A boot sector that loads a Multiboot-like kernel, for machines that only boot disks (Bochs).
//
// Idea: sectors 1.. of the disk are a flat picture of memory from 1 MB on. They come in through int 13h/42h into a buffer
// below 64 KB and are copied up in "unreal" mode: segments whose hidden limit stays 4 GB after a look into protected mode.
// The two words before the signature are filled in by the packer: number of sectors, entry address.
.intel_syntax noprefix
.code16
.set BUFFER, 0x8000
.set CHUNK, 32                          // sectors a call
.section .text
    .global _start
_start:
    ljmp 0, offset begin
begin:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    mov [drive], dl
    in al, 0x92
    or al, 2
    out 0x92, al                        // A20
    lgdt [gdtr]
    mov edi, 0x100000
next:
    cmp word ptr [sectors], 0
    je enter
    mov word ptr [packet + 2], CHUNK
    mov si, offset packet
    mov dl, [drive]
    mov ah, 0x42
    sti
    int 0x13
    cli
    jc fail
    mov eax, cr0                        // a big DS and ES for the copy; the BIOS may have reloaded them
    or al, 1
    mov cr0, eax
    jmp 1f
1:  mov bx, 0x10
    mov ds, bx
    mov es, bx
    and al, 0xFE
    mov cr0, eax
    jmp 1f
1:  xor ax, ax
    mov ds, ax
    mov es, ax
    mov esi, BUFFER
    mov ecx, CHUNK * 512 / 4
    cld
    addr32 rep movsd
    add dword ptr [packet + 8], CHUNK
    sub word ptr [sectors], CHUNK
    jnc next
    mov word ptr [sectors], 0
    jmp next
fail:
    hlt
    jmp fail
enter:
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xEA                    // jmp 08:flat
    .long in_flat
    .word 8
.code32
in_flat:
    mov ax, 0x10
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov eax, 0x2BADB002
    mov ebx, offset nothing             // an information structure that offers nothing
    jmp dword ptr [entry]
.code16
drive:  .byte 0
    .balign 4
packet: .byte 16, 0
    .word CHUNK, BUFFER, 0
    .long 1, 0
nothing: .long 0
gdt:    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdtr:   .word 23
    .long gdt
    .org 504
sectors: .word 0
entry:  .long 0x100000
    .word 0xAA55
