// int 15h: memory sizes, the memory map, and moves above 1 MB. The machine has 64 MB.
main:
    say "88 "
    mov ah, 0x88
    int 0x15
    sign
    show ax
    newline
    say "E801 "
    mov ax, 0xE801
    int 0x15
    sign
    show ax
    show bx
    show cx
    show dx
    newline
    xor ebx, ebx
next:
    mov eax, 0xE820
    mov edx, 0x534D4150
    mov ecx, 20
    mov di, offset entry
    push ds
    pop es
    int 0x15
    jc end
    cmp eax, 0x534D4150
    jne end
    cmp dword ptr [entry + 16], 1   // what else is there differs
    jne 1f
    say "E820 "
    show [entry + 2]
    show [entry + 0]
    say "+ "
    show [entry + 10]
    show [entry + 8]
    newline
1:  or ebx, ebx
    jnz next
end:
    say "signature "
    mov eax, 0xE820
    xor ebx, ebx
    xor edx, edx
    mov ecx, 20
    int 0x15
    sign
    newline
    say "87 "
    mov si, offset table
    mov cx, 8
    mov ah, 0x87
    int 0x15
    sign
    mov al, 0
    show ax
    mov byte ptr [table + 0x12], 0x00   // and back, elsewhere
    mov byte ptr [table + 0x14], 0x20
    mov byte ptr [table + 0x1C], 0
    mov word ptr [table + 0x12], 0x0000
    mov word ptr [table + 0x1A], offset back
    mov si, offset table
    mov cx, 8
    mov ah, 0x87
    int 0x15
    sign
    mov si, offset back
    mov cx, 16
1:  lodsb
    out 0xE9, al
    loop 1b
    newline
    done
entry: .skip 20
text: .ascii "over a megabyte!"
back: .ascii "................"
.balign 8
table:
    .quad 0, 0
    .word 0xFFFF, text
    .byte 0, 0x93, 0, 0
    .word 0xFFFF, 0
    .byte 0x20, 0x93, 0, 0
    .quad 0, 0
