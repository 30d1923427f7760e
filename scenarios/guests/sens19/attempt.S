// attempt(snippet): run something that may fault, and survive.
//
// Idea: note where to go on and with which stack; the exception handler puts that address into the EIP it returns to.
// Manual: Intel SDM volume 3, 6.5 (faults may be resumed anywhere the handler likes).
// Attempts may be nested: each keeps the outer one's address and stack on its own stack.
.intel_syntax noprefix

.section .bss
    .balign 4
    .global recover_eip
    .type recover_eip, @object
recover_eip:                        // 0: no attempt is running
    .skip 4
    .size recover_eip, 4
recover_esp:
    .skip 4

.section .text
    .global attempt
    .type attempt, @function
attempt:
    push ebp
    push ebx
    push esi
    push edi
    push dword ptr recover_eip
    push dword ptr recover_esp
    mov recover_esp, esp
    mov dword ptr recover_eip, offset attempt_failed
    call [esp + 28]
    mov eax, 1
    jmp attempt_end
attempt_failed:                     // the handler "returned" to here
    mov eax, 0x10
    mov ds, eax                     // the snippet may have had others in DS and ES
    mov es, eax
    mov esp, recover_esp
    xor eax, eax
attempt_end:
    pop dword ptr recover_esp
    pop dword ptr recover_eip
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret
    .size attempt, . - attempt
