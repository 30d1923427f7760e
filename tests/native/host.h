/* Linux as a 32-bit program without C library sees it: system calls, signal frames, and the few functions that a
 * freestanding program must bring along.
 *
 * Idea: a case may leave every segment register, the stack pointer and NT, AC, ID in any state. A C library would trip over
 * that at once (thread-local storage lies behind GS); a program that has none does not. It also builds wherever
 * `gcc -m32` makes code, with no 32-bit headers or libraries installed.
 *
 * i386 ABI of Linux: arch/x86/entry/syscalls, sigcontext_32, ucontext_ia32. */
#ifndef NATIVE_HOST_H
#define NATIVE_HOST_H

#include <stddef.h>
#include <stdint.h>

enum { SYS_EXIT = 1, SYS_READ = 3, SYS_WRITE = 4, SYS_OPEN = 5, SYS_FTRUNCATE = 93, SYS_MODIFY_LDT = 123,
       SYS_RT_SIGACTION = 174, SYS_SIGALTSTACK = 186, SYS_MMAP2 = 192, SYS_MEMFD_CREATE = 356 };
enum { SIGNAL_ILL = 4, SIGNAL_TRAP = 5, SIGNAL_BUS = 7, SIGNAL_FPE = 8, SIGNAL_SEGV = 11 };
enum { MAP_READ = 1, MAP_WRITE = 2, MAP_RUN = 4, /* how: */ MAP_AS_SHARED = 1, MAP_AS_PRIVATE = 2, MAP_AT = 0x10,
       MAP_NO_FILE = 0x20, MAP_NOT_OVER = 0x100000 };

/* Six arguments at most. A negative errno on failure. */
int32_t host_call(int32_t number, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f);
static inline uint32_t host_address(const volatile void *p) { return (uint32_t)(uintptr_t)p; }
_Noreturn void host_exit(int code);
void host_say(const char *s); /* to stderr */

/* struct sigcontext of a signal frame; segment registers are written as 32 bits. */
struct host_context {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trap, err, eip, cs, flags, esp_at_signal, ss, fpstate,
        oldmask, cr2;
};
struct host_frame { uint32_t flags, link, stack[3]; struct host_context context; };

typedef void host_handler(int signal, void *info, struct host_frame *frame);
/* The handler runs on `stack`, with all signals open. False: not possible. */
int host_on_signal(int signal, host_handler *handler);
int host_signal_stack(void *stack, uint32_t bytes);

struct host_segment { uint32_t entry, base, limit, flags; }; /* struct user_desc */
int32_t host_set_ldt(const struct host_segment *s);

#endif
