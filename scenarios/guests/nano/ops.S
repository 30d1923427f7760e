// The operations that guest `nano` measures, each a loop of NANO_TIMES around one of them.
//
// Idea: every loop has a twin with nothing in it, of the same instructions otherwise; what the twin takes is taken off. The
// handlers do as little as a handler can: go on behind the instruction that faulted.
// Manual: Adams & Agesen 2006, section 6.2 and the appendix.
// Not here: SYSCALL, which this 32-bit processor lacks: SYSENTER and SYSEXIT stand for it.
#include "nano/nano.h"
.intel_syntax noprefix
.section .text

.macro operation name
    .global op_\name
    .type op_\name, @function
    .balign 64
op_\name:
    push ebx
    push edi
    xor ebx, ebx
    mov eax, [esp + 12]             // the only argument: what the operation writes
    mov edi, offset nano_table
    mov ecx, NANO_TIMES
1:
.endm
.macro again name
    dec ecx
    jnz 1b
    pop edi
    pop ebx
    ret
    .size op_\name, . - op_\name
.endm

operation nothing
again nothing

operation in
    in al, 0x80
again in

operation tpr
    mov [0xFEE00080], ebx
again tpr

operation call
    call leaf
again call

operation fault
    mov edx, [NANO_HOLE]            // 6 bytes: page_fault skips them
again fault

operation divide
    div ebx                         // 2 bytes: divide_error skips them
again divide

operation rdtsc
    rdtsc
again rdtsc

operation walk                      // the twin of pte: it goes along the table and stores nothing
    add edi, 4
again walk

operation pte
    mov [edi], eax
    add edi, 4
again pte

    .type leaf, @function
    .balign 16
leaf:
    ret
    .size leaf, . - leaf

    .global page_fault
    .type page_fault, @function
    .balign 16
page_fault:
    add dword ptr [esp + 4], 6
    add esp, 4                      // the error code
    iretd
    .size page_fault, . - page_fault

    .global divide_error
    .type divide_error, @function
    .balign 16
divide_error:
    add dword ptr [esp], 2
    iretd
    .size divide_error, . - divide_error

// void to_user(entry, esp): runs ring 3 code until it says INT 80h.
    .global to_user
    .type to_user, @function
    .balign 16
to_user:
    pushad
    mov [kernel_esp], esp
    mov ebx, [esp + 36]
    mov ecx, [esp + 40]
    mov eax, 0x23
    mov ds, eax
    mov es, eax
    push eax
    push ecx
    push 0x202                      // IF: with it clear a translator interprets user code; the 8259s mask all
    push 0x1B
    push ebx
    iretd
    .size to_user, . - to_user

    .global from_user
    .type from_user, @function
from_user:                          // INT 80h, through an interrupt gate
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov esp, [kernel_esp]
    popad
    ret
    .size from_user, . - from_user

    .global system_call
    .type system_call, @function
    .balign 16
system_call:                        // SYSENTER arrives here with IF clear; SYSEXIT leaves IF alone
    sti
    sysexit
    .size system_call, . - system_call

.section .bss
    .balign 4
kernel_esp:
    .skip 4
