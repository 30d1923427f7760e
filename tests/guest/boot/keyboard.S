// int 9 and int 16h: keys that the controller makes up (its command D2h), and words put in by software.
.macro key codes:vararg
    .irp code, \codes
    mov al, \code
    call type
    .endr
.endm
main:
    sti
    say "empty "
    mov ah, 1
    int 0x16
    sign
    newline
    say "keys "                 // a, A, ctrl-A, alt-A, 1, !, enter, F1, shift F1, escape
    key 0x1E, 0x9E, 0x2A, 0x1E, 0x9E, 0xAA, 0x1D, 0x1E, 0x9E, 0x9D, 0x38, 0x1E, 0x9E, 0xB8
    call drain
    key 0x02, 0x82, 0x36, 0x02, 0x82, 0xB6, 0x1C, 0x9C, 0x3B, 0xBB, 0x2A, 0x3B, 0xBB, 0xAA, 0x01, 0x81
    call drain
    newline
    say "locks "                // caps lock: a, shift a, 1; num lock: 7, shift 7
    key 0x3A, 0xBA
    call state
    key 0x1E, 0x9E, 0x2A, 0x1E, 0x9E, 0xAA, 0x02, 0x82, 0x3A, 0xBA
    call drain
    key 0x45, 0xC5
    call state
    key 0x47, 0xC7, 0x2A, 0x47, 0xC7, 0xAA, 0x45, 0xC5, 0x47, 0xC7
    call drain
    call state
    newline
    say "grey "                 // left arrow, delete, keypad enter, /, for the old functions and for the new
    call grey
    call drain
    call grey
    call drain_new
    newline
    say "held "
    key 0x2A
    call state
    key 0x1D
    call state
    key 0x38
    call state
    key 0xAA, 0x9D, 0xB8
    call state
    newline
    say "number "               // alt 6 5
    key 0x38, 0x4D, 0xCD, 0x4C, 0xCC, 0xB8
    call drain
    newline
    say "put "
    mov ax, 0x0500
    mov cx, 0x1234
    int 0x16
    mov ah, 0
    show ax
    mov ah, 1
    int 0x16
    sign
    show ax
    mov ah, 1
    int 0x16
    sign
    call drain
    newline
    say "full "                 // there is room for 15
    mov bx, 0
1:  mov ax, 0x0500
    mov cx, 0x1E61
    int 0x16
    or al, al
    jnz 2f
    inc bx
    cmp bx, 40
    jb 1b
2:  show bx
    key 0x30, 0xB0              // is lost
    mov bx, 0
3:  mov ah, 0
    int 0x16
    inc bx
    mov ah, 1
    int 0x16
    jnz 3b
    show bx
    show ax
    newline
    say "4F "                   // a program changes a for b, and drops c
    cli
    mov eax, [0x15 * 4]
    mov [before], eax
    mov word ptr [0x15 * 4], offset intercept
    mov word ptr [0x15 * 4 + 2], 0
    sti
    key 0x1E, 0x9E, 0x2E, 0xAE, 0x20, 0xA0
    call drain
    cli
    mov eax, [before]
    mov [0x15 * 4], eax
    sti
    newline
    say "break "
    cli
    mov word ptr [0x1B * 4], offset on_break
    mov word ptr [0x1B * 4 + 2], 0
    sti
    key 0x1E, 0x9E, 0x1D, 0xE0, 0x46, 0xE0, 0xC6, 0x9D
    mov al, [broken]
    mov ah, [0x471]
    show ax
    call drain
    newline
    say "wait "                 // a key that comes while int 16h waits for it
    cli
    mov word ptr [0x1C * 4], offset press
    mov word ptr [0x1C * 4 + 2], 0
    sti
    mov ah, 0
    int 0x16
    show ax
    newline
    done
press:                          // after the second tick
    inc byte ptr cs:[ticked]
    cmp byte ptr cs:[ticked], 2
    jne 1f
    push ax
    mov al, 0x2C
    out 0x60 + 0x100 - 0x100, al
    pop ax
    push ax
    mov al, 0xD2
    out 0x64, al
    mov al, 0x2C
    out 0x60, al
    pop ax
1:  iret
on_break:
    inc byte ptr cs:[broken]
    iret
intercept:
    cmp ah, 0x4F
    jne 2f
    cmp al, 0x2E
    je 1f
    cmp al, 0x1E
    jne 2f
    mov al, 0x30
2:  jmp dword ptr cs:[before]
1:  clc
    retf 2
grey:
    key 0xE0, 0x4B, 0xE0, 0xCB, 0xE0, 0x53, 0xE0, 0xD3, 0xE0, 0x1C, 0xE0, 0x9C, 0xE0, 0x35, 0xE0, 0xB5
    ret
type:                           // the byte in AL comes as if from the keyboard
    push ax
1:  in al, 0x64
    test al, 3
    jnz 1b
    mov al, 0xD2
    out 0x64, al
2:  in al, 0x64
    test al, 2
    jnz 2b
    pop ax
    out 0x60, al
3:  in al, 0x64
    test al, 3
    jnz 3b
    ret
state:
    mov ah, 2
    int 0x16
    mov ah, 0
    show ax
    ret
drain:
    mov ah, 1
    int 0x16
    jz 1f
    mov ah, 0
    int 0x16
    show ax
    jmp drain
1:  ret
drain_new:
    mov ah, 0x11
    int 0x16
    jz 1f
    mov ah, 0x10
    int 0x16
    show ax
    jmp drain_new
1:  ret
before: .long 0
ticked: .byte 0
broken: .byte 0
