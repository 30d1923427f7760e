// Numbers for kernels that are hostile on purpose (mad.c, mad_service.c).
//
// Idea: what is plainly wrong is refused at the first look, so most of what they say is nearly right.
#ifndef MINI_MAD_H
#define MINI_MAD_H

#include "mini/kernel.h"
#include "mini/pv.h"

static uint32_t seed;
static uint32_t page_of_mine[PAGE / 4] __attribute__((aligned(PAGE)));

static uint32_t chance(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

// A number that is nearly right, or any.
static uint32_t some(uint32_t sensible)
{
    switch (chance(8)) {
    case 0: return seed;
    case 1: return 0u - chance(4);
    case 2: return sensible + chance(4);
    default: return chance(sensible);
    }
}

static uint32_t some_frame(void) { return chance(3) ? machine_frame(chance(16) * PAGE + kernel_to_physical(page_of_mine)) : some(0x8000); }

#endif
