// A bare PC: first instructions, the interrupt flag, the gate of system calls.
//
// Idea: the kernel is linked at C0100000 and loaded at 100000. So before paging nothing may be used by its linked address:
// _start makes a page table that shows the first 4 MB twice, at 0 and at C0000000, switches paging on and jumps up.
// Manual: Multiboot Specification 0.6.96, 3.2; Intel SDM volume 3, 4.3, 9.8.5 (switching paging on), 6.8.1 (IF).
// Not here: entries of exceptions and interrupt lines, which are those of all guests (lib/trap.S).
.intel_syntax noprefix
.set BASE, 0xC0000000
#ifdef PAE
#define ENTRY 8                     // bytes of a page table's
#else
#define ENTRY 4
#endif

.section .multiboot, "a"
    .long 0x1BADB002
    .long 3                         // modules on page boundaries, and tell us about memory
    .long -(0x1BADB002 + 3)

.section .bss
    .balign 4096
    .global boot_directory, boot_table, boot_stack, boot_stack_top
boot_directory:
    .skip 4096
boot_table:
#ifdef PAE
    .skip 8192
boot_upper:                         // the kernel's directory
#endif
    .skip 4096
boot_stack:                         // later the idle process's
    .skip 8192
boot_stack_top:

.section .text
    .global _start
    .type _start, @function
_start:
    cli
    cld
    mov esi, eax                    // the loader's magic number and its information
    mov edi, ebx
    mov edx, offset boot_table - BASE
    mov eax, 3                      // present, writable
fill:
    mov [edx], eax
    add edx, ENTRY
    add eax, 4096
    cmp eax, 0x400003
    jb fill
    mov eax, offset boot_table - BASE + 3
#ifdef PAE
    mov [boot_upper - BASE], eax
    add eax, 4096
    mov [boot_upper - BASE + ENTRY], eax
    mov eax, offset boot_upper - BASE + 1
    mov [boot_directory - BASE], eax
    mov [boot_directory - BASE + (BASE >> 30) * ENTRY], eax
    mov eax, cr4
    or eax, 0x20                    // PAE
    mov cr4, eax
#else
    mov [boot_directory - BASE], eax
    mov [boot_directory - BASE + (BASE >> 20)], eax
#endif
    mov eax, offset boot_directory - BASE
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000              // PG, WP: read-only means read-only for the kernel, too
    mov cr0, eax
    mov eax, offset high
    jmp eax
high:
    mov esp, offset boot_stack_top
    xor ebp, ebp
    push 0
    popfd
    push edi
    push esi
    call arch_start                 // does not return
    .size _start, . - _start

    .global irq_save, irq_restore, irq_enabled, irq_enable, irq_disable, irq_wait
    .global irq_save_pushf, irq_restore_popf
    .type irq_save, @function
irq_save:
irq_save_pushf:
    pushfd
    pop eax
    and eax, 0x200
    cli
    ret
    .size irq_save, . - irq_save

    .type irq_restore, @function
irq_restore:
    pushfd                          // all flags as they are, but IF as it was
    and dword ptr [esp], ~0x200
    mov eax, [esp + 8]
    or [esp], eax
irq_restore_popf:
    popfd
    ret
    .size irq_restore, . - irq_restore

    .type irq_enabled, @function
irq_enabled:
    pushfd
    pop eax
    shr eax, 9
    and eax, 1
    ret
    .size irq_enabled, . - irq_enabled

    .type irq_enable, @function
irq_enable:
    sti
    ret
    .size irq_enable, . - irq_enable

    .type irq_disable, @function
irq_disable:
    cli
    ret
    .size irq_disable, . - irq_disable

    .type irq_wait, @function
irq_wait:
    sti                             // takes effect after the next instruction: no interrupt gets in between
    hlt
    ret
    .size irq_wait, . - irq_wait

    // INT 80h. A trap gate leads here: unlike with an interrupt gate IF stays as it is, the kernel can be interrupted.
    .global syscall_entry
    .type syscall_entry, @function
syscall_entry:
    push 0
    push 0x80
    pushad
    push ds
    push es
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    cld
    push esp
    call arch_syscall
    add esp, 4
    jmp trap_return
    .size syscall_entry, . - syscall_entry
