// The crossing page: from the host's kernel to the hypervisor's module and back.
//
// Idea: this code is copied into the module's window, which both address spaces map at the same place, so that the instruction behind
// MOV CR3 is still there. Everything the processor holds of one world is stored, the other's is loaded: control registers, GDT, IDT,
// LDT, task register, segment registers, stack. The module's values lie at +800h, ours are kept at +880h.
// Manual: Intel SDM volume 3, 2.4 (table registers), 7.3 (a busy TSS cannot be loaded).
// Not here: the x87 unit and the debug registers: this kernel and its programs use neither.
.intel_syntax noprefix
.set CROSSING, 0xFFC2B000
.set MODULE, CROSSING + 0x800
.set HOST, CROSSING + 0x880
.set MODULE_GDT, 0xFFC18000
.set MODULE_CS, 0xFFC8
.set MODULE_SS, 0xFFD0
.set MODULE_TR, 0xFFD8
.set MODULE_LDT, 0xFFE0
.set DOOR, 0xFFC05000
.set BUSY, 2

.section .rodata
    .global crossing_begin, crossing_back, crossing_end
    .balign 16
crossing_begin:
    pushfd
    pushad
    push ds
    push es
    push fs
    push gs
    cli
    mov eax, cr0
    mov [HOST + 0], eax
    mov eax, cr3
    mov [HOST + 4], eax
    mov eax, cr4
    mov [HOST + 8], eax
    mov [HOST + 12], esp
    mov [HOST + 16], ss
    str word ptr [HOST + 20]
    sldt word ptr [HOST + 24]
    sgdt [HOST + 28]
    sidt [HOST + 36]

    mov eax, [MODULE + 8]
    mov cr4, eax
    mov eax, [MODULE + 4]
    mov cr3, eax                    // from here on nothing of the host is mapped but this page
    lgdt [MODULE + 12]
    lidt [MODULE + 20]
    mov eax, MODULE_LDT
    lldt ax
    and byte ptr [MODULE_GDT + MODULE_TR + 5], ~BUSY
    mov eax, MODULE_TR
    ltr ax
    mov eax, MODULE_SS
    mov ss, eax
    mov esp, [MODULE + 28]
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov eax, [MODULE + 0]
    mov cr0, eax
    .byte 0xEA                      // JMP to the module
    .long DOOR
    .word MODULE_CS

crossing_back:
    mov eax, ss                     // the other segment registers may be the guest's
    mov ds, eax
    mov eax, [HOST + 0]
    mov cr0, eax
    mov eax, [HOST + 8]
    mov cr4, eax
    mov eax, [HOST + 4]
    mov cr3, eax
    lgdt [HOST + 28]
    lidt [HOST + 36]
    lldt word ptr [HOST + 24]
    mov ebx, [HOST + 30]            // our GDT
    movzx eax, word ptr [HOST + 20]
    and byte ptr [ebx + eax + 5], ~BUSY
    ltr ax
    mov ss, [HOST + 16]
    mov esp, [HOST + 12]
    .byte 0xEA
    .long CROSSING + (1f - crossing_begin)
    .word 0x08
1:  pop gs
    pop fs
    pop es
    pop ds
    popad
    popfd
    ret
crossing_end:

.section .text
    // INT for each line of the interrupt controllers, four bytes an entry; by the numbers that this kernel knows them by.
    .global raise_lines
    .balign 4
raise_lines:
    .irp vector, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F
    int \vector
    ret
    nop
    .endr
