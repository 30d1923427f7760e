// The way into the kernel and back: one entry per vector, all alike, then one common path.
//
// Idea: the processor pushes EFLAGS, CS, EIP (and for some exceptions an error code; coming from ring 3 also SS, ESP).
// The entry adds a 0 where there is no error code, and its vector, so that C sees one layout: struct trap_frame.
// Manual: Intel SDM volume 3, 6.12-6.15.
// Not here: NMI care, double-fault stack, vectors above 2Fh (a guest that uses them brings its own entry).
.intel_syntax noprefix

.section .text

.macro trap_entry vector, has_code
trap_entry_\vector:
    .if \has_code == 0
    push 0
    .endif
    push \vector
    jmp trap_common
    .pushsection .rodata.trap_entries, "a"
    .long trap_entry_\vector
    .popsection
.endm

    .pushsection .rodata.trap_entries, "a"
    .balign 4
    .global trap_entries
    .type trap_entries, @object
trap_entries:
    .size trap_entries, 48 * 4
    .popsection

    // Exceptions: #DF 8, #TS 10, #NP 11, #SS 12, #GP 13, #PF 14, #AC 17 come with an error code.
    .irp vector, 0, 1, 2, 3, 4, 5, 6, 7
    trap_entry \vector, 0
    .endr
    trap_entry 8, 1
    trap_entry 9, 0
    .irp vector, 10, 11, 12, 13, 14
    trap_entry \vector, 1
    .endr
    trap_entry 15, 0
    trap_entry 16, 0
    trap_entry 17, 1
    .irp vector, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    trap_entry \vector, 0
    .endr
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
