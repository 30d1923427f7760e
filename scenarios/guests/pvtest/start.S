// Guest `pvtest`: what it tells the domain builder, its first instructions, and the doors into its kernel.
//
// Idea: there is no GDT, IDT or page table to make: the builder leaves a flat world in ring 1, paging on. A trap comes with the
// frame the hardware would have pushed, but through the hypervisor; the way back is a hypercall, since IRET in ring 1 cannot
// unmask events. Only INT 80h comes from ring 3 straight here, and returns by IRET.
// Manual: Xen 3 interface manual; its public headers elfnote.h, xen.h, arch-x86_32.h.
// Not here: a frame's fixup for an event between unmasking and IRET; the iret hypercall does both at once.
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
#ifdef PAE
    note 9, .asciz, "yes[extended-cr3]"
#else
    note 9, .asciz, "no"
#endif
    note 3, .long, BASE             // virtual base
    note 4, .long, 0                // physical addresses in the file begin at 0
    note 1, .long, _start
    note 2, .long, hypercall_page
    note 10, .asciz, "writable_page_tables|pae_pgdir_above_4gb"

// The builder fills this page: 32 bytes a call, mov eax, number; int 82h; ret.
.section .hypercall_page, "ax"
    .balign 4096
    .global hypercall_page
hypercall_page:
    .skip 4096

.section .bss
    .balign 4096
    .global trap_stack_top
trap_stack:
    .skip 8192
trap_stack_top:

.section .text
    .global _start
    .type _start, @function
_start:                             // ESI: start_info; ESP: the builder's stack, 4 KB
    cld
    xor ebp, ebp
    push esi
    call kmain
    ud2
    .size _start, . - _start

// trap_entry_NAME: one layout for all: struct frame of pv.h. With an error code the hypervisor has pushed it already.
.macro trap_entry name, vector, has_code
    .global trap_entry_\name
    .type trap_entry_\name, @function
trap_entry_\name:
    .if \has_code == 0
    push 0
    .endif
    push \vector
    jmp trap_common
    .size trap_entry_\name, . - trap_entry_\name
.endm
    trap_entry divide, 0, 0
    trap_entry debug, 1, 0
    trap_entry breakpoint, 3, 0
    trap_entry invalid, 6, 0
    trap_entry no_fpu, 7, 0
    trap_entry segment, 11, 1
    trap_entry stack, 12, 1
    trap_entry protection, 13, 1
    trap_entry page, 14, 1
    trap_entry soft, 0x81, 0
    trap_entry event, 0x100, 0

// Below the return frame lie the four data selectors that the hypervisor wanted to load: DS, ES, FS, GS. They are null now.
    .global trap_entry_failsafe
    .type trap_entry_failsafe, @function
trap_entry_failsafe:
    add esp, 16
    push 0
    push 0x101
    jmp trap_common
    .size trap_entry_failsafe, . - trap_entry_failsafe

    .type trap_common, @function
trap_common:
    pushad
    push ds
    push es
    mov eax, 0xE021
    mov ds, eax
    mov es, eax
    cld
    push esp
    call trap                       // may change what it is shown
    add esp, 4
    pop es
    pop ds
    popad
    add esp, 8                      // vector and error code
    jmp hypercall_page + IRET * 32
    .size trap_common, . - trap_common

// The fast system call: the processor comes here from ring 3 through the hypervisor's own IDT, without the hypervisor.
    .global syscall_entry
    .type syscall_entry, @function
syscall_entry:
    push ecx
    push edx
    push eax
    call system_call                // system_call(number)
    pop edx                         // eax: result
    pop edx
    pop ecx
    iretd
    .size syscall_entry, . - syscall_entry

// uint32_t run_user(eip, esp): user code, until it makes system call 0. Returns what that was given.
    .global run_user, leave_user
    .type run_user, @function
run_user:
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    push ebx
    push esi
    push edi
    push ebp
    mov kernel_esp, esp
    push 0xE033                     // SS
    push edx
    push 0x202                      // IF: events unmasked
    push 0xE02B                     // CS
    push eax
    mov ecx, 0xE033
    mov ds, ecx
    mov es, ecx
    jmp hypercall_page + IRET * 32
    .size run_user, . - run_user

    .type leave_user, @function
leave_user:                         // leave_user(value)
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
    .size leave_user, . - leave_user

// bool try_store(address, value), try_load(address), try_gs(selector), try_out(), try_cli(), try_fpu(): true if it worked. The
// trap handler goes on at `tried` when one of them faults.
    .global try_store, try_load, try_gs, try_out, try_cli, try_fpu, tried, attempts, attempts_end
attempts:
try_store:
    mov edx, [esp + 4]
    mov eax, [esp + 8]
    mov [edx], eax
    mov eax, 1
    ret
try_load:
    mov edx, [esp + 4]
    mov eax, [edx]
    mov eax, 1
    ret
try_gs:
    mov eax, [esp + 4]
    mov gs, eax
    mov eax, 1
    ret
try_out:
    mov al, 0
    out 0x80, al
    mov eax, 1
    ret
try_cli:
    cli
    mov eax, 1
    ret
try_fpu:
    fninit
    mov eax, 1
    ret
attempts_end:
tried:
    xor eax, eax
    ret

.section .data
    .balign 4
kernel_esp:
    .long 0
