// A program's first instructions, and its way into the kernel.
//
// Idea: at the start ESP points at argc and argv, just what main expects on its stack. A system call is INT 80h with the
// number in EAX and the arguments in EBX, ECX, EDX; the kernel changes EAX only.
.intel_syntax noprefix

.section .text.start
    .global start
    .type start, @function
start:
    xor ebp, ebp
    mov eax, [esp]
    mov edx, [esp + 4]
    push edx
    push eax
    call main
    push eax
    call exit
    .size start, . - start

.section .text
    .global syscall, syscall_insn
    .type syscall, @function
syscall:                            // (number, a, b, c)
    push ebx
    mov eax, [esp + 8]
    mov ebx, [esp + 12]
    mov ecx, [esp + 16]
    mov edx, [esp + 20]
syscall_insn:
    int 0x80
    pop ebx
    ret
    .size syscall, . - syscall
