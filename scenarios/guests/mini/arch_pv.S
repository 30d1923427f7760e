// Under a paravirtualizing hypervisor: first instruction, hypercalls, and the entries that are told to it.
//
// Idea: the hypervisor builds the same frames on the kernel's stack as the processor would, so the path from an entry to C is
// that of lib/trap.S with other selectors. Only the way back differs: IRET of ring 1 cannot switch events on again. Back to a program
// that is done by hand, a byte of shared memory, and IRET leads from ring 1 to ring 3 without the hypervisor. If an event is pending,
// or back to the kernel, the hypervisor is asked to do both at once: hypercall 23, with EAX on top of the frame.
// Manual: Xen interface manual, 2 (start of day), appendix (hypercalls); xen.h here.
.intel_syntax noprefix

.set RING1_DS, 0xE021
.set IRET, 23
.set UPCALL_PENDING, 0                  // of struct vcpu_info, the first thing in shared_info
.set UPCALL_MASK, 1

// What the domain builder has to know about this image: ELF notes named Xen.
.macro xen_note type, value:vararg
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \value
2:
.endm
.section .note.Xen, "a", @note
    xen_note 1, .long pv_start         // entry
    xen_note 2, .long hypercall_page
    xen_note 3, .long 0xC0000000       // address of pseudo-physical page 0
    xen_note 4, .long 0                // from what p_paddr counts
    xen_note 5, .asciz "xen-3.0"
    xen_note 6, .asciz "mini"
    xen_note 7, .asciz "1"
    xen_note 8, .asciz "generic"
#ifdef PAE
    xen_note 9, .asciz "yes"           // PAE
#else
    xen_note 9, .asciz "no"
#endif
    xen_note 10, .asciz ""             // nothing more is needed
    .balign 4
.section __xen_guest, "a"               // the same for builders of Xen 3.0; the page by its number
#ifdef PAE
    .asciz "GUEST_OS=mini,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0,PAE=yes,LOADER=generic,HYPERCALL_PAGE=0x104"
#else
    .asciz "GUEST_OS=mini,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0,PAE=no,LOADER=generic,HYPERCALL_PAGE=0x104"
#endif

.section .hypercalls, "ax"
    .global hypercall_page
hypercall_page:                         // the builder fills it: 32 bytes a call
    .skip 4096

.section .bss
    .balign 4096
    .global shared_info, console_page, store_page, grant_table
shared_info:                            // these pages are shown other frames
    .skip 4096
console_page:
    .skip 4096
store_page:
    .skip 4096
grant_table:
    .skip 4096
boot_stack:
    .skip 8192
boot_stack_top:

.section .text
    .global pv_start
    .type pv_start, @function
pv_start:
    cld
    mov esp, offset boot_stack_top
    xor ebp, ebp
    push esi                            // struct start_info
    call arch_start
    .size pv_start, . - pv_start

    .global hypercall
    .type hypercall, @function
hypercall:                              // (number, a, b, c, d, e)
    push ebx
    push esi
    push edi
    mov eax, [esp + 16]
    mov ebx, [esp + 20]
    mov ecx, [esp + 24]
    mov edx, [esp + 28]
    mov esi, [esp + 32]
    mov edi, [esp + 36]
    shl eax, 5
    add eax, offset hypercall_page
    call eax
    pop edi
    pop esi
    pop ebx
    ret
    .size hypercall, . - hypercall

#include "lib/exceptions.inc"

    .global syscall_entry, event_entry, failsafe_entry, trap_return
syscall_entry:                          // straight from ring 3, the hypervisor is not in between; events stay on
    push 0
    push 0x80
    jmp trap_common
failsafe_entry:                         // a segment register could not be loaded on the way to a program: DS ES FS GS are on top
    add esp, 16
    push 0
    push 13
    jmp trap_common
event_entry:
    push 0
    push 0x100                          // no vector, but an event
trap_common:
    pushad
    push ds
    push es
    mov eax, RING1_DS
    mov ds, eax
    mov es, eax
    cld
    push esp
    call arch_trap
    add esp, 4
trap_return:
    pop es
    pop ds
    popad
    add esp, 8
    test byte ptr [esp + 4], 2          // RPL 3: events were on
    jz 1f
    mov byte ptr ss:[shared_info + UPCALL_MASK], 0
    cmp byte ptr ss:[shared_info + UPCALL_PENDING], 0
    jne 1f
    iretd                               // an event that comes before it is an interrupt of the kernel, on this stack
1:  push eax
    mov eax, IRET
    int 0x82
