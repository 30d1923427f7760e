// Guest `legacy`: a program of the 16-bit years. It goes to real mode and stays there.
//
// Idea: addresses are segment * 16 + offset, a table of far pointers at address 0 says where interrupts go, and nothing protects anybody.
// The program brings what the BIOS and DOS of its time would: a timer interrupt, and INT 21h with the two services it uses, 09h (print
// text up to a dollar sign) and 4Ch (end). It computes in another segment, waits for the timer with HLT, and says what it has computed;
// what it says does not depend on time.
// Manual: Intel SDM volume 3, 20.1 (real-address mode), 9.9.2 (the way there); 8259A, 8254, PC16550D; Duncan: Advanced MS-DOS.
// Not here: a BIOS, files, more than 64 KB in a segment.
.intel_syntax noprefix
.set LOW, 0x10000                   // where a loader of that time might have put it
.set ROUNDS, 5
.set WORDS, 512                     // of the far segment, each round
.set DATA, 0x3000

.section .text
    .global kmain
    .type kmain, @function
kmain:                              // called in 32-bit protected mode; the program goes where real mode reaches it
    mov esi, offset program
    mov edi, LOW
    mov ecx, offset program_end - program
    rep movsb
    lgdt [table]
    .byte 0xEA                      // JMP to its first instruction, in a 16-bit segment
    .long way_down - program
    .word 0x08
    .size kmain, . - kmain

    .balign 8
descriptors:
    .quad 0, 0x00009B010000FFFF, 0x000093000000FFFF // 16-bit: code from LOW on, data from 0 on
table:
    .word 23
    .long descriptors

    .code16
    .balign 16
program:
way_down:
    mov ax, 0x10                    // limits of 64 KB stay in the hidden parts
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr0
    and eax, 0xFFFFFFFE
    mov cr0, eax
    .byte 0xEA                      // JMP loads CS in real mode: from here on a segment is a number times 16
    .word real - program
    .word LOW >> 4

    .global real
real:
    mov ax, cs
    mov ds, ax
    mov ax, 0x2000
    mov ss, ax
    mov sp, 0xFFFE
    lidt [vectors - program]
    xor ax, ax
    mov es, ax
    mov word ptr es:[8 * 4], offset tick - program
    mov es:[8 * 4 + 2], cs
    mov word ptr es:[0x21 * 4], offset service - program
    mov es:[0x21 * 4 + 2], cs
    mov al, 0x11                    // the 8259 pair as a BIOS leaves it: IRQ 0 is INT 8
    out 0x20, al
    out 0xA0, al
    mov al, 8
    out 0x21, al
    mov al, 0x70
    out 0xA1, al
    mov al, 4
    out 0x21, al
    mov al, 2
    out 0xA1, al
    mov al, 1
    out 0x21, al
    out 0xA1, al
    mov al, 0xFE
    out 0x21, al
    mov al, 0xFF
    out 0xA1, al
    mov al, 0x34                    // counter 0 every 10 ms
    out 0x43, al
    mov ax, 11932
    out 0x40, al
    mov al, ah
    out 0x40, al
    mov dx, 0x3FB                   // COM1: 115200 8N1
    mov al, 0x80
    out dx, al
    mov dx, 0x3F8
    mov al, 1
    out dx, al
    inc dx
    mov al, 0
    out dx, al
    mov dx, 0x3FB
    mov al, 3
    out dx, al
    sti

    mov dx, offset hello - program
    mov ah, 9
    int 0x21

    // One byte has many addresses.
    mov ax, DATA
    mov es, ax
    mov byte ptr es:[0x10], '!'
    inc ax
    mov es, ax
    mov al, es:[0]
    mov [same_byte - program], al
    mov dx, offset same - program
    mov ah, 9
    int 0x21

    mov cx, ROUNDS
each_round:
    push cx
    call work
    call wait_tick
    mov dx, offset round - program
    mov ah, 9
    int 0x21
    inc byte ptr [round_number - program]
    pop cx
    loop each_round
    mov ax, 0x4C00
    int 0x21

    // Every word of the far segment depends on the ones before. The sum goes into the text, in hexadecimal.
work:
    mov ax, DATA
    mov es, ax
    xor di, di
    mov bx, [sum - program]
    mov cx, WORDS
1:  rol bx, 5
    xor bx, es:[di]
    add bx, 0x9E37
    mov ax, bx
    stosw
    loop 1b
    mov [sum - program], bx
    mov di, offset round_sum - program
    mov cx, 4
2:  rol bx, 4
    mov al, bl
    and al, 15
    cmp al, 10
    jb 3f
    add al, 7
3:  add al, '0'
    mov [di], al
    inc di
    loop 2b
    ret

wait_tick:
    mov ax, [ticks - program]
4:  hlt
    cmp ax, [ticks - program]
    je 4b
    ret

tick:                               // INT 8
    push ax
    inc word ptr cs:[ticks - program]
    mov al, 0x20
    out 0x20, al
    pop ax
    iret

service:                            // INT 21h
    sti
    cmp ah, 9
    je print
    out 0xF4, al                    // 4Ch: the debug exit
5:  cli
    hlt
    jmp 5b
print:
    push ax
    push si
    push dx
    mov si, dx
next:
    lodsb
    cmp al, '$'
    je printed
    mov ah, al
    mov dx, 0x3FD
6:  in al, dx
    test al, 0x20
    jz 6b
    mov dx, 0x3F8
    mov al, ah
    out dx, al
    jmp next
printed:
    pop dx
    pop si
    pop ax
    iret

vectors:
    .word 0x3FF
    .long 0
ticks:
    .word 0
sum:
    .word 0x1981
hello:
    .ascii "legacy: a 16-bit program in real mode\n$"
same:
    .ascii "3000:0010 is 3001:0000 "
same_byte:
    .ascii "?\n$"
round:
    .ascii "round "
round_number:
    .ascii "1: "
round_sum:
    .ascii "0000\n$"
program_end:
