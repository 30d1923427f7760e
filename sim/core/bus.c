/* See bus.h. */
#include "sim/core/bus.h"

#include <string.h>

const uint8_t bus_nothing_held = 0;

void bus_init(struct bus *b, uint8_t *ram, uint32_t frames, struct clock *clock, struct arena *a)
{
    *b = (struct bus){ .ram = ram, .frames = frames, .clock = clock, .marks = arena_alloc(a, frames) };
    bus_shadow(b, 0, SHADOW_PAGES, SHADOW_RAM);
}

void bus_init_child(struct bus *b, struct bus *parent, uint32_t frames, struct arena *a)
{
    *b = (struct bus){ .parent = parent, .frames = frames, .clock = parent->clock,
                       .map = arena_alloc(a, (size_t)frames * sizeof(uint32_t)) };
    for (uint32_t i = 0; i < frames; i++) b->map[i] = FRAME_NONE;
    bus_shadow(b, 0, SHADOW_PAGES, SHADOW_RAM);
}

/* The last 128 KB of the chip are seen in three places: at the top, below 1 MB, and 1 MB below the top, where the CPU
 * looks for its reset vector while the A20 gate is shut (unless the chip itself is there). PIIX3 data sheet 3.3.1. */
enum { ROM_MIRROR = 128 << 10, ALIAS_BELOW = 1 << 20 };

static uint32_t lower(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* To be called when windows or ROMs have moved: bus_plain. Behind the first window or ROM there may be more RAM, which is then
 * found the long way. */
static void find_ram(struct bus *b)
{
    const struct bus_firmware *f = &b->firmware;
    uint32_t rom = f->size > ALIAS_BELOW + ROM_MIRROR ? f->size : ALIAS_BELOW + ROM_MIRROR;
    uint32_t end = lower(0u - rom, b->plain_last) & PAGE_MASK;
    if (b->frames < end >> PAGE_SHIFT) end = b->frames << PAGE_SHIFT;
    if (f->card_at) end = lower(end, f->card_at & PAGE_MASK);
    b->ram_first = (b->plain_first + (PAGE_SIZE - 1)) & PAGE_MASK;
    uint32_t bytes = end > b->plain_first ? end - b->ram_first : 0;
    b->ram_bytes = b->parent ? 0 : bytes;
    b->mapped_first = b->ram_first;
    b->mapped_bytes = b->parent && !b->parent->parent ? bytes : 0;
    b->low_bytes = b->parent && b->parent->parent ? 0 : lower(b->low_plain & PAGE_MASK, b->frames < 256 ? b->frames << PAGE_SHIFT : UINT32_MAX);
    b->ram_low = b->parent ? 0 : b->low_bytes;
}

/* Windows lie below the first megabyte and at the top; nearly all accesses go between. */
static void find_plain(struct bus *b)
{
    b->plain_first = 0x100000;
    b->plain_last = UINT32_MAX;
    b->low_plain = SHADOW_BASE;
    for (uint32_t i = 0; i < b->windows; i++) {
        const struct bus_window *w = &b->window[i];
        uint32_t last = w->base + (w->length - 1);
        if (w->space == BUS_MEM && w->length) b->low_plain = lower(b->low_plain, w->base);
        if (w->space != BUS_MEM || !w->length || last < b->plain_first) continue;
        if (w->base <= b->plain_first) b->plain_first = last == UINT32_MAX ? last : last + 1;
        else if (w->base - 1 < b->plain_last) b->plain_last = w->base - 1;
    }
    if (b->plain_last < b->plain_first) b->plain_last = b->plain_first;
    find_ram(b);
}
static inline bool is_plain(const struct bus *b, uint32_t first, uint32_t last)
{
    return (first > b->plain_first && last < b->plain_last) || last < b->low_plain;
}

bool bus_attach(struct bus *b, enum bus_space space, uint32_t base, uint32_t length, uint32_t offset,
                struct device *d, struct err *e)
{
    uint64_t end = (uint64_t)base + length; /* a window may reach the very top of its space */
    if (b->windows == BUS_WINDOWS) return err_set(e, EXIT_BUG, "bus: no room for %s", d->ops->name);
    if (!length || end > (space == BUS_PORT ? 0x10000u : 0x100000000u))
        return err_set(e, EXIT_BUG, "bus: %s at %X is empty or beyond its space", d->ops->name, base);
    for (uint32_t i = 0; i < b->windows; i++) {
        const struct bus_window *w = &b->window[i];
        if (w->space == space && base < (uint64_t)w->base + w->length && w->base < end)
            return err_set(e, EXIT_BUG, "bus: %s at %X overlaps %s", d->ops->name, base, w->device->ops->name);
    }
    b->window[b->windows++] = (struct bus_window){ d, base, length, offset, (uint8_t)space };
    find_plain(b);
    if (space == BUS_PORT)
        for (uint32_t p = base; p < base + length; p++) b->port_owner[p] = (uint8_t)b->windows;
    return true;
}

void bus_place(struct bus *b, struct device *d, uint32_t base, uint32_t length)
{
    for (uint32_t i = 0; i < b->windows; i++) {
        struct bus_window *w = &b->window[i];
        if (w->space != BUS_MEM || w->device != d) continue;
        w->base = base;
        w->length = length;
    }
    find_plain(b);
}

bool bus_move_ports(struct bus *b, struct device *d, uint32_t offset, uint32_t base, uint32_t length)
{
    uint32_t i = 0;
    for (; i < b->windows; i++) {
        const struct bus_window *w = &b->window[i];
        if (w->space == BUS_PORT && w->device == d && w->offset == offset) break;
    }
    if (i == BUS_WINDOWS || base + length > 0x10000) return false;
    if (i == b->windows) b->windows++;
    b->window[i] = (struct bus_window){ d, base, length, offset, BUS_PORT };
    uint8_t me = (uint8_t)(i + 1);
    for (uint32_t p = 0; p < 0x10000; p++)
        if (b->port_owner[p] == me) b->port_owner[p] = 0;
    for (uint32_t p = base; base && p < base + length; p++)
        if (!b->port_owner[p]) b->port_owner[p] = me;
    return true;
}

void bus_take_ports(struct bus *b, struct device *d, uint32_t first, uint32_t count)
{
    uint32_t i = 0;
    while (i < b->windows && (b->window[i].device != d || b->window[i].space != BUS_PORT)) i++;
    if (i == BUS_WINDOWS) return;
    if (i == b->windows) b->window[b->windows++] = (struct bus_window){ d, 0, 0x10000, 0, BUS_PORT };
    for (uint32_t p = first; p < first + count && p < 0x10000; p++) {
        b->port_owner[p] = (uint8_t)(i + 1);
        if (p < BUS_LATCHES) b->latch[p] = (struct bus_latch){ 0 };
    }
}

void bus_listen(struct bus *b, struct bus_listener l)
{
    while (b->parent) b = b->parent;
    if (b->listeners < BUS_LISTENERS) b->listener[b->listeners++] = l;
}

/* Follows the frame maps down to the bus that owns the RAM. */
static const struct bus *owner_of(const struct bus *b, hpa_t at, uint32_t *frame)
{
    uint32_t f = at.v >> PAGE_SHIFT;
    for (; b; b = b->parent) {
        if (f >= b->frames) return NULL;
        if (!b->parent) {
            *frame = f;
            return b;
        }
        f = b->map[f];
        if (f == FRAME_NONE) return NULL;
    }
    return NULL;
}

bool bus_own(struct bus *b, hpa_t at, bool write)
{
    uint32_t n = at.v >> PAGE_SHIFT;
    if (n >= b->frames) return false;
    if (!b->parent) return true;
    uint32_t f = b->map[n];
    if (f != FRAME_NONE && !(write && (b->parent->marks[f] & FRAME_SHARED))) return true;
    return b->backing.own && b->backing.own(b->backing.self, n, write);
}

/* ---- firmware ---- */

void bus_fit_option_rom(struct bus *b, unsigned first, const uint8_t *bytes, uint32_t size)
{
    for (uint32_t n = 0; n < size / PAGE_SIZE && first + n < SHADOW_PAGES; n++)
        b->firmware.low[first + n] = bytes + (size_t)n * PAGE_SIZE;
}

void bus_fit_high_rom(struct bus *b, const uint8_t *chip, uint32_t size)
{
    b->firmware.chip = chip;
    b->firmware.size = size;
    find_plain(b);
}

void bus_fit_rom(struct bus *b, const uint8_t *chip, uint32_t size)
{
    uint32_t mirrored = size < ROM_MIRROR ? size : ROM_MIRROR;
    bus_fit_option_rom(b, SHADOW_PAGES - mirrored / PAGE_SIZE, chip + (size - mirrored), mirrored);
    bus_fit_high_rom(b, chip, size);
}

bool bus_move_card(struct bus *b, uint32_t at)
{
    bool changed = b->firmware.card_at != at;
    b->firmware.card_at = at;
    find_plain(b);
    return changed;
}

bool bus_shadow(struct bus *b, unsigned first, unsigned count, unsigned access)
{
    bool changed = false;
    for (unsigned n = first; n < first + count && n < SHADOW_PAGES; n++) {
        changed |= b->firmware.ram[n] != access;
        b->firmware.ram[n] = (uint8_t)access;
    }
    return changed;
}

/* Which of SHADOW_READ and SHADOW_WRITE reach RAM here, if there is any. */
static unsigned reaches_ram(const struct bus *b, hpa_t at)
{
    uint32_t n = (at.v - SHADOW_BASE) >> PAGE_SHIFT;
    return n < SHADOW_PAGES ? b->firmware.ram[n] : SHADOW_RAM;
}

/* The ROM's page that is read at an address, or NULL. */
static const uint8_t *rom_page(const struct bus *b, hpa_t at)
{
    const struct bus_firmware *f = &b->firmware;
    uint32_t n = (at.v - SHADOW_BASE) >> PAGE_SHIFT;
    if (n < SHADOW_PAGES) return f->ram[n] & SHADOW_READ ? NULL : f->low[n];
    if (f->card_at && (at.v & PAGE_MASK) - f->card_at < f->card_size) return f->card + ((at.v & PAGE_MASK) - f->card_at);
    uint32_t below_top = 0 - (at.v & PAGE_MASK); /* of 4 GB; 0: at address 0 */
    if (below_top > f->size && below_top > ALIAS_BELOW && below_top <= ALIAS_BELOW + ROM_MIRROR) below_top -= ALIAS_BELOW;
    return below_top && below_top <= f->size ? f->chip + (f->size - below_top) : NULL;
}

struct bus *bus_owner(struct bus *b, hpa_t at, uint32_t *frame)
{
    if (reaches_ram(b, at) != SHADOW_RAM) return NULL;
    return (struct bus *)owner_of(b, at, frame); /* `b` was not const, so neither are its parents */
}

uint8_t *bus_page(const struct bus *b, hpa_t at)
{
    uint32_t f;
    if (bus_plain(b, at)) return b->ram + (at.v & PAGE_MASK);
    if (at.v - b->mapped_first < b->mapped_bytes || at.v < b->low_bytes) {
        f = at.v >> PAGE_SHIFT;
        if (!b->parent) return b->ram + (size_t)f * PAGE_SIZE;
        f = b->map[f];
        if (f < b->parent->frames) return b->parent->ram + (size_t)f * PAGE_SIZE;
    }
    const uint8_t *rom = rom_page(b, at);
    if (rom) return (uint8_t *)(uintptr_t)rom; /* FRAME_ROM keeps everybody from writing to it */
    const struct bus *o = reaches_ram(b, at) & SHADOW_READ ? owner_of(b, at, &f) : NULL;
    if (!o && b->backing.look) return (uint8_t *)(uintptr_t)b->backing.look(b->backing.self, at.v >> PAGE_SHIFT); /* stores go by the bus */
    return o ? o->ram + (size_t)f * PAGE_SIZE : NULL;
}

uint8_t bus_marks(const struct bus *b, hpa_t at)
{
    uint32_t f;
    if (bus_plain(b, at)) return b->marks[at.v >> PAGE_SHIFT];
    if (reaches_ram(b, at) != SHADOW_RAM || rom_page(b, at)) return FRAME_ROM;
    const struct bus *o = owner_of(b, at, &f);
    return o ? o->marks[f] : 0;
}

void bus_mark(struct bus *b, hpa_t at, uint8_t set)
{
    uint32_t f;
    struct bus *o = bus_owner(b, at, &f);
    if (o) o->marks[f] |= set;
}

void bus_unmark(struct bus *b, hpa_t at, uint8_t clear)
{
    uint32_t f;
    struct bus *o = bus_owner(b, at, &f);
    if (o) o->marks[f] &= (uint8_t)~clear;
}

static const struct bus_window *window_at(const struct bus *b, uint32_t address)
{
    if (is_plain(b, address, address)) return NULL;
    for (uint32_t i = 0; i < b->windows; i++) {
        const struct bus_window *w = &b->window[i];
        if (w->space == BUS_MEM && address - w->base < w->length) return w;
    }
    return NULL;
}

bool bus_windowed(const struct bus *b, hpa_t at)
{
    uint32_t first = at.v & PAGE_MASK, last = first | (PAGE_SIZE - 1);
    if (is_plain(b, first, last)) return false;
    for (uint32_t i = 0; i < b->windows; i++) {
        const struct bus_window *w = &b->window[i];
        if (w->space == BUS_MEM && w->length && w->base <= last && w->base + (w->length - 1) >= first) return true;
    }
    return false;
}

static uint32_t ones(unsigned size) { return size == 4 ? UINT32_MAX : (1u << (size * 8)) - 1; }

uint32_t bus_read(struct bus *b, hpa_t at, unsigned size)
{
    const struct bus_window *w = bus_plain(b, at) ? NULL : window_at(b, at.v);
    if (w) return w->device->ops->read(w->device, at.v - w->base + w->offset, size) & ones(size);
    if (b->backing.own) (void)bus_own(b, at, false);
    const uint8_t *page = bus_page(b, at);
    if (!page) return ones(size);
    uint32_t v = 0;
    const uint8_t *byte = page + (at.v & (PAGE_SIZE - 1));
    if (size == 4) memcpy(&v, byte, 4); /* page-table entries: no call */
    else memcpy(&v, byte, size);
    return v;
}

static void store(struct bus *b, hpa_t at, const void *from, unsigned size)
{
    uint32_t f;
    if (b->backing.own && !bus_own(b, at, true)) return;
    struct bus *o = (struct bus *)owner_of(b, at, &f);
    if (!o || !(reaches_ram(b, at) & SHADOW_WRITE)) return;
    uint32_t off = at.v & (PAGE_SIZE - 1);
    uint8_t *to = o->ram + (size_t)f * PAGE_SIZE + off;
    if (size == 4) memcpy(to, from, 4);
    else memcpy(to, from, size);
    o->marks[f] |= FRAME_DIRTY;
    if (o->marks[f] & FRAME_CODE)
        for (uint32_t i = 0; i < o->listeners; i++) o->listener[i].code_write(o->listener[i].self, f, off, size);
}

static bool log_store(struct bus *b, hpa_t at, unsigned size, uint32_t value)
{
    struct bus_log *l = b->log;
    if (l->n == BUS_LOG) {
        l->lost++;
        return false;
    }
    l->w[l->n].at = at;
    l->w[l->n].size = (uint8_t)size;
    l->w[l->n].tag = b->log_tag;
    l->w[l->n].old = bus_read(b, at, size);
    l->w[l->n].new = value & ones(size);
    l->n++;
    return true;
}

void bus_write(struct bus *b, hpa_t at, unsigned size, uint32_t value)
{
    const struct bus_window *w = window_at(b, at.v);
    if (w) w->device->ops->write(w->device, at.v - w->base + w->offset, size, value & ones(size));
    else if (!b->log || log_store(b, at, size, value)) store(b, at, &value, size);
}

void bus_log_undo(struct bus *b)
{
    struct bus_log *l = b->log;
    while (l->n) {
        l->n--;
        store(b, l->w[l->n].at, &l->w[l->n].old, l->w[l->n].size);
    }
    l->lost = 0;
}

bool bus_peek(const struct bus *b, hpa_t at, void *to, size_t n)
{
    uint8_t *out = to;
    while (n) {
        const uint8_t *page = bus_page(b, at);
        if (!page) return false;
        uint32_t off = at.v & (PAGE_SIZE - 1);
        if (n == 4 && off <= PAGE_SIZE - 4) { /* entries of tables: no call */
            memcpy(out, page + off, 4);
            return true;
        }
        size_t chunk = n < PAGE_SIZE - off ? n : PAGE_SIZE - off;
        memcpy(out, page + off, chunk);
        out += chunk, n -= chunk, at.v += (uint32_t)chunk;
    }
    return true;
}

bool bus_poke(struct bus *b, hpa_t at, const void *from, size_t n)
{
    const uint8_t *in = from;
    while (n) {
        if (!bus_page(b, at)) return false;
        uint32_t off = at.v & (PAGE_SIZE - 1);
        size_t chunk = n < PAGE_SIZE - off ? n : PAGE_SIZE - off;
        store(b, at, in, (unsigned)chunk);
        in += chunk, n -= chunk, at.v += (uint32_t)chunk;
    }
    return true;
}

/* Reads or writes one port through its window; the window must hold the whole access. */
static const struct bus_window *port_window(const struct bus *b, uint16_t port, unsigned size)
{
    unsigned owner = b->port_owner[port];
    if (!owner) return NULL;
    const struct bus_window *w = &b->window[owner - 1];
    return port + size <= w->base + w->length ? w : NULL;
}

static void port_latency(struct bus *b)
{
    b->clock->now += b->port_cycles;
}

uint32_t bus_in(struct bus *b, uint16_t port, unsigned size)
{
    port_latency(b);
    const struct bus_window *w = port_window(b, port, size);
    if (w) return w->device->ops->read(w->device, port - w->base + w->offset, size) & ones(size);
    if (size == 1) return 0xFF;
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) {
        uint16_t at = (uint16_t)(port + i);
        const struct bus_window *byte = port_window(b, at, 1);
        uint32_t x = byte ? byte->device->ops->read(byte->device, at - byte->base + byte->offset, 1) & 0xFF : 0xFF;
        v |= x << (8 * i);
    }
    return v;
}

void bus_out(struct bus *b, uint16_t port, unsigned size, uint32_t value)
{
    port_latency(b);
    const struct bus_window *w = port_window(b, port, size);
    if (w) {
        w->device->ops->write(w->device, port - w->base + w->offset, size, value & ones(size));
        return;
    }
    for (unsigned i = 0; i < size && size > 1; i++) {
        uint16_t at = (uint16_t)(port + i);
        const struct bus_window *byte = port_window(b, at, 1);
        if (byte) byte->device->ops->write(byte->device, at - byte->base + byte->offset, 1, (value >> (8 * i)) & 0xFF);
    }
}

void bus_refer(struct bus *b, hpa_t at, unsigned n, bool write)
{
    uint32_t frame;
    const struct bus *o = bus_owner(b, at, &frame);
    if (o && o->refer.access) o->refer.access(o->refer.self, frame << PAGE_SHIFT | (at.v & (PAGE_SIZE - 1)), n, write);
}
