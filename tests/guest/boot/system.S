// int 11h, 12h, 14h, 15h, 1Ah, and the timer.
main:
    say "11 "
    mov ax, 0x1234
    int 0x11
    and ax, 0x0E30              // serial ports, video mode: floppies, printers and mice differ from machine to machine
    show ax
    newline
    say "12 "
    int 0x12
    show ax
    newline
    say "data "
    push 0x40
    pop es
    show es:[0x13]
    show es:[0x00]
    show es:[0x1A]
    show es:[0x80]
    show es:[0x82]
    newline
    say "14 "                   // status; the line is idle
    mov ah, 3
    mov dx, 0
    int 0x14
    and ax, 0x6000
    show ax
    newline
    say "15C0 "
    stc
    mov ah, 0xC0
    int 0x15
    sign
    show es:[bx + 2]            // model and submodel
    newline
    say "15C1 "
    mov ah, 0xC1
    int 0x15
    sign
    show es
    newline
    say "15FF "
    mov ax, 0xFF00
    int 0x15
    sign
    mov al, 0
    show ax
    newline
    say "2403 "
    mov ax, 0x2403
    int 0x15
    sign
    mov al, ah
    show ax
    newline
    say "A20 "
    mov ax, 0x2401
    int 0x15
    sign
    mov ax, 0x2402
    int 0x15
    sign
    show ax
    mov ax, 0x2400
    int 0x15
    sign
    mov ax, 0x2402
    int 0x15
    sign
    show ax
    newline
    mov ax, 0x2401
    int 0x15
    say "ticks "                // two of them go by
    sti
    mov ah, 0
    int 0x1A
    mov bx, dx
1:  hlt
    mov ah, 0
    int 0x1A
    sub dx, bx
    cmp dx, 2
    jb 1b
    show dx
    newline
    say "1C "                   // the user's timer routine
    push ds
    pop es
    cli
    mov word ptr es:[0x1C * 4], offset tick
    mov word ptr es:[0x1C * 4 + 2], 0
    sti
1:  hlt
    cmp word ptr [ticked], 3
    jb 1b
    cli
    mov word ptr es:[0x1C * 4], 0xFF53
    mov word ptr es:[0x1C * 4 + 2], 0xF000
    sti
    mov ax, [nested]
    show ax
    newline
    say "set ticks "
    mov ah, 1
    mov cx, 0x0018
    mov dx, 0x00AF
    int 0x1A
1:  hlt                         // midnight comes
    mov ah, 0
    int 0x1A
    or al, al
    jz 1b
    mov ah, 0
    show ax
    show cx
    newline
    say "wait "                 // 5 ms, in ticks of 55 ms
    mov ah, 0
    int 0x1A
    mov bx, dx
    mov ah, 0x86
    mov cx, 0
    mov dx, 5000
    int 0x15
    sign
    mov ah, 0
    int 0x1A
    sub dx, bx
    cmp dx, 2
    mov ax, 0
    adc ax, 0
    show ax
    newline
    say "rtc "
    mov ah, 3                   // 23:59:58, 31 December 1999
    mov cx, 0x2359
    mov dx, 0x5800
    int 0x1A
    sign
    mov ah, 5
    mov cx, 0x1999
    mov dx, 0x1231
    int 0x1A
    sign
    mov ah, 4
    int 0x1A
    sign
    show cx
    show dx
    mov ah, 2
    int 0x1A
    sign
    show cx
    mov al, dh
    and al, 0xF8                // 58 or 59
    show ax
    newline
    say "alarm "
    mov ah, 7
    int 0x1A
    cli
    mov word ptr [0x4A * 4], offset alarm
    mov word ptr [0x4A * 4 + 2], 0
    mov ah, 6
    mov cx, 0x0000
    mov dx, 0x0000
    int 0x1A
    sign
    mov ah, 6                   // one at a time
    int 0x1A
    sign
    sti
1:  hlt
    cmp byte ptr [rung], 0
    je 1b
    mov ah, 7
    int 0x1A
    mov ah, 4
    int 0x1A
    show cx
    show dx
    newline
    say "pci "
    mov ax, 0xB101
    int 0x1A
    sign
    show dx
    shr edx, 16
    show dx
    mov ax, 0xB102
    mov cx, 0x1237
    mov dx, 0x8086
    mov si, 0
    int 0x1A
    sign
    show bx
    mov ax, 0xB109
    mov bx, 0
    mov di, 2
    int 0x1A
    sign
    show cx
    mov ax, 0xB109
    mov di, 3
    int 0x1A
    sign
    mov al, 0
    show ax
    mov ax, 0xB102
    mov cx, 0x4242
    mov dx, 0x8086
    int 0x1A
    sign
    mov al, 0
    show ax
    newline
    say "fixed "                // where software jumps to or looks
    push 0xF000
    pop es
    mov al, es:[0xFFFE]
    mov ah, es:[0xFFF0]
    show ax
    mov ax, es:[0xE05B]
    mov ah, 0
    cmp al, 0xFF
    sbb ax, ax
    show ax
    newline
    done
tick:
    push ax
    push bx
    inc word ptr cs:[ticked]
    mov ah, 0x0F                // a service inside a service
    int 0x10
    mov al, 0
    mov cs:[nested], ax
    pop bx
    pop ax
    iret
alarm:
    mov byte ptr cs:[rung], 1
    iret
ticked: .word 0
nested: .word 0
rung: .byte 0
