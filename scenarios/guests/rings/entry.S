// Guest `rings`: the two doors from ring 3 into the kernel, and the way back.
//
// Idea: coming from ring 3 the processor takes SS0:ESP0 out of the TSS and pushes SS, ESP, EFLAGS, CS, EIP there. Every
// task has a kernel stack of its own, so all that a suspended task is lies on that stack, and switching tasks is
// nothing but changing ESP. The C functions return the frame of the task to go on with.
// Manual: Intel SDM volume 3, 6.12.1 (stack switch), volume 2, IRET (return to outer privilege level).
.intel_syntax noprefix
.section .text

.macro save_registers
    pushad
    push ds
    push es
    mov eax, 0x10                   // kernel data
    mov ds, eax
    mov es, eax
    cld
.endm

// IRQ 0, vector 20h
    .global timer_entry
    .type timer_entry, @function
timer_entry:
    push 0                          // no error code; same layout as struct trap_frame
    push 0x20
    save_registers
    push esp
    call timer_tick
    jmp resume
    .size timer_entry, . - timer_entry

// INT 80h
    .global syscall_entry
    .type syscall_entry, @function
syscall_entry:
    push 0
    push 0x80
    save_registers
    push esp
    call system_call
    jmp resume
    .size syscall_entry, . - syscall_entry

// void enter_user(struct trap_frame *frame): go on where the frame says. Does not return.
    .global enter_user, back_to_user
    .type enter_user, @function
enter_user:
    mov eax, [esp + 4]
resume:
    mov esp, eax                    // here one task becomes another
    pop es
    pop ds
    popad
    add esp, 8                      // vector and error code
back_to_user:
    iretd                           // pops EIP, CS, EFLAGS and, as CS says ring 3, ESP and SS
    .size enter_user, . - enter_user

// void leave_tasks(void): back to the boot stack, no task is left. Does not return.
    .global leave_tasks
    .type leave_tasks, @function
leave_tasks:
    mov esp, offset boot_stack_top
    call all_done
    .size leave_tasks, . - leave_tasks
