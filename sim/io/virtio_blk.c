/* See virtio_blk.h. */
#include "sim/io/virtio_blk.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 16 };
struct header { uint32_t type, priority; uint64_t sector; };

static struct virtio_blk *self_of(struct virtio *v) { return (struct virtio_blk *)v; }

/* ---- a request's end */

/* The last byte that the device writes says how it went. */
static void finish(struct virtio_blk *b, uint8_t status, uint64_t written)
{
    struct virtio *v = &b->virtio;
    b->active = false;
    if (!virtio_put(v, 0, &b->chain, b->chain.in_bytes - 1, &status, 1)) return;
    virtio_done(v, 0, b->chain.head, (uint32_t)(written + 1));
    virtio_tell(v, 0);
}

static uint64_t data_written(const struct virtio_blk *b) { return b->write ? 0 : b->moved; }

/* ---- data */

static bool near_block(struct virtio_blk *b)
{
    for (uint32_t i = 0; i < b->block; i++) {
        uint8_t *at = b->buffer + (size_t)i * DISK_SECTOR;
        if (b->write ? !b->disk.write(b->disk.self, b->lba + i, at) : !b->disk.read(b->disk.self, b->lba + i, at)) return false;
    }
    return true;
}

/* The next block between buffer and medium. */
static void next_block(struct virtio_blk *b)
{
    b->block = b->left < ATA_BLOCK ? b->left : ATA_BLOCK;
    if (b->write && !virtio_get(&b->virtio, 0, &b->chain, HEADER + b->moved, b->buffer, b->block * DISK_SECTOR)) {
        b->active = false; /* memory that is not there: the queue has stopped */
        return;
    }
    if (b->disk.begin) {
        b->disk.begin(b->disk.self, b->lba, b->block, b->write, ++b->ticket);
        return;
    }
    uint64_t ns = (uint64_t)b->block * b->times.sector_ns + (b->moved ? 0 : b->times.command_ns) + (b->lba == b->head ? 0 : b->times.seek_ns);
    timeq_arm(b->q, &b->timer, b->q->clock->now + clock_from_ns(b->q->clock, ns));
}

static void serve(struct virtio_blk *b);

static void block_done(struct virtio_blk *b, bool good)
{
    uint32_t bytes = b->block * DISK_SECTOR;
    if (!good) finish(b, VIRTIO_BLK_IOERR, data_written(b));
    else if (!b->write && !virtio_put(&b->virtio, 0, &b->chain, b->moved, b->buffer, bytes)) b->active = false;
    else {
        b->moved += bytes;
        b->lba += b->block;
        b->head = b->lba;
        b->left -= b->block;
        if (b->left) next_block(b);
        else finish(b, VIRTIO_BLK_OK, data_written(b));
    }
    if (!b->active) serve(b);
}

void virtio_blk_arrived(struct virtio_blk *b, uint32_t ticket, bool good)
{
    if (b->active && ticket == b->ticket) block_done(b, good);
}

static void near_done(void *blk, uint64_t when)
{
    (void)when;
    struct virtio_blk *b = blk;
    if (b->active) block_done(b, near_block(b));
}

/* ---- a request's beginning */

static void told(const struct virtio_blk *b, uint32_t type, uint64_t lba, uint32_t count)
{
    if (b->trace)
        TRACE(b->trace, VIRTIO, 0, .op = (uint8_t)(type < VIRTIO_BLK_TYPES ? type : VIRTIO_BLK_TYPES), .unit = b->unit, .virtual_ = b->is_virtual,
              .lba = lba < UINT32_MAX ? (uint32_t)lba : UINT32_MAX, .count = count);
}

static void transfer(struct virtio_blk *b, uint64_t lba, uint64_t bytes)
{
    uint64_t sectors = bytes / DISK_SECTOR;
    bool refused = b->write && b->virtio.offered & VIRTIO_BLK_RO;
    if (refused || bytes % DISK_SECTOR || sectors > UINT32_MAX || lba > b->disk.sectors || sectors > b->disk.sectors - lba) {
        finish(b, VIRTIO_BLK_IOERR, 0);
        return;
    }
    b->lba = lba;
    b->left = (uint32_t)sectors;
    b->moved = 0;
    if (sectors) next_block(b);
    else finish(b, VIRTIO_BLK_OK, 0);
}

static void identify(struct virtio_blk *b)
{
    char id[VIRTIO_BLK_ID] = { 0 };
    snprintf(id, sizeof id, "ringside-disk%u", b->unit);
    uint32_t room = b->chain.in_bytes - 1 < sizeof id ? (uint32_t)(b->chain.in_bytes - 1) : (uint32_t)sizeof id;
    if (virtio_put(&b->virtio, 0, &b->chain, 0, id, room)) finish(b, VIRTIO_BLK_OK, room);
    else b->active = false;
}

static void begin(struct virtio_blk *b)
{
    struct header h;
    b->active = true;
    if (!b->chain.in_bytes || !virtio_get(&b->virtio, 0, &b->chain, 0, &h, sizeof h)) { /* nowhere to say so */
        b->virtio.malformed += !b->virtio.queue[0].broken;
        b->virtio.queue[0].broken = true;
        b->active = false;
        return;
    }
    b->commands++;
    b->write = h.type == VIRTIO_BLK_OUT;
    uint64_t data = b->write ? b->chain.out_bytes - HEADER : b->chain.in_bytes - 1;
    bool moves = b->write || h.type == VIRTIO_BLK_IN;
    told(b, h.type, moves ? h.sector : 0, moves ? (uint32_t)(data / DISK_SECTOR) : 0);
    if (moves) transfer(b, h.sector, data);
    else if (h.type == VIRTIO_BLK_GET_ID) identify(b);
    else finish(b, h.type == VIRTIO_BLK_FLUSH ? VIRTIO_BLK_OK : VIRTIO_BLK_UNSUPP, 0);
}

/* All that wait, one after the other; no driver has more of them than a queue holds. */
static void serve(struct virtio_blk *b)
{
    struct virtio *v = &b->virtio;
    virtio_quiet(v, 0, true);
    for (unsigned n = 0; !b->active && n < VIRTIO_ENTRIES; n++) {
        if (virtio_take(v, 0, &b->chain)) {
            begin(b);
            continue;
        }
        virtio_quiet(v, 0, false);
        if (!virtio_waiting(v, 0)) return;
        virtio_quiet(v, 0, true);
    }
}

static void kicked(struct virtio *v, unsigned queue)
{
    (void)queue;
    if (!self_of(v)->active) serve(self_of(v));
}

static void stopped(struct virtio *v)
{
    struct virtio_blk *b = self_of(v);
    b->active = false;
    b->ticket++; /* nobody waits for what the medium may still bring */
    if (b->q) timeq_cancel(b->q, &b->timer);
}

/* ---- the device */

static const struct reg_desc regs[] = {
    { "status", offsetof(struct virtio, status), 1, 8, "driver: seen 1, driver 2, ready 4, failed 80h" },
    { "isr", offsetof(struct virtio, isr), 1, 2, "why it interrupts: queue 1, configuration 2" },
    { "features", offsetof(struct virtio, taken), 4, 32, "features the driver took" },
    { "page", offsetof(struct virtio, queue[0].page), 4, 32, "page of the queue" },
    { "seen", offsetof(struct virtio, queue[0].seen), 2, 16, "index in avail of the next request" },
    { "used", offsetof(struct virtio, queue[0].used), 2, 16, "index in used of the next answer" },
    { "broken", offsetof(struct virtio, queue[0].broken), 1, 1, "the queue is stopped: no request lay there" },
    { "kicks", offsetof(struct virtio, kicks), 8, 64, "notifications" },
    { "requests", offsetof(struct virtio, requests), 8, 64, "taken from the queue" },
    { "interrupts", offsetof(struct virtio, interrupts), 8, 64, "how often its line rose" },
    { "lba", offsetof(struct virtio_blk, lba), 8, 48, "the next sector to move" },
    { "left", offsetof(struct virtio_blk, left), 4, 32, "sectors to go" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "virtio-blk", .regs = regs, .reset = virtio_reset, .read = virtio_read, .write = virtio_write, .peek = virtio_peek,
};

static const struct virtio_kind kind = { .queues = 1, .config_bytes = 24, .writable = 0, .kicked = kicked, .stopped = stopped };

static void fill_config(struct virtio_blk *b)
{
    struct ata_geometry g = ata_geometry_of(b->disk.sectors);
    const uint32_t segment = (uint32_t)ATA_BLOCK * DISK_SECTOR * 8, segments = VIRTIO_PARTS - 2, sector = DISK_SECTOR;
    uint8_t *c = b->virtio.config;
    memcpy(c, &b->disk.sectors, 8);
    memcpy(c + 8, &segment, 4);
    memcpy(c + 12, &segments, 4);
    memcpy(c + 16, &g.cylinders, 2);
    c[18] = g.heads;
    c[19] = g.sectors;
    memcpy(c + 20, &sector, 4);
}

static void name_requests(void)
{
    static const char *const names[VIRTIO_BLK_TYPES + 1] = { "in", "out", "2", "3", "flush", "5", "6", "7", "id", "unknown" };
    trace_names("virtio", names, VIRTIO_BLK_TYPES + 1);
}

void virtio_blk_init(struct virtio_blk *b, struct bus *bus, struct timeq *q, const struct virtio_wiring *w, const struct disk *disk,
                     const struct disk_times *times, unsigned unit, bool read_only)
{
    *b = (struct virtio_blk){ .q = q, .timer = { .fire = near_done, .self = b }, .times = *times, .unit = (uint8_t)unit };
    name_requests();
    if (!disk || !disk->sectors) return;
    b->disk = *disk;
    virtio_init(&b->virtio, bus, &ops, &kind, w, VIRTIO_BLK_SIZE_MAX | VIRTIO_BLK_SEG_MAX | VIRTIO_BLK_GEOMETRY | VIRTIO_BLK_BLK_SIZE |
                VIRTIO_BLK_F_FLUSH | (read_only ? VIRTIO_BLK_RO : 0));
    fill_config(b);
}
