// The entry of boot_high: runs low, linked high. See boot_high.c.
.intel_syntax noprefix
.set BASE, 0xC0000000

.section .multiboot, "a"
    .long 0x1BADB002, 0, -0x1BADB002

.section .text
    .global _start
    .type _start, @function
_start:                             // the linker script gives the loader its physical address
    cli
    cld
    mov eax, 0x83                   // 4 MB page at 0: present, writable
    mov ebx, offset high_directory - BASE
    mov [ebx], eax
    mov [ebx + (BASE >> 22) * 4], eax
    mov cr3, ebx
    mov eax, cr4
    or eax, 0x10                    // PSE
    mov cr4, eax
    mov eax, cr0
    or eax, 0x80010000              // PG, WP
    mov cr0, eax
    mov eax, offset high
    jmp eax
high:
    mov esp, offset boot_stack_top
    push 0
    popfd
    call kmain
    hlt
    .size _start, . - _start

    .global done
done:
    cli
    mov eax, [esp + 4]
    out 0xF4, al
    hlt

.section .bss
    .balign 4096
    .global boot_stack, boot_stack_top
boot_stack:
    .skip 8192
boot_stack_top:
