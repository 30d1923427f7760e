// Guest `tenant`: where it begins, and the few things that C cannot say.
// Manual: Intel SDM volume 3, 6.5 (faults may be resumed anywhere the handler likes); Multiboot Specification, 3.2.
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
// The boot loader's EBX points to its information; lib/boot.S has left it alone.
    .global kmain
    .type kmain, @function
kmain:
    push ebx
    call tenant_main
    add esp, 4
    ret
    .size kmain, . - kmain

// attempt(harm, value): calls harm(value); a fault in there comes back to here.
    .global attempt
    .type attempt, @function
attempt:
    push ebp
    push ebx
    push esi
    push edi
    mov recover_esp, esp
    mov dword ptr recover_eip, offset attempt_failed
    push dword ptr [esp + 24]
    call [esp + 24]                 // harm; the pushed value moved it to where value was
    mov eax, 1
    jmp attempt_end
attempt_failed:                     // the handler "returned" to here
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    xor eax, eax
attempt_end:
    mov esp, recover_esp
    mov dword ptr recover_eip, 0
    pop edi
    pop esi
    pop ebx
    pop ebp
    ret
    .size attempt, . - attempt

    .global jump_to, load_ds, load_task, far_jump, die
    .type jump_to, @function
jump_to:
    jmp [esp + 4]
    .size jump_to, . - jump_to

    .type load_ds, @function
load_ds:
    mov eax, [esp + 4]
    mov es, eax
    mov eax, 0x10
    mov es, eax
    ret
    .size load_ds, . - load_ds

    .type load_task, @function
load_task:
    ltr [esp + 4]
    ret
    .size load_task, . - load_task

    .type far_jump, @function
far_jump:
    push dword ptr [esp + 4]
    push offset 1f
    retf
1:  add esp, 4
    ret
    .size far_jump, . - far_jump

    .type die, @function
die:
    cli
    push 0
    push 0
    lidt [esp]                      // base 0, limit 0: no handler for anything
    ud2
    .size die, . - die
