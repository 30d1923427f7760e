/* An IDE function on a bus with some RAM, with disks in host memory: for tests of the drives and the bus masters. */
#ifndef SUPPORT_IDE_WORLD_H
#define SUPPORT_IDE_WORLD_H

#include "sim/io/ide.h"

enum { IDE_WORLD_SECTORS = 20000, IDE_WORLD_SMALL = 300, IDE_WORLD_FRAMES = 60, IDE_WORLD_MASTER = 0xC000 };

struct ide_world {
    struct arena arena;
    struct clock clk;              /* 1 GHz: a cycle is a nanosecond */
    struct timeq queue;
    struct bus   bus;
    struct ide   ide;
    uint8_t     *ram;
    uint8_t     *disk[2];          /* IDE_WORLD_SECTORS, IDE_WORLD_SMALL sectors */
    uint64_t     bad;              /* a sector that can be neither read nor written; 0: none */
    unsigned     aborts;           /* how often nobody answered a bus master */
    unsigned     irqs[2];          /* rising edges per channel */
    bool         line[2];
    uint8_t      config[256];      /* of the PCI function */
    struct trace *trace;
    uint64_t     touched;          /* bytes the bus masters said they stored */
};

void ide_world_init(struct ide_world *w, unsigned drives); /* on the first channel; their bytes are a pattern */
void ide_world_init_with(struct ide_world *w, const struct disk *medium); /* one drive, and somebody else's medium in it */
/* The PCI function as a BIOS leaves it: everything decoded and enabled, the bus masters at IDE_WORLD_MASTER. */
void ide_world_configure(struct ide_world *w);
void ide_world_done(struct ide_world *w);
/* Lets time pass until the selected drive of that channel is not busy. Fails the test if it stays so. */
void ide_world_wait(struct ide_world *w, unsigned channel);
/* Fires whatever is armed, `most` timers at most. */
void ide_world_run(struct ide_world *w, unsigned most);

#endif
