// Guest `pvtest`: the program in ring 3. Its page is the only one that ring 3 may touch, but for its stack.
.intel_syntax noprefix
.set CALLS, 100
.section .text
    .global user_main, user_syscall
    .type user_main, @function
user_main:
    mov edi, CALLS
    xor esi, esi
again:
    mov eax, 1                      // system call 1: add one
user_syscall:
    int 0x80
    add esi, eax
    dec edi
    jnz again
    int 0x81                        // through the hypervisor, which looks up the handler
    mov eax, 0x80000000             // system call 0: done; the rest is the value
    or eax, esi
    int 0x80
    ud2
    .size user_main, . - user_main
