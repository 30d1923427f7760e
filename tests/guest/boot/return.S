// Back to real mode as 80286 software does it: a reset by the keyboard controller, asked for in protected mode, and a triple
// fault, with the BIOS told where to go on; A20 is shut meanwhile. INIT puts the local APIC back to virtual wire: a tick comes.
main:
    mov al, 0x0F
    out 0x70, al
    mov al, 0x0A
    out 0x71, al
    mov word ptr [0x467], offset pulled
    mov word ptr [0x469], 0
    cli
    lgdt [table]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:1f
1:  mov ax, 16
    mov ds, ax
    mov word ptr [0x500], 0x5A5A
    mov ebx, 0xFEE00350         // LINT0, by which the 8259s ask: masked
    mov dword ptr [ebx], 0x10000
    mov al, 0xFE
    out 0x64, al
    hlt
table: .word 23
    .long gdt
    .balign 8
gdt: .quad 0, 0x00009B000000FFFF, 0x00CF93000000FFFF
pulled:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7C00
    sti
    hlt
    cli
    mov ax, [0x500]
    show ax
    mov al, 0x0F
    out 0x70, al
    mov al, 0x0A
    out 0x71, al
    mov word ptr [0x467], offset back
    mov word ptr [0x469], 0
    mov ax, 0x2400
    int 0x15
    lidt [nowhere]
    int3
nowhere: .quad 0
back:
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7C00
    mov ax, 'P'                 // AH = 0: print
    mov dx, 0
    int 0x17
    say " back, printer "
    and ax, 0x9800              // ready, selected, no error
    show ax
    done
