// Flat real mode: FS and GS keep the base and the limit that protected mode gave them, whatever selector was left there, over all that
// the BIOS does: its services, the interrupts that it takes, what it calls, its own visit to protected mode.
.macro flat                         // what FS and GS reach at 1 MB; and their selectors
    mov ebx, 0x100000
    mov ax, fs:[ebx]
    show ax
    mov ax, gs:[ebx + 2]
    show ax
    mov ax, fs
    show ax
    mov ax, gs
    show ax
    newline
.endm
main:
    mov ax, 0x2401
    int 0x15
    cli
    lgdt [table]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 1f
1:  mov bx, 8
    mov fs, bx
    mov gs, bx
    and al, 0xFE
    mov cr0, eax
    jmp 2f
2:  sti
    mov ebx, 0x100000
    mov dword ptr fs:[ebx], 0x55AA1234
    flat
    mov ax, 0x0201              // a sector, which waits for an interrupt
    mov bx, 0x7000
    mov cx, 0x0001
    mov dh, 0
    mov dl, [drive]
    int 0x13
    flat
    mov ax, 0x0600              // scrolling, and a character
    mov bh, 7
    xor cx, cx
    mov dx, 0x184F
    int 0x10
    mov ax, 0x0E41
    int 0x10
    mov ah, 0x12
    int 0x16
    int 0x12
    flat
    mov word ptr [0x1C * 4], offset tick
    mov word ptr [0x1C * 4 + 2], 0
1:  hlt                         // a tick, and what hangs on it
    cmp byte ptr [ticks], 0
    je 1b
    flat
    mov cx, 4                   // words from 7C00 to 110000
    mov si, offset moves
    mov ah, 0x87
    int 0x15
    flat
    mov ebx, 0x110000
    mov ax, fs:[ebx]
    cmp ax, [0x7C00]
    jne 1f
    say "moved"
1:  newline
    done
tick:
    inc byte ptr cs:[ticks]
    iret
ticks: .byte 0
    .balign 8
gdt: .quad 0, 0x00CF93000000FFFF
table: .word 15
    .long gdt
moves: .quad 0, 0, 0x000093007C00FFFF, 0x000093110000FFFF, 0, 0
