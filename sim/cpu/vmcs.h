/* The VMCS in machine memory: vmcs.def as data, and the processor's own way to its fields.
 *
 * A field's place is this CPU's secret; software names it by its encoding. Widths: 16 and 32 bits and "natural" (32 bits on
 * this machine) take four bytes, 64 bits eight. SDM vol. 3B ch. 20. */
#ifndef CPU_VMCS_H
#define CPU_VMCS_H

#include "sim/cpu/mem.h"

enum { VMCS_REVISION = 0, VMCS_ABORT = 4, VMCS_LAUNCHED = 8, VMCS_SIZE = 4096 }; /* in front of the fields */

/* VMCS_NAME: where the field lies. */
enum vmcs_offset {
#define VMCS(NAME, encoding, offset, since, about) VMCS_##NAME = offset,
#include "sim/cpu/vmcs.def"
#undef VMCS
};

/* VMX_FIELD_NAME: how software names it. */
enum vmcs_encoding {
#define VMCS(NAME, encoding, offset, since, about) VMX_FIELD_##NAME = encoding,
#include "sim/cpu/vmcs.def"
#undef VMCS
};

enum vmcs_width { VMCS_16, VMCS_64, VMCS_32, VMCS_NATURAL };
enum vmcs_area { VMCS_CONTROLS, VMCS_INFORMATION, VMCS_GUEST, VMCS_HOST };

struct vmcs_field {
    const char *name, *about;
    uint16_t encoding, offset;
    uint8_t  since;     /* enum vmx_generation */
};
static inline enum vmcs_width vmcs_width(uint32_t encoding) { return (enum vmcs_width)(encoding >> 13 & 3); }
static inline enum vmcs_area vmcs_area(uint32_t encoding) { return (enum vmcs_area)(encoding >> 10 & 3); }

/* The field that VMREAD and VMWRITE mean by `encoding` (the upper half of a 64-bit one: bit 0 set) on a model of that
 * generation, or NULL. */
const struct vmcs_field *vmcs_find(uint32_t encoding, unsigned generation);
/* Where the field, or the upper half of one, lies. */
enum vmcs_offset vmcs_place(const struct vmcs_field *f, uint32_t encoding);
extern const struct vmcs_field vmcs_fields[]; /* ends with a NULL name */
/* Where a field that exists lies, by bits 14-13, 11-10 and 5-1 of its encoding: no index is larger. */
#define VMCS_SLOT(encoding) (((encoding) >> 6 & 0x180) | ((encoding) >> 5 & 0x60) | ((encoding) >> 1 & 0x1F))
enum { VMCS_SLOTS = 512 };
extern const uint16_t vmcs_places[VMCS_SLOTS];

/* Makes the region at a machine address the current VMCS. */
void     vmcs_select(struct cpu *c, uint32_t at);
/* Doublewords of the current VMCS. Its lines come by the caches. A transition accesses a few lines some hundred times: one that was
 * accessed is remembered, and its bytes are read and written at once until the first-level cache loses any (struct
 * lines.losses). */
uint32_t vmcs_get_slow(struct cpu *c, enum vmcs_offset field);
void     vmcs_set_slow(struct cpu *c, enum vmcs_offset field, uint32_t value);
static inline bool vmcs_settled(const struct cpu *c, enum vmcs_offset field, bool write)
{
    return c->vmx.settled_at == c->lines.losses && (c->vmx.settled[write] >> (field >> LINE_SHIFT) & 1);
}
static inline uint32_t vmcs_get(struct cpu *c, enum vmcs_offset field)
{
    return vmcs_settled(c, field, false) ? host_load(c->env.bus->ram + c->vmx.current + field, 4) : vmcs_get_slow(c, field);
}
static inline void vmcs_set(struct cpu *c, enum vmcs_offset field, uint32_t value)
{
    struct bus *b = c->env.bus;
    uint32_t at = c->vmx.current + field;
    if (vmcs_settled(c, field, true) && b->marks[at >> PAGE_SHIFT] == FRAME_DIRTY && !b->log) host_store(b->ram + at, 4, value);
    else vmcs_set_slow(c, field, value);
}
static inline uint64_t vmcs_get64(struct cpu *c, enum vmcs_offset field)
{
    return vmcs_get(c, field) | (uint64_t)vmcs_get(c, (enum vmcs_offset)(field + 4)) << 32;
}
static inline void vmcs_set64(struct cpu *c, enum vmcs_offset field, uint64_t value)
{
    vmcs_set(c, field, (uint32_t)value);
    vmcs_set(c, (enum vmcs_offset)(field + 4), (uint32_t)(value >> 32));
}
/* The current VMCS's bytes, if all of an area's fields may be accessed at once, and as long as nothing else refers to memory; else
 * NULL. vmcs_from and vmcs_to take either. */
enum { VMCS_PART_CONTROLS = 0x000F /* a bit a line of 64 bytes */, VMCS_PART_GUEST = 0x03C0, VMCS_PART_HOST = 0x3000 };
_Static_assert(VMCS_EPTP + 8 <= 4 * LINE_SIZE && VMCS_GUEST_ES >= 6 * LINE_SIZE && VMCS_PREEMPTION_TIMER + 4 <= 10 * LINE_SIZE &&
               VMCS_HOST_ES >= 12 * LINE_SIZE && VMCS_HOST_EIP + 4 <= 14 * LINE_SIZE, "lines of parts");
static inline uint8_t *vmcs_hand(const struct cpu *c, unsigned part, bool write)
{
    const struct bus *b = c->env.bus;
    bool settled = c->vmx.settled_at == c->lines.losses && !(part & ~c->vmx.settled[write]);
    bool unseen = !write || (b->marks[c->vmx.current >> PAGE_SHIFT] == FRAME_DIRTY && !b->log);
    return settled && unseen ? b->ram + c->vmx.current : NULL;
}
static inline uint32_t vmcs_from(struct cpu *c, const uint8_t *hand, enum vmcs_offset field)
{
    return hand ? host_load(hand + field, 4) : vmcs_get(c, field);
}
static inline void vmcs_to(struct cpu *c, uint8_t *hand, enum vmcs_offset field, uint32_t value)
{
    if (hand) host_store(hand + field, 4, value);
    else vmcs_set(c, field, value);
}
/* What VMREAD and VMWRITE do to the current VMCS in root operation, for a hypervisor whose body is C; the field must exist. */
static inline uint32_t vmcs_read(struct cpu *c, enum vmcs_encoding field)
{
    return vmcs_get(c, (enum vmcs_offset)(vmcs_places[VMCS_SLOT(field)] + (field & 1) * 4));
}
static inline void vmcs_write(struct cpu *c, enum vmcs_encoding field, uint32_t value)
{
    vmcs_set(c, (enum vmcs_offset)(vmcs_places[VMCS_SLOT(field)] + (field & 1) * 4), vmcs_width(field) == VMCS_16 ? value & 0xFFFF : value);
}
/* Segment registers by the manual's numbers (ES CS SS DS FS GS LDTR TR): fields of the same kind follow each other. */
static inline enum vmcs_offset vmcs_nth(enum vmcs_offset first, unsigned n) { return (enum vmcs_offset)(first + 4 * n); }
/* A doubleword of machine memory, as the processor's microcode accesses it: past segments and paging. */
uint32_t vmcs_peek(struct cpu *c, uint32_t at);
void     vmcs_poke(struct cpu *c, uint32_t at, uint32_t value);

#endif
