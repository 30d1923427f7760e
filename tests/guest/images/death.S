// Guests that come to an end, one per value of DEATH; each is a few instructions after a Multiboot header.
//
// Idea: a machine must say how a guest died, and which fault began it, not just that it did.
// Manual: Intel SDM volume 3, 6.15 (#DF: the third fault shuts the processor down).
// Not here: guests that live.
.intel_syntax noprefix

.section .multiboot, "a"
    .long 0x1BADB002, 0, -0x1BADB002

.section .text
    .global _start
    .type _start, @function
_start:
    cli
    mov esp, offset stack_top
#if DEATH == 1                          // no IDT at all
    lidt [empty]
    .global no_idt
no_idt:
    ud2
#elif DEATH == 2                        // an IDT full of nonsense
    lidt [nonsense]
    xor edx, edx
    xor ecx, ecx
    .global bad_idt
bad_idt:
    div ecx
#elif DEATH == 3                        // a jump to where nothing is
    lidt [empty]
    mov eax, 0xE0000000
    jmp eax
#elif DEATH == 4                        // a page fault whose frame finds no stack
    call paging
    mov edi, offset table
    mov ecx, 256
1:  call gate
    loop 1b
    lidt [good]
    mov esp, 0x00800000
    .global no_stack
no_stack:
    push eax
#elif DEATH == 5                        // an IDT in a page that is gone
    call paging
    lidt [lost]
    .global lost_idt
lost_idt:
    mov eax, [0x00900000]
#elif DEATH == 6                        // halts for good: that is an end, too
    hlt
#elif DEATH == 7                        // never ends
1:  jmp 1b
#elif DEATH == 8                        // says itself that it failed
    mov al, 1
    out 0xF4, al
#elif DEATH == 9                        // its page directory is not even memory
    mov eax, 0x70000000
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80000000
    lidt [empty]
    mov cr0, eax
    nop
#elif DEATH == 10                       // a #DF handler that returns, for ever
    mov edi, offset table + 8 * 8
    call gate
    lidt [good]
    ud2
#elif DEATH == 12                       // #DB at the first instruction of the #DB handler, for ever
    mov edi, offset table + 1 * 8
    call gate
    lidt [good]
    mov esp, 0x00F00000                 // the frames have a long way to go
    mov eax, offset handler
    mov dr0, eax
    mov eax, 1
    mov dr7, eax
    jmp handler
#elif DEATH == 13                       // the page fault's handler is not there itself
    call paging
    mov dword ptr [directory + 12], 0x00C00083
    mov edi, offset table + 14 * 8
    call gate
    mov word ptr [edi - 2], 0xE000
    lidt [good]
    mov esp, 0x00F00000
    mov eax, [0xE0000000]
#elif DEATH == 11                       // says itself that it went well
    mov al, 0
    out 0xF4, al
#endif
    hlt
    .size _start, . - _start

paging:                                 // 4 MB pages: only the first is there
    mov dword ptr [directory], 0x83
    mov eax, offset directory
    mov cr3, eax
    mov eax, cr4
    or eax, 0x10
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80000000
    mov cr0, eax
    ret

gate:                                   // an interrupt gate to `handler` at EDI; CS is the boot loader's
    mov eax, offset handler
    mov [edi], ax
    mov [edi + 2], cs
    and byte ptr [edi + 2], 0xFC        // in ring 1 it would be seen with RPL 1
    mov word ptr [edi + 4], 0x8E00
    shr eax, 16
    mov [edi + 6], ax
    add edi, 8
    ret

handler:                                // of #DF: drops the error code and tries again
    add esp, 4
    iretd

.section .data
    .balign 8
empty:
    .word 0
    .long 0
nonsense:
    .word 0x7FF
    .long _start
good:
    .word 0x7FF
    .long table
lost:
    .word 0x7FF
    .long 0x00A00000
    .balign 8
table:                                  // nothing is present, unless `gate` was called
    .rept 256
    .word 0, 0, 0, 0
    .endr

.section .bss
    .balign 4096
directory:
    .skip 4096
    .skip 4096
stack_top:
