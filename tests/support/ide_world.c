/* See ide_world.h. */
#include "tests/support/ide_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Where a sector's bytes are; NULL: it is the bad one. */
static uint8_t *sector(struct ide_world *w, unsigned n, uint64_t lba)
{
    assert_true(lba < (n ? IDE_WORLD_SMALL : IDE_WORLD_SECTORS));
    return w->bad && lba == w->bad ? NULL : w->disk[n] + lba * DISK_SECTOR;
}

static bool get(uint8_t *from, void *to)
{
    if (from) memcpy(to, from, DISK_SECTOR);
    return from != NULL;
}

static bool put(uint8_t *to, const void *from)
{
    if (to) memcpy(to, from, DISK_SECTOR);
    return to != NULL;
}

static bool read0(void *w, uint64_t lba, void *to) { return get(sector(w, 0, lba), to); }
static bool read1(void *w, uint64_t lba, void *to) { return get(sector(w, 1, lba), to); }
static bool write0(void *w, uint64_t lba, const void *from) { return put(sector(w, 0, lba), from); }
static bool write1(void *w, uint64_t lba, const void *from) { return put(sector(w, 1, lba), from); }

static void on_irq(void *self, unsigned n, bool level)
{
    struct ide_world *w = self;
    w->irqs[n] += level && !w->line[n];
    w->line[n] = level;
}

static void on_abort(void *self, unsigned n, bool level)
{
    ((struct ide_world *)self)->aborts += level && n == 0;
}

static void on_dma(void *self, uint32_t at, unsigned n)
{
    assert_true((at & 4095) + n <= 4096);
    ((struct ide_world *)self)->touched += n;
}

void ide_world_configure(struct ide_world *w)
{
    w->config[0x04] = 0x05;
    w->config[0x20] = 0x01;
    w->config[0x21] = IDE_WORLD_MASTER >> 8;
    w->config[0x41] = w->config[0x43] = 0x80;
    ide_configured(&w->ide, w->config);
}

static void build(struct ide_world *w, const struct disk *disks, unsigned drives)
{
    arena_init(&w->arena, 1 << 20);
    w->clk.hz = 1000000000u;
    w->queue.clock = &w->clk;
    w->ram = calloc(IDE_WORLD_FRAMES, 4096);
    w->trace = trace_new();
    bus_init(&w->bus, w->ram, IDE_WORLD_FRAMES, &w->clk, &w->arena);
    ide_init(&w->ide, &w->bus, &w->queue, &(struct ide_wiring){ .disk = disks, .disks = drives,
             .times = { 10000, 100000, 5000, 20000 }, .irq = { { on_irq, w, 0 }, { on_irq, w, 1 } }, .watch = { on_dma, w },
             .abort = { on_abort, w, 0 }, .trace = w->trace });
    assert_true(ide_attach(&w->ide, &w->bus, NULL));
    ide_world_configure(w);
}

void ide_world_init(struct ide_world *w, unsigned drives)
{
    const struct disk disks[2] = { { IDE_WORLD_SECTORS, read0, write0, w, NULL }, { IDE_WORLD_SMALL, read1, write1, w, NULL } };
    memset(w, 0, sizeof *w);
    w->disk[0] = malloc(IDE_WORLD_SECTORS * DISK_SECTOR);
    w->disk[1] = malloc(IDE_WORLD_SMALL * DISK_SECTOR);
    for (uint32_t i = 0; i < IDE_WORLD_SECTORS * DISK_SECTOR; i++) w->disk[0][i] = (uint8_t)(i * 2654435761u >> 23);
    for (uint32_t i = 0; i < IDE_WORLD_SMALL * DISK_SECTOR; i++) w->disk[1][i] = (uint8_t)(i * 40503u >> 7);
    build(w, disks, drives);
}

void ide_world_init_with(struct ide_world *w, const struct disk *medium)
{
    memset(w, 0, sizeof *w);
    build(w, medium, 1);
}

void ide_world_done(struct ide_world *w)
{
    arena_done(&w->arena);
    trace_free(w->trace);
    free(w->ram);
    free(w->disk[0]);
    free(w->disk[1]);
}

void ide_world_run(struct ide_world *w, unsigned most)
{
    for (; most && timeq_next(&w->queue) != TIMEQ_NEVER; most--) {
        if (timeq_next(&w->queue) > w->clk.now) w->clk.now = timeq_next(&w->queue);
        timeq_run(&w->queue);
    }
}

void ide_world_wait(struct ide_world *w, unsigned channel)
{
    const struct ide_channel *c = &w->ide.channel[channel];
    for (unsigned i = 0; c->drive[c->selected].status & ATA_BSY; i++) {
        assert_true(i < 1000);
        ide_world_run(w, 1);
    }
}
