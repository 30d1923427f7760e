// Protected mode without paging in a code segment with a base, entered at offset 0, as kernels that live in segments are.
main:
    cli
    lgdt [table]
    mov ax, 0x1000
    mov es, ax
    mov si, offset inside
    xor di, di
    mov cx, 16
    rep movsb
    mov eax, cr0
    or al, 1
    mov cr0, eax
    .byte 0x66, 0xEA            // JMP FAR 8:plain
    .long plain
    .word 8
    .code32
plain:
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    mov fs, eax
    mov gs, eax
    mov esp, 0x7C00
    .byte 0xEA                  // JMP FAR 18:0; its page was not touched in protected mode
    .long 0
    .word 0x18
inside:
    mov al, '0'                 // two bytes that something else's address 0 must not stand for
    out 0xE9, al
    mov al, 0
    out 0xF4, al
    cli
    hlt
    .code16
    .align 8
selectors: .quad 0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF, 0x00409A010000FFFF
table: .word 31
    .long selectors
