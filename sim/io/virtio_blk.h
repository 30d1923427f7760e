/* A disk as a virtio device: what an IDE drive takes ten port accesses for is here one chain of descriptors and one OUT.
 *
 * Idea: a request is a header (what, which sector), data, and a byte in which the device says how it went. The data moves in blocks of at
 * most 16 sectors between the guest's memory and a buffer, and from there to the medium, which may be far away (disk.h). One request
 * at a time; while one is under way nobody need notify the device of the next.
 *
 * Virtio PCI Card Specification 0.9.5, appendix D. Features: SIZE_MAX, SEG_MAX, GEOMETRY, RO, BLK_SIZE, FLUSH (a sector is on the medium when
 * its request is done). Not modelled: SCSI commands, BARRIER, several requests at a time. */
#ifndef IO_VIRTIO_BLK_H
#define IO_VIRTIO_BLK_H

#include "sim/core/clock.h"
#include "sim/io/ata.h"
#include "sim/io/virtio.h"
#include "sim/trace/trace.h"

enum { VIRTIO_BLK_IN = 0, VIRTIO_BLK_OUT = 1, VIRTIO_BLK_FLUSH = 4, VIRTIO_BLK_GET_ID = 8, VIRTIO_BLK_TYPES = 9 };
enum { VIRTIO_BLK_OK = 0, VIRTIO_BLK_IOERR = 1, VIRTIO_BLK_UNSUPP = 2, VIRTIO_BLK_ID = 20 };
enum { VIRTIO_BLK_SIZE_MAX = 1 << 1, VIRTIO_BLK_SEG_MAX = 1 << 2, VIRTIO_BLK_GEOMETRY = 1 << 4, VIRTIO_BLK_RO = 1 << 5, VIRTIO_BLK_BLK_SIZE = 1 << 6,
       VIRTIO_BLK_F_FLUSH = 1 << 9 };

struct virtio_blk {
    struct virtio virtio;
    struct timeq *q;
    struct timer  timer;    /* a medium that is near takes its time */
    struct disk   disk;
    struct disk_times times;
    struct trace *trace;    /* told about requests; NULL: silent */
    uint8_t  unit;          /* 0..3 on the board */
    bool     is_virtual;
    bool     active;        /* a request is under way: */
    bool     write;
    struct virtio_chain chain;
    uint64_t lba, head;     /* next sector to move; behind the last one moved */
    uint64_t moved;         /* bytes of its data */
    uint32_t left, block;   /* sectors to go; of them in the buffer */
    uint32_t ticket;        /* of what a medium that is far away was asked last */
    uint64_t commands;      /* begun, for people */
    uint8_t  buffer[ATA_BLOCK * DISK_SECTOR];
};

/* `disk` without sectors: there is no device, and nothing below may be called. */
void virtio_blk_init(struct virtio_blk *b, struct bus *bus, struct timeq *q, const struct virtio_wiring *w, const struct disk *disk,
                     const struct disk_times *times, unsigned unit, bool read_only);
static inline bool virtio_blk_present(const struct virtio_blk *b) { return b->disk.sectors != 0; }
/* A medium that is far away has moved what that ticket was for, or could not. An old ticket is for what a reset has ended. */
void virtio_blk_arrived(struct virtio_blk *b, uint32_t ticket, bool good);

#endif
