/* Code that is always new: a function of 50 instructions is written over the last one and called twice. */
#include "tests/bench/bench.h"

static uint8_t code[64][512] __attribute__((aligned(4096)));

static void word(uint8_t *at, uint32_t v) { *(uint32_t *)at = v; }

uint32_t work(void)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < ROUNDS * 2000u; i++) {
        uint8_t *to = code[i & 63], *begin = to;
        word(to, 0x0424448B); /* mov eax, [esp+4] */
        to += 4;
        for (uint32_t k = 0; k < 12; k++) {
            *to++ = 0x05; word(to, i * k); to += 4;       /* add eax, imm */
            word(to, 0x0DC8C1); to += 3; to[-1] = (uint8_t)(k + 1); /* ror eax, k + 1 */
            word(to, 0xC289); to += 2;                    /* mov edx, eax */
            word(to, 0xD031FA01); to[0] = 0x31; to[1] = 0xD2; to[2] = 0x01; to[3] = 0xC2; to += 4; /* xor edx, edx; add edx, eax */
        }
        *to++ = 0xC3;
        uint32_t (*f)(uint32_t) = (uint32_t (*)(uint32_t))(void *)begin;
        sum += f(i);
        sum ^= f(sum);
    }
    return sum;
}
