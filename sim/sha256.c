/* See sha256.h. The constants are computed, as the standard defines them: the first bits of the fractional parts of square and cube
 * roots of primes (FIPS 180-4, 4.2.2 and 5.3.3). Not made for secrets in memory: nothing is wiped. */
#include "sim/sha256.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* The first 32 bits behind the point of the `root`th root of n: the largest x with (x / 2^32)^root <= n, without its whole part. */
static uint32_t fraction(unsigned n, unsigned root)
{
    uint64_t x = 0;
    for (int bit = 36; bit >= 0; bit--) {
        uint64_t y = x | (uint64_t)1 << bit;
        wide power = root == 2 ? (wide)y * y : ((wide)y * y >> 16) * y; /* of 36 bits: 72, or 92 */
        wide limit = (wide)n << (root == 2 ? 64 : 80);
        if (power <= limit) x = y;
    }
    return (uint32_t)x;
}

static unsigned prime(unsigned after)
{
    for (unsigned n = after + 1;; n++) {
        unsigned d = 2;
        while (d * d <= n && n % d) d++;
        if (d * d > n) return n;
    }
}

static uint32_t turn(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

struct constants { uint32_t first[8], k[64]; };

static void block(uint32_t h[8], const uint8_t *p, const struct constants *c)
{
    uint32_t w[64], s[8];
    for (unsigned i = 0; i < 16; i++) w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (unsigned i = 16; i < 64; i++)
        w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
    memcpy(s, h, sizeof s);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + c->k[i] + w[i];
        uint32_t t2 = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++) h[i] += s[i];
}

void sha256(const void *bytes, size_t n, uint8_t digest[32])
{
    static struct constants c;
    uint8_t tail[128] = { 0 };
    uint32_t h[8];
    for (unsigned i = 0, p = 0; i < 64 && !c.k[63]; i++) {
        p = prime(p ? p : 1);
        c.k[i] = fraction(p, 3);
        if (i < 8) c.first[i] = fraction(p, 2);
    }
    memcpy(h, c.first, sizeof h);
    const uint8_t *p = bytes;
    size_t whole = n / 64, rest = n % 64, blocks = rest < 56 ? 1 : 2;
    for (size_t i = 0; i < whole; i++) block(h, p + 64 * i, &c);
    if (rest) memcpy(tail, p + 64 * whole, rest);
    tail[rest] = 0x80;
    for (unsigned i = 0; i < 8; i++) tail[64 * blocks - 1 - i] = (uint8_t)((uint64_t)n * 8 >> (8 * i));
    for (size_t i = 0; i < blocks; i++) block(h, tail + 64 * i, &c);
    for (unsigned i = 0; i < 32; i++) digest[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hex(const uint8_t digest[32], char hex[65])
{
    for (unsigned i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}
