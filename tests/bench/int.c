/* Ordinary integer code: sieve, CRC-32, matrix product, a mix of records and strings. Also built as a user program (see
 * bench.sh) for cachegrind. */
#ifdef USER
#include <stdint.h>
#include <stdio.h>
#ifndef ROUNDS
#define ROUNDS 1
#endif
uint32_t work(void);
#else
#include "tests/bench/bench.h"
#endif

enum { SIEVE = 200000, BUFFER = 65536, SIDE = 60, RECORDS = 2000 };

static uint8_t composite[SIEVE];
static uint32_t sieve(void)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < SIEVE; i++) composite[i] = 0;
    for (unsigned i = 2; i < SIEVE; i++) {
        if (composite[i]) continue;
        count++;
        for (unsigned j = i + i; j < SIEVE; j += i) composite[j] = 1;
    }
    return count;
}

static uint32_t crc_table[256];
static uint8_t buffer[BUFFER];
static uint32_t crc(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int k = 0; k < 8; k++) v = v & 1 ? 0xEDB88320u ^ v >> 1 : v >> 1;
        crc_table[i] = v;
    }
    uint32_t seed = 1, sum = ~0u;
    for (unsigned i = 0; i < BUFFER; i++) {
        seed = seed * 1664525 + 1013904223;
        buffer[i] = (uint8_t)(seed >> 24);
    }
    for (int pass = 0; pass < 8; pass++)
        for (unsigned i = 0; i < BUFFER; i++) sum = crc_table[(sum ^ buffer[i]) & 0xFF] ^ sum >> 8;
    return ~sum;
}

static int32_t a[SIDE][SIDE], b[SIDE][SIDE], product[SIDE][SIDE];
static uint32_t matrix(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) a[i][j] = i * 3 + j, b[i][j] = i - j * 7;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int32_t v = 0;
            for (int k = 0; k < SIDE; k++) v += a[i][k] * b[k][j];
            product[i][j] = v;
            sum = sum * 31 + (uint32_t)v;
        }
    return sum;
}

struct record { uint32_t key; char name[12]; int16_t small; uint8_t tag; struct record *next; };
static struct record records[RECORDS], *bucket[128];

static unsigned length(const char *s)
{
    unsigned n = 0;
    while (s[n]) n++;
    return n;
}

static __attribute__((noinline)) int compare(const char *x, const char *y)
{
    while (*x && *x == *y) x++, y++;
    return (uint8_t)*x - (uint8_t)*y;
}

static uint32_t mix(void)
{
    uint32_t seed = 7, sum = 0;
    for (int i = 0; i < 128; i++) bucket[i] = 0;
    for (int i = 0; i < RECORDS; i++) {
        struct record *r = &records[i];
        seed = seed * 1664525 + 1013904223;
        r->key = seed;
        r->small = (int16_t)(seed >> 9);
        r->tag = (uint8_t)i;
        unsigned n = 3 + (seed >> 28) % 8;
        for (unsigned k = 0; k < n; k++) r->name[k] = (char)('a' + (seed >> k & 15));
        r->name[n] = 0;
        r->next = bucket[seed >> 25];
        bucket[seed >> 25] = r;
    }
    for (int i = 0; i < RECORDS; i++)
        for (struct record *r = bucket[records[i].key >> 25]; r; r = r->next) {
            int d = compare(r->name, records[i].name);
            sum += d < 0 ? r->tag : d > 0 ? length(r->name) : (uint32_t)(int32_t)r->small;
        }
    return sum;
}

uint32_t work(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        sum = sum * 33 + sieve();
        sum = sum * 33 + crc();
        sum = sum * 33 + matrix();
        sum = sum * 33 + mix();
    }
    return sum;
}

#ifdef USER
int main(void) { return printf("%08x\n", work()) < 0; }
#endif
