/* A raw disk image: a file that is never written to while a machine runs, and what the guest wrote on top of it.
 *
 * Idea 1: writes go to an append-only log of sectors. Which part of the log counts is one number, in the machine's
 * arena (struct disk_moment): when time travel puts an older number back, the sectors behind it are no longer there.
 * Idea 2: a sector written twice between two snapshots is overwritten in place, so the log needs no more room than the
 * snapshots' pages do: the distinct sectors per snapshot.
 * Idea 3: if asked to keep the changes (disk.write=1), the image is replaced by a changed copy when the run has ended:
 * whole or not at all.
 * Not modelled: partitions (that is the guest's business), other formats than raw, an image that changes meanwhile. */
#ifndef SIM_DISK_IMAGE_H
#define SIM_DISK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/io/disk.h"

/* The part of an image that belongs to the machine's state. */
struct disk_moment {
    uint64_t writes;  /* entries of the log that count */
    uint64_t hash;    /* of all that was ever written, in order: two states that differ on disk differ here */
};

struct disk_image;

/* Opens a raw image: a regular file of at least one byte; a last sector that is not whole is filled with zeros.
 * EXIT_INPUT otherwise. */
struct disk_image *disk_image_open(const char *path, struct err *e);
void disk_image_close(struct disk_image *d);
/* The drive's side of it. `moment` lies in the arena and stays there. */
struct disk disk_image_medium(struct disk_image *d, struct disk_moment *moment);
/* A snapshot was taken or restored: what is in the log up to now is kept as it is. */
void disk_image_seal(struct disk_image *d);
const char *disk_image_path(const struct disk_image *d);
uint64_t disk_image_sectors(const struct disk_image *d);
uint64_t disk_image_changed(const struct disk_image *d);  /* sectors that were written to */
/* Each of these, in the order of their sectors' slots: the same for the same writes. */
void disk_image_each(const struct disk_image *d, void (*fn)(void *self, uint64_t lba, const void *bytes), void *self);
unsigned disk_image_padding(const struct disk_image *d);  /* zero bytes added to the last sector */
/* Of the size, and of the contents: all of them up to 64 MB, the first and the last 32 MB of a larger one. */
uint64_t disk_image_hash(struct disk_image *d);
/* Replaces the file by one with the changes (same directory, then rename). EXIT_ENVIRONMENT on failure, also if the
 * file is no longer as it was opened: nothing changed. */
bool disk_image_keep(struct disk_image *d, struct err *e);

#endif
