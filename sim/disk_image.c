/* See disk_image.h. */
#include "sim/disk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sim/core/text.h"

enum { CHUNK = 1 << 16, PATH_ROOM = 512 };
#define HASHED_MOST (64ull << 20)
#define FNV_PRIME 1099511628211u
#define FNV_BASIS 14695981039346656037u

struct version {
    uint64_t lba;
    uint64_t before;  /* 1 + index of the sector's previous version; 0: none */
    uint8_t  bytes[DISK_SECTOR];
};

/* Where a sector's latest version is: open addressing, a power of two of slots, never more than half full. */
struct slot {
    uint64_t lba1;    /* 1 + sector; 0: free */
    uint64_t latest;  /* 1 + index of its latest version; 0: there is none any more */
};

struct disk_image {
    char     path[PATH_ROOM];
    int      fd;
    struct stat opened;               /* the file as it was then */
    uint64_t bytes, sectors;
    struct disk_moment *moment;
    struct version *version;
    uint64_t versions, room, sealed;  /* entries below `sealed` belong to a snapshot */
    struct slot *slot;
    uint64_t slots, used;
    uint64_t hash;                    /* of the file; 0: not computed yet */
};

/* --- the file --- */

/* Reads up to `n` bytes at `at`; what the file does not have is zero. False: the host cannot read it. */
static bool read_file(const struct disk_image *d, uint64_t at, void *to, size_t n)
{
    uint8_t *p = to;
    while (n) {
        ssize_t got = pread(d->fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return false;
        if (!got) break;
        p += got, at += (uint64_t)got, n -= (size_t)got;
    }
    memset(p, 0, n);
    return true;
}

/* O_NONBLOCK: opening a pipe must not wait for its writer. */
static bool open_file(struct disk_image *d, struct err *e)
{
    struct stat *st = &d->opened;
    d->fd = open(d->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, st))
        return err_set(e, EXIT_INPUT, "--disk %.200s: cannot open: %s; check the path", d->path, strerror(errno));
    if (!S_ISREG(st->st_mode))
        return err_set(e, EXIT_INPUT, "--disk %.200s: %s; name a raw disk image", d->path,
                       S_ISDIR(st->st_mode) ? "is a directory" : "not a regular file");
    if (!st->st_size)
        return err_set(e, EXIT_INPUT, "--disk %.200s: is empty; make one: truncate -s 16M FILE", d->path);
    d->bytes = (uint64_t)st->st_size;
    d->sectors = (d->bytes + DISK_SECTOR - 1) / DISK_SECTOR;
    return true;
}

struct disk_image *disk_image_open(const char *path, struct err *e)
{
    struct disk_image *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(e, EXIT_ENVIRONMENT, "no memory for a disk");
        return NULL;
    }
    d->fd = -1;
    if (strlen(path) >= sizeof d->path) err_set(e, EXIT_INPUT, "--disk %.60s...: the path is too long", path);
    else {
        strcpy(d->path, path);
        if (open_file(d, e)) return d;
    }
    disk_image_close(d);
    return NULL;
}

void disk_image_close(struct disk_image *d)
{
    if (!d) return;
    if (d->fd >= 0) close(d->fd);
    free(d->version);
    free(d->slot);
    free(d);
}

const char *disk_image_path(const struct disk_image *d) { return d->path; }
uint64_t disk_image_sectors(const struct disk_image *d) { return d->sectors; }
unsigned disk_image_padding(const struct disk_image *d) { return (unsigned)(d->sectors * DISK_SECTOR - d->bytes); }

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
    uint64_t w;
    for (size_t i = 0; i + sizeof w <= n; i += sizeof w) {
        memcpy(&w, (const uint8_t *)bytes + i, sizeof w);
        h = (h ^ w) * FNV_PRIME;
        h ^= h >> 29;
    }
    return h;
}

static uint64_t hash_range(const struct disk_image *d, uint64_t h, uint64_t from, uint64_t to)
{
    static uint8_t chunk[CHUNK];
    for (; from < to; from += CHUNK)
        if (read_file(d, from, chunk, CHUNK)) h = hash_bytes(h, chunk, CHUNK);
    return h;
}

uint64_t disk_image_hash(struct disk_image *d)
{
    if (d->hash) return d->hash;
    uint64_t h = (FNV_BASIS ^ d->bytes) * FNV_PRIME;
    if (d->bytes <= HASHED_MOST) h = hash_range(d, h, 0, d->bytes);
    else h = hash_range(d, hash_range(d, h, 0, HASHED_MOST / 2), d->bytes - HASHED_MOST / 2, d->bytes);
    return d->hash = h | 1;
}

/* --- what was written --- */

static struct slot *slot_of(struct slot *slots, uint64_t n, uint64_t lba)
{
    uint64_t i = (lba + 1) * 0x9E3779B97F4A7C15u >> 20 & (n - 1);
    while (slots[i].lba1 && slots[i].lba1 != lba + 1) i = (i + 1) & (n - 1);
    return &slots[i];
}

/* The version of a sector that counts now, or NULL: the file's. */
static const struct version *current(const struct disk_image *d, uint64_t lba)
{
    if (!d->slots) return NULL;
    uint64_t v = slot_of(d->slot, d->slots, lba)->latest;
    while (v > d->moment->writes) v = d->version[v - 1].before;
    return v ? &d->version[v - 1] : NULL;
}

static bool medium_read(void *self, uint64_t lba, void *to)
{
    const struct disk_image *d = self;
    const struct version *v = current(d, lba);
    if (!v) return read_file(d, lba * DISK_SECTOR, to, DISK_SECTOR);
    memcpy(to, v->bytes, DISK_SECTOR);
    return true;
}

static bool grow_slots(struct disk_image *d)
{
    if (d->used * 2 < d->slots) return true;
    uint64_t n = d->slots ? d->slots * 2 : 256;
    struct slot *bigger = calloc(n, sizeof *bigger);
    if (!bigger) return false;
    for (uint64_t i = 0; i < d->slots; i++)
        if (d->slot[i].lba1) *slot_of(bigger, n, d->slot[i].lba1 - 1) = d->slot[i];
    free(d->slot);
    d->slot = bigger;
    d->slots = n;
    return true;
}

static bool grow_log(struct disk_image *d)
{
    if (d->versions < d->room) return true;
    uint64_t n = d->room ? d->room * 2 : 64;
    struct version *bigger = realloc(d->version, n * sizeof *bigger);
    if (!bigger) return false;
    d->version = bigger;
    d->room = n;
    return true;
}

/* Time went back: what was written later has not happened. */
static void cut(struct disk_image *d)
{
    while (d->versions > d->moment->writes) {
        const struct version *v = &d->version[--d->versions];
        slot_of(d->slot, d->slots, v->lba)->latest = v->before;
    }
}

static bool medium_write(void *self, uint64_t lba, const void *from)
{
    struct disk_image *d = self;
    cut(d);
    if (lba >= d->sectors || !grow_slots(d) || !grow_log(d)) return false;
    struct slot *s = slot_of(d->slot, d->slots, lba);
    d->used += !s->lba1;
    s->lba1 = lba + 1;
    if (s->latest <= d->sealed) {
        d->version[d->versions] = (struct version){ .lba = lba, .before = s->latest };
        s->latest = ++d->versions;
    }
    memcpy(d->version[s->latest - 1].bytes, from, DISK_SECTOR);
    d->moment->writes = d->versions;
    d->moment->hash = hash_bytes((d->moment->hash ^ lba) * FNV_PRIME, from, DISK_SECTOR);
    return true;
}

struct disk disk_image_medium(struct disk_image *d, struct disk_moment *moment)
{
    d->moment = moment;
    return (struct disk){ .sectors = d->sectors, .read = medium_read, .write = medium_write, .self = d };
}

void disk_image_seal(struct disk_image *d)
{
    cut(d);
    d->sealed = d->versions;
}

uint64_t disk_image_changed(const struct disk_image *d)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < d->slots; i++) n += d->slot[i].lba1 && current(d, d->slot[i].lba1 - 1);
    return n;
}

void disk_image_each(const struct disk_image *d, void (*fn)(void *self, uint64_t lba, const void *bytes), void *self)
{
    for (uint64_t i = 0; i < d->slots; i++) {
        const struct version *v = d->slot[i].lba1 ? current(d, d->slot[i].lba1 - 1) : NULL;
        if (v) fn(self, v->lba, v->bytes);
    }
}

/* --- keeping it --- */

static bool write_at(int fd, uint64_t at, const uint8_t *from, size_t n)
{
    while (n) {
        ssize_t put = pwrite(fd, from, n, (off_t)at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        from += put, at += (uint64_t)put, n -= (size_t)put;
    }
    return true;
}

/* A chunk of zeros stays a hole. */
static bool copy_file(const struct disk_image *d, int to)
{
    static uint8_t chunk[CHUNK];
    static const uint8_t zeros[CHUNK];
    for (uint64_t at = 0; at < d->bytes; at += CHUNK) {
        size_t n = d->bytes - at < CHUNK ? (size_t)(d->bytes - at) : CHUNK;
        if (!read_file(d, at, chunk, n)) return false;
        if (memcmp(chunk, zeros, n) && !write_at(to, at, chunk, n)) return false;
    }
    return ftruncate(to, (off_t)d->bytes) == 0;
}

static bool write_changes(const struct disk_image *d, int to)
{
    for (uint64_t i = 0; i < d->slots; i++) {
        const struct version *v = d->slot[i].lba1 ? current(d, d->slot[i].lba1 - 1) : NULL;
        if (v && !write_at(to, v->lba * DISK_SECTOR, v->bytes, DISK_SECTOR)) return false;
    }
    return fsync(to) == 0;
}

/* Is it still the file that was opened? Somebody may have written to it, or it is the disk of two drives. */
static bool untouched(const struct disk_image *d)
{
    struct stat now;
    const struct stat *then = &d->opened;
    return stat(d->path, &now) == 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

bool disk_image_keep(struct disk_image *d, struct err *e)
{
    struct text part = { 0 };
    if (!disk_image_changed(d)) return true;
    if (!untouched(d))
        return err_set(e, EXIT_ENVIRONMENT, "--disk %.200s: the file is not the one the run began with; what the guest "
                       "changed is not written to it", d->path);
    char *real = realpath(d->path, NULL); /* through a symbolic link: the link stays */
    text_add(&part, "%s.part.%ld", real ? real : d->path, (long)getpid());
    int to = open(part.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = to >= 0;
    bool ok = made && copy_file(d, to) && write_changes(d, to) && fchmod(to, d->opened.st_mode & 07777) == 0;
    if (made) ok = close(to) == 0 && ok;
    ok = ok && rename(part.s, real ? real : d->path) == 0;
    if (!ok) {
        err_set(e, EXIT_ENVIRONMENT, "--disk %.200s: cannot write what the guest changed: %s; the file is as it was",
                d->path, strerror(errno));
        if (made) unlink(part.s);
    }
    free(real);
    text_free(&part);
    return ok;
}
