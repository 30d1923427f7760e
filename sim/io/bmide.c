/* See bmide.h. */
#include "sim/io/bmide.h"

enum { REGION_MOST = 0x10000 };
#define PRD_LAST 0x80000000u

static void fail(struct bmide *b)
{
    b->status = (uint8_t)((b->status | BMIDE_ERROR) & ~BMIDE_ACTIVE);
}

/* Reads the descriptor that is next. */
static bool next_region(struct bmide *b)
{
    uint32_t words[2];
    for (unsigned i = 0; i < 2; i++) {
        if (!busmaster_read32(&b->master, b->next, &words[i])) return false;
        b->next += 4;
    }
    b->at = words[0] & ~1u;
    b->left = words[1] & 0xFFFE;
    if (!b->left) b->left = REGION_MOST;
    b->last = words[1] & PRD_LAST;
    return true;
}

/* One piece of a region, within a page. */
static bool move(struct bmide *b, uint8_t *data, unsigned n, bool to_memory)
{
    return to_memory ? busmaster_write(&b->master, b->at, data, n) : busmaster_read(&b->master, b->at, data, n);
}

unsigned bmide_transfer(struct bmide *b, void *data, unsigned bytes, bool to_memory)
{
    unsigned done = 0;
    if (!b->master.enabled || to_memory != ((b->command & BMIDE_TO_MEMORY) != 0)) return 0;
    while (done < bytes && (b->status & BMIDE_ACTIVE)) {
        if (!b->left && !next_region(b)) {
            fail(b);
            break;
        }
        unsigned n = bytes - done, page = PAGE_SIZE - (b->at & (PAGE_SIZE - 1));
        if (n > b->left) n = b->left;
        if (n > page) n = page;
        if (!move(b, (uint8_t *)data + done, n, to_memory)) {
            fail(b);
            break;
        }
        done += n;
        b->left -= n;
        b->at += n;
        if (!b->left && b->last) b->status &= (uint8_t)~BMIDE_ACTIVE;
    }
    return done;
}

uint8_t bmide_read(const struct bmide *b, unsigned offset)
{
    if (offset == BMIDE_COMMAND) return b->command;
    if (offset == BMIDE_STATUS) return b->status;
    if (offset < BMIDE_TABLE) return 0;
    return (uint8_t)(b->table >> 8 * (offset - BMIDE_TABLE));
}

static bool write_command(struct bmide *b, uint8_t value)
{
    bool starts = (value & BMIDE_START) && !(b->command & BMIDE_START);
    b->command = value & (BMIDE_START | BMIDE_TO_MEMORY);
    if (!(value & BMIDE_START)) b->status &= (uint8_t)~BMIDE_ACTIVE; /* what was under way is lost */
    if (!starts) return false;
    b->status |= BMIDE_ACTIVE;
    b->next = b->table;
    b->left = 0;
    return true;
}

bool bmide_write(struct bmide *b, unsigned offset, uint8_t value)
{
    if (offset == BMIDE_COMMAND) return write_command(b, value);
    if (offset == BMIDE_STATUS) {
        uint8_t keep = b->status & ~(value & (BMIDE_ERROR | BMIDE_INTERRUPT)) & ~BMIDE_CAPABLE; /* ones clear */
        b->status = (uint8_t)(keep | (value & BMIDE_CAPABLE));
    } else if (offset >= BMIDE_TABLE) {
        unsigned shift = 8 * (offset - BMIDE_TABLE);
        b->table = ((b->table & ~(0xFFu << shift)) | (uint32_t)value << shift) & ~3u;
    }
    return false;
}

void bmide_reset(struct bmide *b)
{
    b->command = b->status = 0;
    b->table = b->next = b->at = b->left = 0;
    b->last = false;
}
