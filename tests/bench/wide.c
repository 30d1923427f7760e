/* Much code, little data: 512 functions of different shape, 70 KB of code, called in pseudo-random order. */
#include "tests/bench/bench.h"

static uint32_t cells[512];

#define F(n) \
    static __attribute__((noinline, aligned(16))) uint32_t f##n(uint32_t x) \
    { \
        uint32_t y = x * (2u * n + 1u) + cells[n]; \
        if (y & (1u << (n % 7))) y ^= y >> (n % 11 + 1); \
        else y += 0x9E3779B9u ^ n; \
        for (uint32_t k = 0; k < n % 3 + 1u; k++) y = (y << 5 | y >> 27) + cells[(n + k) & 511]; \
        if ((y >> 3 & 3) == n % 4) cells[(n * 7) & 511] = y; \
        else cells[n] += y >> 9; \
        return y - (x >> (n % 5 + 1)); \
    }
#define F8(n) F(n##0) F(n##1) F(n##2) F(n##3) F(n##4) F(n##5) F(n##6) F(n##7)
#define F64(n) F8(n##0) F8(n##1) F8(n##2) F8(n##3) F8(n##4) F8(n##5) F8(n##6) F8(n##7)
/* Octal numbers count to 777: 512 functions. */
F64(00) F64(01) F64(02) F64(03) F64(04) F64(05) F64(06) F64(07)
#define R(n) f##n,
#define R8(n) R(n##0) R(n##1) R(n##2) R(n##3) R(n##4) R(n##5) R(n##6) R(n##7)
#define R64(n) R8(n##0) R8(n##1) R8(n##2) R8(n##3) R8(n##4) R8(n##5) R8(n##6) R8(n##7)
static uint32_t (*const functions[512])(uint32_t) = { R64(00) R64(01) R64(02) R64(03) R64(04) R64(05) R64(06) R64(07) };

uint32_t work(void)
{
    uint32_t seed = 1, sum = 0;
    for (uint32_t i = 0; i < ROUNDS * 100000u; i++) {
        seed = seed * 1664525 + 1013904223;
        sum += functions[seed >> 23](sum ^ seed);
    }
    return sum;
}
