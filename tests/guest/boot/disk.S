// int 13h on drive 80h, of 8 MB: by cylinder, head and sector, and by packets.
main:
    say "08 "
    mov ah, 8
    mov dl, 0x80
    int 0x13
    sign
    show ax
    show cx
    show dx
    newline
    say "15 "
    mov ah, 0x15
    mov dl, 0x80
    int 0x13
    sign
    mov al, 0
    show ax
    show cx
    show dx
    newline
    say "00 "
    mov ax, 0x0000
    mov dl, 0x80
    int 0x13
    sign
    show ax
    mov ax, 0x0000
    mov dl, 0x81                // not there
    mov ah, 8
    int 0x13
    sign
    mov al, 0
    show ax
    newline
    say "02 "                   // sector 1 of cylinder 0, head 0: ourselves
    mov ax, 0x0201
    mov bx, 0x9000
    mov cx, 0x0001
    mov dx, 0x0080
    push ds
    pop es
    int 0x13
    sign
    show ax
    mov si, 0x7C00
    mov di, 0x9000
    mov cx, 0x2A                // up to the byte the drive's number is in
    repe cmpsb
    sign
    newline
    say "03 "                   // 3 sectors at cylinder 2, head 5, sector 63: over the end of a track
    mov di, 0x9000
    mov ax, 0x1111
    mov cx, 256
    rep stosw
    mov ax, 0x2222
    mov cx, 256
    rep stosw
    mov ax, 0x3333
    mov cx, 256
    rep stosw
    mov ax, 0x0303
    mov bx, 0x9000
    mov cx, 0x023F
    mov dx, 0x0580
    int 0x13
    sign
    show ax
    mov ax, 0x0401
    mov cx, 0x0201
    mov dx, 0x0680
    int 0x13
    sign
    mov al, 0
    show ax
    newline
    say "42 "                   // the second and third of them: ((2 * 16 + 6) * 63
    mov si, offset packet
    mov ah, 0x42
    mov dl, 0x80
    int 0x13
    sign
    mov al, 0
    show ax
    push 0x0900
    pop es
    show es:[0x4008]
    show es:[0x41FE + 8]
    show es:[0x4200 + 8]
    newline
    say "43 "
    mov word ptr es:[0x4008], 0x4444
    mov word ptr [packet + 2], 1
    mov dword ptr [packet + 8], 16383
    mov ax, 0x4300
    mov dl, 0x80
    mov si, offset packet
    int 0x13
    sign
    mov word ptr es:[0x4008], 0
    mov ah, 0x42
    mov dl, 0x80
    mov si, offset packet
    int 0x13
    sign
    show es:[0x4008]
    newline
    say "41 "
    mov ah, 0x41
    mov bx, 0x55AA
    mov dl, 0x80
    int 0x13
    sign
    show bx
    and cx, 1
    show cx
    newline
    say "48 "
    mov word ptr [parameters], 26
    mov si, offset parameters
    mov ah, 0x48
    mov dl, 0x80
    int 0x13
    sign
    show [parameters + 0]
    show [parameters + 4]
    show [parameters + 8]
    show [parameters + 12]
    show [parameters + 18]
    show [parameters + 16]
    show [parameters + 24]
    newline
    push ds
    pop es
    say "refused "              // sector 0, head 16, cylinder 17, no sectors, beyond the end
    mov bx, 0x9000
    mov dx, 0x0080
    mov cx, 0x0000
    call refused
    mov cx, 0x0001
    mov dx, 0x1080
    call refused
    mov cx, 0x1101
    mov dx, 0x0080
    call refused
    mov dword ptr [packet + 8], 16384
    mov ah, 0x42
    mov dl, 0x80
    mov si, offset packet
    int 0x13
    sign
    mov ah, 0x5A
    mov dl, 0x80
    int 0x13
    sign
    mov al, 0
    show ax
    mov ah, 1                   // the last status
    mov dl, 0x80
    int 0x13
    mov al, 0
    show ax
    newline
    say "interrupts "           // they are as the caller had them
    cli
    mov ax, 0x0201
    mov cx, 1
    mov dx, 0x0080
    int 0x13
    pushf
    pop ax
    and ax, 0x0200
    show ax
    newline
    done
refused:
    mov ax, 0x0201
    int 0x13
    sign
    ret
.balign 4
packet: .byte 16, 0
    .word 2, 0x4008, 0x0900
    .long 2394, 0
parameters: .skip 32
