// primes N: prime numbers below N, by trial division.
#include "mini/user/user.h"

static bool prime(uint32_t n)
{
    for (uint32_t d = 2; d * d <= n; d++)
        if (n % d == 0) return false;
    return n > 1;
}

int main(int argc, char **argv)
{
    uint32_t limit = argc > 1 ? (uint32_t)text_number(argv[1]) : 100;
    for (uint32_t n = 2, column = 0; n < limit; n++)
        if (prime(n)) printf(column++ % 10 ? " %5u" : column > 1 ? "\n%5u" : "%5u", n);
    printf("\n");
    return 0;
}
