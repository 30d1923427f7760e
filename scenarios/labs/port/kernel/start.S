// What the domain builder is told, the first instructions, and the doors into the kernel. Given.
.intel_syntax noprefix
.set BASE, 0xC0000000
.set IRET, 23

.macro note type, kind, value:vararg
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \kind \value
2:  .balign 4
.endm
.section .note.Xen, "a", @note
    note 6, .asciz, "ringside"
    note 5, .asciz, "xen-3.0"
    note 8, .asciz, "generic"
    note 9, .asciz, "no"
    note 3, .long, BASE
    note 4, .long, 0
    note 1, .long, _start
    note 2, .long, hypercall_page
    note 10, .asciz, "pae_pgdir_above_4gb"

.section .hypercall_page, "ax"
    .balign 4096
    .global hypercall_page
hypercall_page:
    .skip 4096

.section .bss
    .balign 4096
kernel_stack:
    .skip 8192
    .global kernel_stack_top
kernel_stack_top:
kernel_esp:
    .skip 4

.section .text
    .global _start
_start:                             // ESI: struct start_info
    cld
    xor ebp, ebp
    push esi
    call arch_start
    call kernel_main
    ud2

    .global trap_gp, trap_pf, event_entry, failsafe_entry
trap_gp:
    push 13
    jmp trap_common
trap_pf:
    push 14
    jmp trap_common
failsafe_entry:                     // the selectors that could not be loaded are on top
    add esp, 16
    push 0
    push 0x101
    jmp trap_common
event_entry:
    push 0
    push 0x100
trap_common:
    pushad
    push ds
    push es
    mov eax, 0xE021
    mov ds, eax
    mov es, eax
    cld
    push esp
    call kernel_trap
    add esp, 4
    pop es
    pop ds
    popad
    add esp, 8
    jmp hypercall_page + IRET * 32

    .global syscall_entry
syscall_entry:                      // straight from ring 3; the hypervisor is not in between
    push ecx
    push edx
    push ebx
    push eax
    call system_call                // (number, value)
    add esp, 8
    pop edx
    pop ecx
    iretd

    .global run_user, leave_user
run_user:
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    push ebx
    push esi
    push edi
    push ebp
    mov kernel_esp, esp
    push 0xE033
    push edx
    push 0x202
    push 0xE02B
    push eax
    mov ecx, 0xE033
    mov ds, ecx
    mov es, ecx
    jmp hypercall_page + IRET * 32
leave_user:
    mov eax, [esp + 4]
    mov ecx, 0xE021
    mov ds, ecx
    mov es, ecx
    mov esp, kernel_esp
    pop ebp
    pop edi
    pop esi
    pop ebx
    ret

// The user program: a sum over its page of words, with a system call for each.
.section .user_code, "ax"
    .balign 4096
    .global user_main, user_words
user_main:
    xor esi, esi
    xor edi, edi
1:  mov eax, user_words[edi * 4]
    test eax, eax
    jz 2f
    int 0x80                        // system call: EAX + 1
    add esi, eax
    inc edi
    jmp 1b
2:  mov ebx, esi
    xor eax, eax                    // system call 0: done
    int 0x80
    ud2
user_words:
    .long 11, 22, 33, 44, 0
    .balign 4096
