/* A medium: sectors of 512 bytes behind two functions. What a drive turns, whoever keeps the bytes. A medium that is far away answers
 * later: the drive is busy until then. */
#ifndef IO_DISK_H
#define IO_DISK_H

#include <stdbool.h>
#include <stdint.h>

enum { DISK_SECTOR = 512 };

struct disk {
    uint64_t sectors;                                           /* 0: there is none */
    bool   (*read)(void *self, uint64_t lba, void *to);         /* DISK_SECTOR bytes; false: unreadable */
    bool   (*write)(void *self, uint64_t lba, const void *from); /* false: not written */
    void    *self;
    /* Far away: begins to move `count` sectors to or from the drive's buffer, and tells the drive when that is done, with the ticket
     * (ata_arrived). NULL: read and write do it there and then. */
    void   (*begin)(void *self, uint64_t lba, uint32_t count, bool write, uint32_t ticket);
};

/* How long a drive takes; see cost.def. */
struct disk_times {
    uint32_t command_ns; /* from the command to the first move */
    uint32_t seek_ns;    /* to any sector but the one after the last */
    uint32_t sector_ns;  /* one sector between medium and buffer */
    uint32_t reset_ns;   /* from the end of a reset to ready */
};

#endif
