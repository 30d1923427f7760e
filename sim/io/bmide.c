/* See bmide.h. */
#include "sim/io/bmide.h"

#include <string.h>

enum { REGION_MOST = 0x10000 };
#define PRD_LAST 0x80000000u

/* Does anybody answer at this address: RAM, or a window of a device? */
static bool answers(const struct bus *b, uint32_t at) { return bus_page(b, hpa(at)) || bus_windowed(b, hpa(at)); }

static void fail(struct bmide *b)
{
    b->status = (uint8_t)((b->status | BMIDE_ERROR) & ~BMIDE_ACTIVE);
    irq_set(&b->abort, true);
}

/* Reads the descriptor that is next. */
static bool next_region(struct bmide *b)
{
    uint32_t words[2];
    for (unsigned i = 0; i < 2; i++) {
        if (!answers(b->bus, b->next)) return false;
        words[i] = bus_read(b->bus, hpa(b->next), 4);
        b->next += 4;
    }
    b->at = words[0] & ~1u;
    b->left = words[1] & 0xFFFE;
    if (!b->left) b->left = REGION_MOST;
    b->last = words[1] & PRD_LAST;
    return true;
}

/* Beside RAM there may be a window (VGA, ROM): its device sees the bus's own cycles. `n` is even, as `at` is. */
static void through_window(struct bus *b, uint32_t at, uint8_t *data, unsigned n, bool to_memory)
{
    for (unsigned i = 0, step; i < n; i += step) {
        uint32_t v = 0;
        step = (at + i) % 4 == 0 && n - i >= 4 ? 4 : 2;
        if (to_memory) {
            memcpy(&v, data + i, step);
            bus_write(b, hpa(at + i), step, v);
        } else {
            v = bus_read(b, hpa(at + i), step);
            memcpy(data + i, &v, step);
        }
    }
}

/* One piece of a region, within a page. */
static bool move(struct bmide *b, uint8_t *data, unsigned n, bool to_memory)
{
    if (!answers(b->bus, b->at)) return false;
    if (bus_windowed(b->bus, hpa(b->at))) through_window(b->bus, b->at, data, n, to_memory);
    else if (to_memory) bus_poke(b->bus, hpa(b->at), data, n);
    else bus_peek(b->bus, hpa(b->at), data, n);
    if (to_memory && b->watch.wrote) b->watch.wrote(b->watch.self, b->at, n);
    return true;
}

unsigned bmide_transfer(struct bmide *b, void *data, unsigned bytes, bool to_memory)
{
    unsigned done = 0;
    if (!b->master || to_memory != ((b->command & BMIDE_TO_MEMORY) != 0)) return 0;
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
