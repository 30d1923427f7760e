// The BIOS's way in and out: the reset vector, a stub for each interrupt, and what C cannot say.
//
// Idea: a stub saves the caller's registers on the caller's stack as a struct regs and copies that to a stack of our own,
// because C needs SS = DS. A caller that is on our stack already (an interrupt while we wait) goes on there. `stack_next`
// says where a caller from elsewhere may begin; whoever lets interrupts in moves it below what is in use.
// Manual: IBM PC AT technical reference, BIOS listing (the fixed addresses below); Intel SDM vol. 3A 9.1.4.
.intel_syntax noprefix
.code16
.set SEGMENT, 0xEC00
.set STACK_TOP, 0x4000
.set FRAME, 44                      // bytes of a struct regs
.set FUNCTION, 36                   // its member

.section .bss
    .balign 4
stack_next: .skip 4

.section .fixed, "ax"
.macro place address
    .org \address - 0xC000, 0xFF
.endm
.macro stub name
stub_\name:
    push offset \name
    jmp stub_in
.endm

    .org 0
stub int_05
stub int_08
stub int_09
stub int_10
stub int_11
stub int_12
stub int_13
stub int_14
stub int_15
stub int_16
stub int_17
stub int_18
stub int_19
stub int_1a
stub int_70
stub int_75
stub int_76
stub int_irq
stub int_irq_slave

stub_in:
    pushad
    push ds
    push es
    cld
    mov bx, ss
    mov ax, SEGMENT
    cmp bx, ax
    je stub_in_nested
    mov es, ax
    mov ds, bx
    mov esi, esp
    movzx ebp, word ptr es:[stack_next]
    sub bp, FRAME + 8
    mov es:[ebp + FRAME], esi       // where the caller's frame is
    mov es:[ebp + FRAME + 4], bx
    mov di, bp
    mov cx, FRAME / 2
    rep movsw
    mov ss, ax
    mov esp, ebp
    mov ds, ax
    call SEGMENT:dispatch
    mov esi, ebp
    mov edi, [ebp + FRAME]
    mov bx, [ebp + FRAME + 4]
    mov es, bx
    mov edx, edi
    mov cx, FRAME / 2
    rep movsw
    mov ss, bx
    mov esp, edx
    jmp stub_out
stub_in_nested:
    movzx esp, sp
    mov ebp, esp
    mov ds, ax
    mov es, ax
    call SEGMENT:dispatch
stub_out:
    pop es
    pop ds
    popad
    add sp, 2
nothing:
    iret

// Which stub each vector gets: offsets in F000, for vectors 00-1F and 70-77.
    .global vector_table
    .balign 2
vector_table:                       // 00-1F
    .word nothing, nothing, at_nmi, nothing, nothing, at_int05, nothing, nothing
    .word at_int08, at_int09, stub_int_irq, stub_int_irq, stub_int_irq, stub_int_irq, at_int0e, stub_int_irq
    .word at_int10, at_int11, at_int12, at_int13, at_int14, at_int15, at_int16, at_int17
    .word stub_int_18, at_int19, at_int1a, at_iret, at_iret, at_video_table, at_floppy_table, 0
    .word stub_int_70, stub_int_irq_slave, stub_int_irq_slave, stub_int_irq_slave // 70-77
    .word stub_int_irq_slave, stub_int_75, stub_int_76, stub_int_irq_slave

// After a reset that keeps memory, CMOS byte 0Fh says where to go on. SDM 9.1; AT technical reference, "shutdown".
reset:
    cli
    cld
    mov eax, cr0                    // the caches, which RESET leaves off by CD and NW, SDM 3A 11.5.1
    and eax, 0x9FFFFFFF
    mov cr0, eax
    mov al, 0x8F
    out 0x70, al
    in al, 0x71
    mov ah, al
    mov al, 0x8F
    out 0x70, al
    mov al, 0
    out 0x71, al
    cmp ah, 0x05
    je resume_eoi
    cmp ah, 0x0A
    je resume
    jmp power_on
resume_eoi:
    mov al, 0x20
    out 0xA0, al
    out 0x20, al
resume:
    xor ax, ax
    mov ds, ax
    jmp dword ptr ds:[0x467]

    .global power_on
power_on:
    mov dx, 0xCF8                   // PAM6 of the host bridge: RAM at EC000-EFFFF
    mov eax, 0x8000005C
    out dx, eax
    mov dx, 0xCFF
    in al, dx
    or al, 0x30
    out dx, al
    mov ax, SEGMENT
    mov ss, ax
    mov esp, STACK_TOP
    mov ds, ax
    mov es, ax
    mov di, offset bss_begin
    mov cx, offset bss_end
    sub cx, di
    xor al, al
    rep stosb
    mov word ptr [stack_next], STACK_TOP
    mov ecx, offset post
    xor ebp, ebp
    call SEGMENT:dispatch

// --- fixed places of segment F000
place 0xE05B
    jmp reset
place 0xE2C3
at_nmi:
    iret
place 0xE3FE
at_int13:
    jmp stub_int_13
place 0xE6F2
at_int19:
    jmp stub_int_19
place 0xE6F5
    .global config_table            // int 15h, AH=C0h: model FC (AT), 8259 cascaded, clock, int 15h/4Fh is called
config_table:
    .word 8
    .byte 0xFC, 0x00, 0x01, 0x74, 0x40, 0x00, 0x00, 0x00
place 0xE739
at_int14:
    jmp stub_int_14
place 0xE82E
at_int16:
    jmp stub_int_16
place 0xE987
at_int09:
    jmp stub_int_09
place 0xEC59
    jmp stub_int_13
place 0xEF57
at_int0e:
    jmp stub_int_irq
place 0xEFC7
at_floppy_table:                    // int 1Eh: 1.44 MB: step, motor, 512 bytes, 18 sectors, gaps, fill byte, times
    .byte 0xAF, 0x02, 0x25, 0x02, 18, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08
place 0xEFD2
at_int17:
    jmp stub_int_17
place 0xF065
at_int10:
    jmp stub_int_10
place 0xF0A4
at_video_table:                     // int 1Dh: the 6845's registers in four modes, then sizes, columns, mode bytes
    .byte 0x38, 0x28, 0x2D, 0x0A, 0x1F, 6, 0x19, 0x1C, 2, 7, 6, 7, 0, 0, 0, 0
    .byte 0x71, 0x50, 0x5A, 0x0A, 0x1F, 6, 0x19, 0x1C, 2, 7, 6, 7, 0, 0, 0, 0
    .byte 0x38, 0x28, 0x2D, 0x0A, 0x7F, 6, 0x64, 0x70, 2, 1, 6, 7, 0, 0, 0, 0
    .byte 0x61, 0x50, 0x52, 0x0F, 0x19, 6, 0x19, 0x19, 2, 0x0D, 0x0B, 0x0C, 0, 0, 0, 0
    .word 0x0800, 0x1000, 0x4000, 0x4000
    .byte 40, 40, 80, 80, 40, 40, 80, 80
    .byte 0x2C, 0x28, 0x2D, 0x29, 0x2A, 0x2E, 0x1E, 0x29
place 0xF841
at_int12:
    jmp stub_int_12
place 0xF84D
at_int11:
    jmp stub_int_11
place 0xF859
at_int15:
    jmp stub_int_15
place 0xFE6E
at_int1a:
    jmp stub_int_1a
place 0xFEA5
at_int08:
    jmp stub_int_08
place 0xFF53
at_iret:
    iret
place 0xFF54
at_int05:
    jmp stub_int_05
place 0xFFF0
    jmp ROM_SEGMENT_F000:0xE05B
    .ascii "11/22/26"
    .byte 0
    .byte 0xFC                      // the model: an AT
    .byte 0

// --- in segment EC00, with the C code
.section .text
.set ROM_SEGMENT_F000, 0xF000

// EBP: struct regs. Its function is called as C calls it. FS and GS are the caller's for as long as we are here (bios.h).
dispatch:
    mov eax, ebp
    or ebp, ebp
    jz 1f
    movzx ecx, word ptr [ebp + FUNCTION]
1:  call ecx                        // pushes a 32-bit return address, as C expects
    retf

    .global let_interrupts, wait_interrupt
let_interrupts:
    push dword ptr [stack_next]
    mov [stack_next], esp
    sti
    nop
    cli
    pop dword ptr [stack_next]
    .byte 0x66
    ret
wait_interrupt:
    push dword ptr [stack_next]
    mov [stack_next], esp
    sti
    hlt
    cli
    pop dword ptr [stack_next]
    .byte 0x66
    ret

// callout(regs, vector): as INT would call it, but with the flags and registers of `regs`.
    .global callout
callout:
    push ebx
    push esi
    push edi
    push ebp
    push dword ptr [stack_next]
    push eax
    mov [stack_next], esp
    mov ebp, eax
    movzx edx, dl
    xor cx, cx
    mov es, cx
    mov ax, [ebp + 42]
    and ax, 0xFCFF                  // IF and TF are clear in a handler, and here
    push ax
    push cs
    push offset 1f
    push dword ptr es:[edx * 4]
    push ax
    popf
    push word ptr [ebp + 2]
    mov es, [ebp]
    mov edi, [ebp + 4]
    mov esi, [ebp + 8]
    mov ebx, [ebp + 20]
    mov edx, [ebp + 24]
    mov ecx, [ebp + 28]
    mov eax, [ebp + 32]
    mov ebp, [ebp + 12]
    pop ds
    retf
1:  cli
    cld
    pushad
    push ds
    push es
    pushf
    mov ax, SEGMENT
    mov ds, ax
    mov es, ax
    movzx esp, sp
    mov ebp, [esp + 38]
    pop word ptr [ebp + 42]
    pop word ptr [ebp]
    pop word ptr [ebp + 2]
    pop dword ptr [ebp + 4]
    pop dword ptr [ebp + 8]
    pop dword ptr [ebp + 12]
    add esp, 4
    pop dword ptr [ebp + 20]
    pop dword ptr [ebp + 24]
    pop dword ptr [ebp + 28]
    pop dword ptr [ebp + 32]
    add esp, 4
    pop dword ptr [stack_next]
    pop ebp
    pop edi
    pop esi
    pop ebx
    .byte 0x66
    ret

// jump(segment, offset, drive): leaves the BIOS for a boot sector: DL is the drive, the rest zero, interrupts on.
    .global jump
jump:
    mov word ptr [stack_next], STACK_TOP
    mov bx, ax
    xor ax, ax
    mov ss, ax
    mov esp, 0x7C00
    push 0x0202
    push bx
    push dx
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    movzx edx, cl
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    iret

// block_move(segment, offset, words): in protected mode, from selector 10 to selector 18 of the table there, of which 08,
// 20 and 28 are the table itself, our code and our stack.
    .global block_move
block_move:
    push ebx
    push esi
    push edi
    movzx eax, ax
    shl eax, 4
    movzx edx, dx
    add eax, edx
    push eax
    push word ptr 47
    lgdtd [esp]
    add esp, 6
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 0x20:1f
1:  mov ax, 0x10
    mov ds, ax
    mov ax, 0x18
    mov es, ax
    mov ax, 0x28
    mov ss, ax
    xor esi, esi
    xor edi, edi
    addr32 rep movsw
    mov ds, ax                      // limits as real mode has them
    mov es, ax
    mov eax, cr0
    and al, 0xFE
    mov cr0, eax
    jmp SEGMENT:1f
1:  mov ax, SEGMENT
    mov ds, ax
    mov es, ax
    mov ss, ax
    pop edi
    pop esi
    pop ebx
    .byte 0x66
    ret

    .global far_copy, far_fetch
// far_copy(segment, offset, from, bytes): the last argument is on the stack.
far_copy:
    push esi
    push edi
    mov es, ax
    movzx edi, dx
    mov esi, ecx
    movzx ecx, word ptr [esp + 12]
    rep movsb
    mov ax, ds
    mov es, ax
    pop edi
    pop esi
    .byte 0x66
    ret
// far_fetch(to, segment, offset, bytes)
far_fetch:
    push esi
    push edi
    mov edi, eax
    movzx esi, cx
    movzx ecx, word ptr [esp + 12]
    mov ds, dx
    rep movsb
    mov ax, es
    mov ds, ax
    pop edi
    pop esi
    .byte 0x66
    ret

// flat_write(address, value): a long anywhere in the address space, by way of protected mode.
    .global flat_write
flat_write:
    lgdtd [flat_gdtr]
    mov ecx, cr0
    or cl, 1
    mov cr0, ecx
    jmp 0x08:1f
1:  mov cx, 0x18
    mov es, cx
    mov es:[eax], edx
    mov cx, 0x10                    // limits as real mode has them
    mov es, cx
    mov ecx, cr0
    and cl, 0xFE
    mov cr0, ecx
    jmp SEGMENT:1f
1:  mov cx, SEGMENT
    mov es, cx
    .byte 0x66
    ret
    .balign 8
flat_gdt:
    .quad 0, 0x00009B0EC000FFFF, 0x0000930EC000FFFF, 0x00CF93000000FFFF
flat_gdtr:
    .word 31
    .long 0xEC000 + flat_gdt
