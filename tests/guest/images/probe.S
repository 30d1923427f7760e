// Running an act and getting back from it, whatever it did. See probe.h.
//
// Idea: `attempt` is a setjmp; the trap handler in probe.c ends in `probe_escape`, which takes the stack and the flat
// segments back wherever the exception came from. Ring 3 comes back through vector 80h.
// Not here: callee-saved x87 state (there is none).
.intel_syntax noprefix
.section .bss
    .balign 16
    .global user_stack_top, trap_stack_top
    .skip 4096
user_stack_top:
    .skip 4096
trap_stack_top:
probe_esp:
    .skip 4

.section .text
    .global attempt, attempt_on, probe_escape, probe_user_end
    .type attempt, @function
attempt:                            // bool attempt(act *body)
    pushad
    mov [probe_esp], esp
    call [esp + 36]
came_back:
    popad
    mov eax, 1
    ret
    .size attempt, . - attempt

    .type attempt_on, @function
attempt_on:                         // bool attempt_on(act *body, cs, ss, esp, eflags)
    pushad
    mov [probe_esp], esp
    mov eax, [esp + 36]
    mov ebx, [esp + 40]
    mov ecx, [esp + 44]
    mov edx, [esp + 48]
    mov esi, [esp + 52]
    mov ds, ecx
    mov es, ecx
    push ecx
    push edx
    push esi
    push ebx
    push eax
    iretd
    .size attempt_on, . - attempt_on

    .type probe_user_end, @function
probe_user_end:                     // vector 80h: ring 3 came to its end
    mov eax, 1
    jmp escape
    .size probe_user_end, . - probe_user_end

    .type probe_escape, @function
probe_escape:                       // from any stack in ring 0, flat DS not assumed
    xor eax, eax
escape:
    cli
    mov ecx, 0x10
    mov ds, ecx
    mov es, ecx
    mov ss, ecx
    mov esp, cs:[probe_esp]
    xor ecx, ecx
    mov fs, ecx
    mov gs, ecx
    push 2                          // TF, DF, NT, IOPL off
    popfd
    push 0x08
    push offset escaped
    retf
escaped:
    mov [esp + 28], eax             // EAX of POPAD
    popad
    ret
    .size probe_escape, . - probe_escape
