// What the boot sectors of tests/guest/bios.sh share: 16-bit code at 0000:7C00 that prints through port E9 and ends through
// port F4. A program of more than one sector has its further sectors loaded first, with int 13h.
.intel_syntax noprefix
.code16
.macro say text
    call say_inline
    .asciz "\text"
.endm
.macro show register            // four hex digits and a blank
    push ax
    mov ax, \register
    call show_ax
    pop ax
.endm
.macro newline
    call end_line
.endm
.macro sign                     // C or c by the carry flag, Z or z by the zero flag
    call show_flags
.endm
.macro done value=0
    mov al, \value
    out 0xF4, al
    cli
    hlt
.endm
.globl _start
_start:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    mov [drive], dl
    mov ax, 0x0200 + SECTORS - 1
    mov bx, 0x7E00
    mov cx, 0x0002
    mov dh, 0
.if SECTORS > 1
    int 0x13
.endif
    jmp main
drive: .byte 0
show_byte:
    push ax
    shr al, 4
    call show_digit
    pop ax
show_digit:
    push ax
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe 1f
    add al, 7
1:  out 0xE9, al
    pop ax
    ret
show_ax:
    pushf
    xchg al, ah
    call show_byte
    xchg al, ah
    call show_byte
    call blank
    popf
    ret
blank:
    push ax
    mov al, ' '
    out 0xE9, al
    pop ax
    ret
end_line:
    pushf
    push ax
    mov al, '\n'
    out 0xE9, al
    pop ax
    popf
    ret
show_flags:
    pushf
    push ax
    mov al, 'c'
    jnc 1f
    mov al, 'C'
1:  out 0xE9, al
    pop ax
    popf
    pushf
    push ax
    mov al, 'z'
    jnz 1f
    mov al, 'Z'
1:  out 0xE9, al
    mov al, ' '
    out 0xE9, al
    pop ax
    popf
    ret
say_inline:
    pushf
    push bp
    mov bp, sp
    push ax
    push si
    mov si, [bp + 4]
    cld
1:  cs lodsb
    or al, al
    jz 2f
    out 0xE9, al
    jmp 1b
2:  mov [bp + 4], si
    pop si
    pop ax
    pop bp
    popf
    ret
.if SECTORS > 1
.org 510
.word 0xAA55
.endif
