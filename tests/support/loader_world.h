/* A board that is nothing but memory, full of CC, for tests of loaders. */
#ifndef TESTS_LOADER_WORLD_H
#define TESTS_LOADER_WORLD_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/bus.h"

static struct arena arena;
static struct clock clk;
static struct bus   bus;
static uint8_t     *ram;

static inline void loader_begin(uint32_t frames)
{
    size_t bytes = (size_t)frames * PAGE_SIZE;
    arena_init(&arena, 1 << 20);
    clk.hz = 1000000000;
    ram = malloc(bytes);
    memset(ram, 0xCC, bytes);
    bus_init(&bus, ram, frames, &clk, &arena);
}

static inline int loader_teardown(void **state)
{
    (void)state;
    free(ram);
    arena_done(&arena);
    return 0;
}

/* What lies at this machine address; 0 where there is no memory. */
static inline uint32_t get32(uint32_t at)
{
    uint32_t v = 0;
    bus_peek(&bus, hpa(at), &v, sizeof v);
    return v;
}

#endif
