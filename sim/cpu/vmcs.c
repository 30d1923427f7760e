/* See vmcs.h. The table is found through a small index by width, area and number, which is all an encoding is. */
#include "sim/cpu/vmcs.h"

#include <string.h>

const struct vmcs_field vmcs_fields[] = {
#define VMCS(NAME, encoding, offset, since, about) { #NAME, about, encoding, offset, VMX_##since },
#include "sim/cpu/vmcs.def"
#undef VMCS
    { NULL, NULL, 0, 0, 0 }
};

enum { MEANS = 0x6C3E /* bits that VMCS_SLOT keeps */ };
enum row {
#define VMCS(NAME, encoding, offset, since, about) ROW_##NAME,
#include "sim/cpu/vmcs.def"
#undef VMCS
    ROWS
};
_Static_assert(ROWS < UINT8_MAX, "rows fit a byte");
static const uint8_t slots[VMCS_SLOTS] = {
#define VMCS(NAME, encoding, offset, since, about) [VMCS_SLOT(encoding)] = 1 + ROW_##NAME,
#include "sim/cpu/vmcs.def"
#undef VMCS
};
const uint16_t vmcs_places[VMCS_SLOTS] = {
#define VMCS(NAME, encoding, offset, since, about) [VMCS_SLOT(encoding)] = offset,
#include "sim/cpu/vmcs.def"
#undef VMCS
};

const struct vmcs_field *vmcs_find(uint32_t encoding, unsigned generation)
{
    bool upper = encoding & 1;
    unsigned row = encoding & ~(uint32_t)(MEANS | 1) ? 0 : slots[VMCS_SLOT(encoding)];
    if (!row || (upper && vmcs_width(encoding) != VMCS_64)) return NULL;
    const struct vmcs_field *f = &vmcs_fields[row - 1];
    return f->since <= generation ? f : NULL;
}

enum vmcs_offset vmcs_place(const struct vmcs_field *f, uint32_t encoding)
{
    return (enum vmcs_offset)(f->offset + (encoding & 1 ? 4 : 0));
}

/* Fields are in memory, and come by the caches. */
static inline void refer(struct cpu *c, uint32_t at, bool write)
{
    if (c->timed) c->env.touch(c->env.mmu, hpa(at), 4, write);
}

uint32_t vmcs_peek(struct cpu *c, uint32_t at)
{
    const struct bus *b = c->env.bus;
    refer(c, at, false);
    return bus_plain(b, hpa(at)) ? host_load(b->ram + at, 4) : bus_read(c->env.bus, hpa(at), 4);
}

/* A frame that is marked as stored to, and nothing else, needs no bus to know of it. */
void vmcs_poke(struct cpu *c, uint32_t at, uint32_t value)
{
    struct bus *b = c->env.bus;
    refer(c, at, true);
    bool known = bus_plain(b, hpa(at)) && b->marks[at >> PAGE_SHIFT] == FRAME_DIRTY && !b->log;
    if (known) host_store(b->ram + at, 4, value);
    else bus_write(b, hpa(at), 4, value);
}

/* Where the north bridge may exchange ROM and RAM is no place for a VMCS, and is never plain. */
void vmcs_select(struct cpu *c, uint32_t at)
{
    uint32_t frame, hole = at - SHADOW_BASE;
    struct bus *b = c->env.bus;
    c->vmx.current = at;
    c->vmx.settled[0] = c->vmx.settled[1] = 0;
    c->vmx.plain = hole >= SHADOW_PAGES * PAGE_SIZE && !b->parent && !bus_windowed(b, hpa(at)) && bus_owner(b, hpa(at), &frame);
}

/* Behind a reference to one of its lines. What was written is settled for reading, too. */
static void settle(struct cpu *c, enum vmcs_offset field, bool write)
{
    struct vmx *v = &c->vmx;
    uint64_t line = UINT64_C(1) << (field >> LINE_SHIFT);
    if (v->settled_at != c->lines.losses) v->settled[0] = v->settled[1] = 0;
    v->settled_at = c->lines.losses;
    v->settled[0] |= line;
    v->settled[1] |= write ? line : 0;
}

uint32_t vmcs_get_slow(struct cpu *c, enum vmcs_offset field)
{
    uint32_t at = c->vmx.current + field;
    if (!c->vmx.plain) return vmcs_peek(c, at);
    refer(c, at, false);
    settle(c, field, false);
    return host_load(c->env.bus->ram + at, 4);
}

void vmcs_set_slow(struct cpu *c, enum vmcs_offset field, uint32_t value)
{
    vmcs_poke(c, c->vmx.current + field, value);
    if (c->vmx.plain) settle(c, field, true);
}
