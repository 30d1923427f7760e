/* Which sector a command means: cylinder, head and sector under a geometry, or a number of 28 or 48 bits.
 * ATA/ATAPI-5 annex B (CHS translation), ATA/ATAPI-6 6.2 (addresses), 6.20 (48-bit feature set). */
#include "sim/io/ata.h"

enum { HEADS = 16, TRACK = 63, CYLINDERS_MOST = 16383 };
#define CHS_MOST ((uint64_t)CYLINDERS_MOST * HEADS * TRACK)

struct ata_geometry ata_geometry_of(uint64_t sectors)
{
    uint64_t track = sectors < TRACK ? sectors : TRACK;
    uint64_t heads = track && sectors / track < HEADS ? sectors / track : HEADS;
    uint64_t cylinders = track ? sectors / (heads * track) : 0;
    if (cylinders > CYLINDERS_MOST) cylinders = CYLINDERS_MOST;
    return (struct ata_geometry){ (uint16_t)cylinders, (uint8_t)heads, (uint8_t)track };
}

struct ata_geometry ata_geometry_with(uint64_t sectors, unsigned heads, unsigned track)
{
    uint64_t cylinders = (sectors < CHS_MOST ? sectors : CHS_MOST) / (heads * track);
    return (struct ata_geometry){ (uint16_t)(cylinders < 0xFFFF ? cylinders : 0xFFFF), (uint8_t)heads, (uint8_t)track };
}

static bool is_lba(const struct ata *a, bool ext) { return ext || (a->reg[ATA_DEVICE][0] & ATA_LBA); }

bool ata_locate(struct ata *a, bool ext)
{
    const uint8_t (*r)[2] = (const uint8_t (*)[2])a->reg;
    uint64_t low = r[ATA_LOW][0] | (uint64_t)r[ATA_MID][0] << 8 | (uint64_t)r[ATA_HIGH][0] << 16;
    unsigned head = r[ATA_DEVICE][0] & 15, cylinder = (unsigned)(low >> 8), sector = r[ATA_LOW][0];
    const struct ata_geometry *g = &a->current;
    if (ext)
        a->lba = low | (uint64_t)r[ATA_LOW][1] << 24 | (uint64_t)r[ATA_MID][1] << 32 | (uint64_t)r[ATA_HIGH][1] << 40;
    else if (is_lba(a, ext)) a->lba = low | (uint64_t)head << 24;
    else if (!sector || sector > g->sectors || head >= g->heads) return false;
    else a->lba = ((uint64_t)cylinder * g->heads + head) * g->sectors + sector - 1;
    return true;
}

static void show_chs(struct ata *a, uint64_t lba)
{
    const struct ata_geometry *g = &a->current;
    uint32_t track = (uint32_t)(lba / g->sectors), cylinder = track / g->heads;
    a->reg[ATA_LOW][0] = (uint8_t)(lba % g->sectors + 1);
    a->reg[ATA_MID][0] = (uint8_t)cylinder;
    a->reg[ATA_HIGH][0] = (uint8_t)(cylinder >> 8);
    a->reg[ATA_DEVICE][0] = (uint8_t)((a->reg[ATA_DEVICE][0] & 0xF0) | track % g->heads);
}

void ata_show(struct ata *a, bool ext, uint64_t lba)
{
    uint8_t (*r)[2] = a->reg;
    r[ATA_COUNT][0] = (uint8_t)a->left;
    if (!is_lba(a, ext)) {
        show_chs(a, lba);
        return;
    }
    for (unsigned i = 0; i < 3; i++) r[ATA_LOW + i][0] = (uint8_t)(lba >> 8 * i);
    if (ext) {
        r[ATA_COUNT][1] = (uint8_t)(a->left >> 8);
        for (unsigned i = 0; i < 3; i++) r[ATA_LOW + i][1] = (uint8_t)(lba >> (24 + 8 * i));
    } else {
        r[ATA_DEVICE][0] = (uint8_t)((r[ATA_DEVICE][0] & 0xF0) | (lba >> 24 & 15));
    }
}

uint32_t ata_count(const struct ata *a, bool ext)
{
    uint32_t n = a->reg[ATA_COUNT][0];
    if (!ext) return n ? n : 256;
    n |= (uint32_t)a->reg[ATA_COUNT][1] << 8;
    return n ? n : 65536;
}
