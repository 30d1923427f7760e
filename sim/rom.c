/* See rom.h. */
#include "sim/rom.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/core/addr.h"
#include "sim/core/text.h"
#include "sim/firmware_tables.h"

enum { CHIP_STEP = 64 << 10, CHIP_MAX = 16 << 20, VIDEO_STEP = 512, VIDEO_MAX = 128 << 10 };

#define FNV_SEED 0xCBF29CE484222325u

static uint64_t fnv1a(uint64_t h, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ bytes[i]) * 0x100000001B3u;
    return h;
}

/* The file's bytes on the heap, padded to whole pages with what an empty ROM cell reads as. */
static uint8_t *read_all(const char *path, size_t most, uint32_t *size, struct err *e)
{
    struct text file = { 0 };
    uint8_t *bytes = NULL;
    if (!text_read(&file, path, most, e)) return NULL;
    *size = ((uint32_t)file.len + PAGE_SIZE - 1) & PAGE_MASK;
    if (!file.len) err_set(e, EXIT_INPUT, "%.200s: empty file, not a ROM", path);
    else if (!(bytes = malloc(*size))) err_set(e, EXIT_ENVIRONMENT, "%.200s: no memory for the ROM", path);
    else {
        memset(bytes, 0xFF, *size);
        memcpy(bytes, file.s, file.len);
        *size = (uint32_t)file.len;
    }
    text_free(&file);
    return bytes;
}

static bool read_chip(struct rom *r, const char *path, struct err *e)
{
    r->chip = read_all(path, CHIP_MAX, &r->size, e);
    if (!r->chip || r->size % CHIP_STEP == 0) return r->chip;
    return err_set(e, EXIT_INPUT, "%.200s: a ROM of %u bytes; a chip has a multiple of 64 KB: pad it at the start, since its "
                   "last bytes are at the reset vector", path, r->size);
}

/* PCI Local Bus Specification 2.1, 6.3.1.2: bytes 18h, 19h of a ROM lead to "PCIR", vendor, device. */
static uint32_t card_of(const struct rom *r)
{
    uint32_t ids = 0, at = r->video[0x18] | (uint32_t)r->video[0x19] << 8;
    if (at + 8 <= r->video_size && !memcmp(r->video + at, "PCIR", 4)) memcpy(&ids, r->video + at + 4, sizeof ids);
    return ids;
}

static bool read_video(struct rom *r, const char *path, struct err *e)
{
    r->video = read_all(path, VIDEO_MAX, &r->video_size, e);
    if (!r->video) return false;
    if (r->video_size % VIDEO_STEP)
        return err_set(e, EXIT_INPUT, "%.200s: a video ROM of %u bytes; it has a multiple of 512", path, r->video_size);
    if (r->video[0] != 0x55 || r->video[1] != 0xAA)
        return err_set(e, EXIT_INPUT, "%.200s: not a video ROM: it begins with %02X %02X, not 55 AA", path, r->video[0],
                       r->video[1]);
    r->hash = fnv1a(r->hash, r->video, r->video_size);
    r->video_pci = card_of(r);
    r->video_size = (r->video_size + PAGE_SIZE - 1) & PAGE_MASK;
    return true;
}

bool rom_builtin(struct rom *r, bool apics, struct err *e)
{
    *r = (struct rom){ .chip = malloc(ROM_BUILTIN_SIZE), .size = ROM_BUILTIN_SIZE };
    if (!r->chip) return err_set(e, EXIT_ENVIRONMENT, "no memory for the BIOS");
    memcpy(r->chip, rom_builtin_bytes, ROM_BUILTIN_SIZE);
    firmware_tables(r->chip + (FIRMWARE_TABLES - ROM_BUILTIN_BASE), FIRMWARE_TABLES, apics);
    r->hash = fnv1a(FNV_SEED, r->chip, ROM_BUILTIN_SIZE);
    return true;
}

bool rom_read(struct rom *r, const char *paths, struct err *e)
{
    char chip[512];
    const char *comma = strchr(paths, ',');
    *r = (struct rom){ 0 };
    snprintf(chip, sizeof chip, "%.*s", comma ? (int)(comma - paths) : (int)strlen(paths), paths);
    if (read_chip(r, chip, e)) {
        r->hash = fnv1a(FNV_SEED, r->chip, r->size);
        if (!comma || read_video(r, comma + 1, e)) return true;
    }
    rom_done(r);
    return false;
}

void rom_done(struct rom *r)
{
    free(r->chip);
    free(r->video);
    *r = (struct rom){ 0 };
}
