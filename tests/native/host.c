/* See host.h. */
#include "tests/native/host.h"

#include <string.h>

/* ---- what the compiler and the shared sources expect ---- */

#undef memcpy
#undef memset
#undef memcmp
#undef strlen
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);

void *memcpy(void *to, const void *from, size_t n)
{
    void *start = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)::"memory");
    return start;
}

void *memset(void *to, int byte, size_t n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
    return start;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f) return memcpy(to, from, n);
    while (n--) {
        t[n] = f[n];
        __asm__ volatile("" ::: "memory"); /* or this loop becomes a call of itself */
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n >= 4 && *(const uint32_t *)(const void *)x == *(const uint32_t *)(const void *)y; n -= 4, x += 4, y += 4) { }
    for (; n; n--, x++, y++)
        if (*x != *y) return *x - *y;
    return 0;
}

void *memchr(const void *s, int byte, size_t n)
{
    for (const uint8_t *p = s; n--; p++)
        if (*p == (uint8_t)byte) return (void *)(uintptr_t)p;
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n]) {
        n++;
        __asm__ volatile("");
    }
    return n;
}

/* ---- system calls ---- */

__asm__(".text\n.globl host_call\nhost_call:\n"
        "  push %ebp\n push %ebx\n push %esi\n push %edi\n"
        "  mov 20(%esp), %eax\n mov 24(%esp), %ebx\n mov 28(%esp), %ecx\n mov 32(%esp), %edx\n"
        "  mov 36(%esp), %esi\n mov 40(%esp), %edi\n mov 44(%esp), %ebp\n"
        "  int $0x80\n"
        "  pop %edi\n pop %esi\n pop %ebx\n pop %ebp\n ret\n"
        ".globl host_return\nhost_return:\n  mov $173, %eax\n  int $0x80\n");
void host_return(void);

_Noreturn void host_exit(int code)
{
    for (;;) host_call(SYS_EXIT, (uint32_t)code, 0, 0, 0, 0, 0);
}

void host_say(const char *s) { host_call(SYS_WRITE, 2, host_address(s), strlen(s), 0, 0, 0); }

int host_on_signal(int signal, host_handler *handler)
{
    enum { SIGINFO = 4, ONSTACK = 0x08000000, NODEFER = 0x40000000, RESTORER = 0x04000000 };
    struct { uint32_t handler, flags, restorer, mask[2]; } a = { (uint32_t)(uintptr_t)handler, SIGINFO | ONSTACK | NODEFER | RESTORER,
                                                                  (uint32_t)(uintptr_t)host_return, { 0, 0 } };
    return host_call(SYS_RT_SIGACTION, (uint32_t)signal, host_address(&a), 0, 8, 0, 0) == 0;
}

int host_signal_stack(void *stack, uint32_t bytes)
{
    uint32_t s[3] = { host_address(stack), 0, bytes };
    return host_call(SYS_SIGALTSTACK, host_address(s), 0, 0, 0, 0, 0) == 0;
}

int32_t host_set_ldt(const struct host_segment *s)
{
    return host_call(SYS_MODIFY_LDT, 0x11, host_address(s), sizeof *s, 0, 0, 0);
}
