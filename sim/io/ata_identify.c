/* IDENTIFY DEVICE: what the drive says about itself. ATA/ATAPI-6 8.15, table 27; words 1, 3, 6, 54-58: ATA/ATAPI-5. */
#include <string.h>
#include "sim/io/ata.h"

#define LBA28_MOST 0x0FFFFFFFu

static void put(struct ata *a, unsigned word, unsigned value)
{
    a->buffer[2 * word] = (uint8_t)value;
    a->buffer[2 * word + 1] = (uint8_t)(value >> 8);
}

static void put_number(struct ata *a, unsigned word, unsigned words, uint64_t value)
{
    for (unsigned i = 0; i < words; i++) put(a, word + i, (unsigned)(value >> 16 * i & 0xFFFF));
}

/* Two characters a word, the first in the high byte; blanks fill the rest. */
static void put_string(struct ata *a, unsigned word, unsigned words, const char *s)
{
    size_t n = strlen(s);
    for (unsigned i = 0; i < 2 * words; i++) a->buffer[2 * word + (i ^ 1)] = (uint8_t)(i < n ? s[i] : ' ');
}

static const struct { uint8_t word; uint16_t value; } fixed[] = {
    { 0, 0x0040 },                /* a fixed disk */
    { 4, 512 * 63 }, { 5, 512 },  /* bytes per track and sector, retired */
    { 20, 3 }, { 21, ATA_BLOCK }, { 22, 4 }, /* buffer and ECC, retired */
    { 47, 0x8000 | ATA_BLOCK },   /* most sectors of READ MULTIPLE */
    { 48, 1 },                    /* 32-bit data port */
    { 49, 0x0F00 },               /* IORDY, LBA, DMA */
    { 50, 0x4000 }, { 51, 0x0200 }, { 52, 0x0200 },
    { 53, 0x0007 },               /* words 54-58, 64-70, 88 are valid */
    { 64, 0x0003 },               /* PIO 3 and 4 */
    { 65, 120 }, { 66, 120 }, { 67, 120 }, { 68, 120 }, /* ns a cycle */
    { 80, 0x0070 },               /* ATA-4 to -6 */
    { 82, 0x7068 },               /* NOP, READ and WRITE BUFFER, look-ahead, write cache, power management */
    { 83, 0x7400 },               /* FLUSH CACHE (EXT), 48-bit addresses */
    { 84, 0x4000 }, { 86, 0x3400 }, { 87, 0x4000 },
};

static void put_settings(struct ata *a)
{
    const struct ata_geometry *g = &a->current;
    put(a, 54, g->cylinders);
    put(a, 55, g->heads);
    put(a, 56, g->sectors);
    put_number(a, 57, 2, (uint64_t)g->cylinders * g->heads * g->sectors);
    put(a, 59, a->multiple ? 0x0100u | a->multiple : 0);
    put(a, 63, 0x0007u | (unsigned)a->mode_mw << 8);
    put(a, 85, 0x7008u | (a->look_ahead ? 0x40 : 0) | (a->write_cache ? 0x20 : 0));
    put(a, 88, 0x003Fu | (unsigned)a->mode_u << 8);
    /* The result of the hardware reset: a cable of 80 wires, a jumper; device 0 found device 1, or answers for it. */
    put(a, 93, a->unit & 1 ? 0x6B00 : a->alone ? 0x604B : 0x603B);
}

void ata_fill_identify(struct ata *a)
{
    uint64_t n = a->disk.sectors;
    char serial[] = "RINGSIDE-0";
    memset(a->buffer, 0, DISK_SECTOR);
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++) put(a, fixed[i].word, fixed[i].value);
    put(a, 1, a->natural.cylinders);
    put(a, 3, a->natural.heads);
    put(a, 6, a->natural.sectors);
    serial[9] = (char)('1' + a->unit);
    put_string(a, 10, 10, serial);
    put_string(a, 23, 4, "0.1");
    put_string(a, 27, 20, "RINGSIDE HARD DISK");
    put_settings(a);
    put_number(a, 60, 2, n < LBA28_MOST ? n : LBA28_MOST);
    put_number(a, 100, 4, n);
    uint8_t sum = a->buffer[510] = 0xA5; /* word 255: signature, and what makes the bytes' sum zero */
    for (unsigned i = 0; i < 510; i++) sum = (uint8_t)(sum + a->buffer[i]);
    a->buffer[511] = (uint8_t)-sum;
}
