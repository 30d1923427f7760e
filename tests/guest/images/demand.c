// A program of mini: touches as many fresh pages as it is told. Each is filled by the kernel on first touch (tests/guest/direct.sh).
#include "mini/user/user.h"

int main(int argc, char **argv)
{
    uint32_t pages = 0, sum = 0;
    for (const char *digit = argc > 1 ? argv[1] : ""; *digit; digit++) pages = pages * 10 + (uint32_t)(*digit - '0');
    char *area = (char *)(((uint32_t)sbrk((int)(pages + 1) * 4096) + 4095) & ~4095u);
    for (uint32_t n = 0; n < pages; n++) sum += (uint32_t)++area[n * 4096];
    printf("%u pages, %u\n", pages, sum);
    return 0;
}
