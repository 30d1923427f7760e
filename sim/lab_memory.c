/* The memory a case begins with. See lab.h.
 *
 * Idea: the fill is a linear congruential sequence, where every value needs the one before: sixteen thousand waits for a
 * multiplication. So sixteen sequences run side by side, four to a host vector, each going sixteen steps at a time. */
#include "sim/lab.h"

#include <string.h>

enum { WIDE = 4, LANES = 4 * WIDE, LCG_MUL = 1664525, LCG_ADD = 1013904223, NOP = 0x90 };
typedef uint32_t words __attribute__((vector_size(4 * WIDE)));
typedef uint8_t tops __attribute__((vector_size(WIDE)));

/* Returns the state after n bytes; n is a multiple of LANES. */
static uint32_t fill(uint8_t *to, unsigned n, uint32_t seed)
{
    uint32_t first[LANES], mul = 1, add = 0, s = seed;
    words lane[LANES / WIDE];
    for (unsigned k = 0; k < LANES; k++) {
        first[k] = s = s * LCG_MUL + LCG_ADD;
        mul *= LCG_MUL;
        add = add * LCG_MUL + LCG_ADD;
    }
    memcpy(lane, first, sizeof lane);
    for (unsigned at = 0; at < n; at += LANES) {
        s = lane[LANES / WIDE - 1][WIDE - 1];
#pragma GCC unroll 4 /* keeps lane[] in registers */
        for (unsigned k = 0; k < LANES / WIDE; k++) {
            tops t = __builtin_convertvector(lane[k] >> 24, tops);
            memcpy(to + at + k * WIDE, &t, sizeof t);
            lane[k] = lane[k] * mul + add;
        }
    }
    return s;
}

/* The byte at a linear address, or NULL. */
static uint8_t *byte_at(struct lab_image *im, uint32_t at)
{
    if (at - LAB_LOW < LAB_AREA) return &im->low[at - LAB_LOW];
    if (at - LAB_DATA < LAB_AREA) return &im->data[at - LAB_DATA];
    if (at - LAB_CODE < LAB_AREA) return &im->code[at - LAB_CODE];
    return NULL;
}

static void put(struct lab_image *im, uint32_t at, const uint8_t *bytes, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        uint8_t *b = byte_at(im, at + k);
        if (b) *b = bytes[k];
    }
}

void lab_image_make(struct lab_image *im, const struct lab_case *c, uint32_t at)
{
    if (c->filled) {
        (void)fill(im->data, LAB_AREA, fill(im->low, LAB_AREA, c->fill));
    } else {
        memset(im->low, 0, LAB_AREA);
        memset(im->data, 0, LAB_AREA);
    }
    memset(im->code, NOP, LAB_AREA);
    for (unsigned k = 0; k < c->pokes; k++) put(im, c->poke[k].at, c->poked + c->poke[k].from, c->poke[k].n);
    put(im, at, c->bytes, c->n);
}
