// A boot sector that only polls, in real mode, which no deprivileged guest runs in: for the timer's interrupt, which the BIOS counts
// at 46Ch, and for a transmitter to be empty. What it waits for comes only if interpreted instructions take time.
.intel_syntax noprefix
.code16
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7000
    mov al, 0x34        // 8254, counter 0: every 100 ticks
    out 0x43, al
    mov al, 100
    out 0x40, al
    mov al, 0
    out 0x40, al
    mov ax, [0x46C]
    sti
1:  cmp ax, [0x46C]
    je 1b
    cli
    mov dx, 0x3F8
    mov al, '!'
    out dx, al
    mov dx, 0x3FD
2:  in al, dx
    test al, 0x40
    jz 2b
    xor al, al
    out 0xF4, al
3:  jmp 3b
.org 510
    .byte 0x55, 0xAA
