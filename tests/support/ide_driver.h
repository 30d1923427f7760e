/* A driver's side of the primary channel of a struct ide_world: registers, commands, words. For unit tests that have one world. */
#ifndef SUPPORT_IDE_DRIVER_H
#define SUPPORT_IDE_DRIVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/ide_world.h"

static struct ide_world w;

static inline int setup(void **state)
{
    (void)state;
    ide_world_init(&w, 2);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    ide_world_done(&w);
    return 0;
}

static inline uint8_t in(unsigned reg) { return (uint8_t)bus_in(&w.bus, (uint16_t)(0x1F0 + reg), 1); }
static inline void out(unsigned reg, uint8_t v) { bus_out(&w.bus, (uint16_t)(0x1F0 + reg), 1, v); }
static inline uint8_t alternate(void) { return (uint8_t)bus_in(&w.bus, 0x3F6, 1); }
static inline void control(uint8_t v) { bus_out(&w.bus, 0x3F6, 1, v); }

/* Writes the registers of a command; runs time until the drive is not busy. Returns the alternate status. */
static inline uint8_t command(uint8_t code, uint8_t count, uint32_t lba, uint8_t device)
{
    out(ATA_DEVICE, (uint8_t)(device | (lba >> 24 & 15)));
    out(ATA_COUNT, count);
    for (unsigned i = 0; i < 3; i++) out(ATA_LOW + i, (uint8_t)(lba >> 8 * i));
    out(ATA_COMMAND, code);
    ide_world_wait(&w, 0);
    return alternate();
}

static inline void read_block(uint8_t *to, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint16_t v = (uint16_t)bus_in(&w.bus, 0x1F0, 2);
        memcpy(to + 2 * i, &v, 2);
    }
}

static inline void write_block(const uint8_t *from, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint16_t v;
        memcpy(&v, from + 2 * i, 2);
        bus_out(&w.bus, 0x1F0, 2, v);
    }
}

#endif
