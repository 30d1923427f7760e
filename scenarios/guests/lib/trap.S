// The way into the kernel and back: one entry per vector, all alike, then one common path.
//
// Idea: the processor pushes EFLAGS, CS, EIP (and for some exceptions an error code; coming from ring 3 also SS, ESP).
// The entry adds a 0 where there is no error code, and its vector, so that C sees one layout: struct trap_frame.
// Manual: Intel SDM volume 3, 6.12-6.15.
// Not here: NMI care, double-fault stack, vectors above 2Fh (a guest that uses them brings its own entry).
.intel_syntax noprefix

.section .text

#include "lib/exceptions.inc"
    // Interrupt lines 0-15 of the two 8259s.
    .irp vector, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
    trap_entry \vector, 0
    .endr

    .global trap_common, trap_return
    .type trap_common, @function
trap_common:
    pushad
    push ds
    push es
    mov eax, 0x10                   // kernel data: the interrupted program may have had anything in DS
    mov ds, eax
    mov es, eax
    cld
    push esp                        // argument: where the struct trap_frame lies
    call trap
    add esp, 4
trap_return:
    pop es
    pop ds
    popad
    add esp, 8                      // vector and error code
    iretd
    .size trap_common, . - trap_common
