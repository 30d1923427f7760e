// int 10h: what is on the screen afterwards is the result.
.macro at row, column
    mov ah, 2
    mov bh, 0
    mov dx, \row * 256 + \column
    int 0x10
.endm
main:
    mov ax, 0x0003
    int 0x10
    mov ah, 0x0F
    int 0x10
    call hex                    // 5003
    at 1, 0
    mov si, offset text
    call tty
    at 3, 10
    mov ax, 0x0900 + 'x'
    mov bx, 0x001F
    mov cx, 5
    int 0x10
    mov ah, 8                   // the cell under the cursor
    mov bh, 0
    int 0x10
    at 4, 0
    call hex                    // 1F78
    mov ax, 0x0A00 + 'y'
    mov bx, 0x0007
    mov cx, 2
    int 0x10
    mov ah, 3
    mov bh, 0
    int 0x10
    mov ax, dx
    call hex                    // 0404
    at 6, 70
    mov si, offset text         // over the right edge
    call tty
    mov ax, 0x1300              // strings: cursor stays, moves, with attributes
    mov bx, 0x0007
    mov cx, 4
    mov dx, 0x0900
    mov bp, offset string
    int 0x10
    mov ax, 0x1301
    mov dx, 0x0A00
    int 0x10
    mov si, offset mark
    call tty
    mov ax, 0x1303
    mov cx, 3
    mov dx, 0x0B00
    mov bp, offset colored
    int 0x10
    mov cx, 1                   // columns 2-5 of rows 14-17: filled, then up one, down two
    mov ax, 0x0900 + 'a'
    mov bp, 14 * 256 + 2
1:  mov dx, bp
    mov ah, 2
    mov bh, 0
    int 0x10
    mov cx, 6
    push ax
    mov ah, 9
    mov bx, 7
    int 0x10
    pop ax
    inc al
    add bp, 0x0100
    cmp bp, 18 * 256
    jb 1b
    mov ax, 0x0601
    mov bh, 7
    mov cx, 14 * 256 + 2
    mov dx, 17 * 256 + 5
    int 0x10
    mov ax, 0x0702
    mov cx, 14 * 256 + 6
    mov dx, 17 * 256 + 7
    int 0x10
    at 20, 0                    // page 1 is written, and not seen
    mov ah, 2
    mov bh, 1
    mov dx, 0x0505
    int 0x10
    mov ax, 0x0900 + 'P'
    mov bx, 0x0107
    mov cx, 1
    int 0x10
    mov ax, 0x0501
    int 0x10
    mov ah, 0x0F
    int 0x10
    mov al, bh
    mov ah, 0
    mov cx, ax
    mov ax, 0x0500
    int 0x10
    mov ax, cx
    call hex                    // 0001
    mov ax, 0x1A00
    int 0x10
    call hex                    // 1A1A
    mov ax, bx
    call hex                    // 0008
    mov ah, 1
    mov cx, 0x2000
    int 0x10
    mov ah, 3
    mov bh, 0
    int 0x10
    mov ax, cx
    call hex                    // 2000
    at 24, 76                   // the last cell scrolls the screen
    mov si, offset four
    call tty
    mov ah, 3
    mov bh, 0
    int 0x10
    at 24, 0
    mov ax, dx
    call hex                    // 1800
    done
tty:
    lodsb
    or al, al
    jz 1f
    mov ah, 0x0E
    mov bx, 7
    int 0x10
    jmp tty
1:  ret
hex:
    mov dx, 4
1:  rol ax, 4
    push ax
    and al, 15
    add al, '0'
    cmp al, '9'
    jbe 2f
    add al, 7
2:  mov ah, 0x0E
    mov bx, 7
    int 0x10
    pop ax
    dec dx
    jnz 1b
    ret
text: .asciz "tele\btype\r\nnew line\7"
string: .ascii "s\r\nt"
colored: .byte 'r', 4, 'g', 2, 'b', 1
mark: .asciz "<here"
four: .asciz "1234"
