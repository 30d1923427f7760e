// From one process to another: each has a kernel stack of its own, so changing ESP is all there is to it.
//
// Idea: context_switch is called by one process and returns in another, where that one had called it. What a C function
// may not change (EBX, ESI, EDI, EBP) is kept on the stack it leaves. A new process has no such call: proc.c puts a
// frame on its stack that looks like one made from process_begin.
// Manual: System V ABI, Intel386 supplement, 3-11 (registers).
.intel_syntax noprefix

.section .text
    .global context_switch, process_begin
    .type context_switch, @function
context_switch:                     // (uint32_t *save_esp, uint32_t load_esp)
    mov eax, [esp + 4]
    mov edx, [esp + 8]
    push ebp
    push ebx
    push esi
    push edi
    mov [eax], esp
    mov esp, edx
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret
    .size context_switch, . - context_switch

    .type process_begin, @function
process_begin:                      // ESP is at the trap frame
    call process_first
    jmp trap_return
    .size process_begin, . - process_begin
