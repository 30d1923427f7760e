// The two functions a C compiler may call behind our back.
//
// Manual: C17 7.24.2.1, 7.24.6.1; the compiler's manual lists what a freestanding environment must offer.
// Not here: memmove and memcmp; nothing in the guests needs them.
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

void *memcpy(void *to, const void *from, size_t size)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}
