// The ring-3 side of guest `nano`: a loop of system calls, and its twin without them.
//
// Idea: all of it lies on pages marked U. ECX and EDX are what SYSEXIT takes ESP and EIP from.
// Manual: Intel SDM volume 2, SYSENTER and SYSEXIT.
// Not here: a kernel that does anything.
#include "nano/nano.h"

uint8_t user_stack[4096] __attribute__((aligned(4096)));

#define LOOP(name, code) \
    __attribute__((naked)) void name(void) \
    { \
        __asm__("mov edi, %0\n.balign 64\n1:\n mov ecx, esp\n mov edx, offset 2f\n" code "\n2:\n dec edi\n jnz 1b\n int 0x80" \
                : : "i"(NANO_TIMES)); \
    }
LOOP(user_nothing, "")
LOOP(user_calls, "sysenter")
