/* Memory as instructions see it: segmentation, then paging, then the bus.
 *
 * The fast path is one compare with the table of open pages (core/tlb.h), or, where caches are modelled, with that of lines to which
 * accesses are settled (core/lines.h); everything else (other ways, walks, page crossings, frames with decoded code, windows) is in
 * mem.c. All return STEP_OK or STEP_FAULT with c->fault set. Sizes are 1, 2 or 4 bytes.
 * SDM vol. 3A 3.4 (segments), 5.3 (limit checks), 4.6 (access rights). */
#ifndef CPU_MEM_H
#define CPU_MEM_H

#include <string.h>
#include "sim/cpu/cpu.h"
#include "sim/cpu/debug.h"

/* Sets c->fault; returns STEP_FAULT, so that handlers can `return cpu_raise(...)`. */
enum step cpu_raise(struct cpu *c, uint8_t vector);                     /* without error code */
enum step cpu_raise_code(struct cpu *c, uint8_t vector, uint32_t code);

/* By segment and offset, with the rights of the current CPL. #GP(0) or #SS(0) on limit or type, #PF from paging. */
enum step mem_read_slow(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t *value);
enum step mem_write_slow(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t value);
/* Checks that a later write to the same place will succeed (read-modify-write, pushes of several words). */
enum step mem_probe_write(struct cpu *c, unsigned seg, uint32_t offset, unsigned size);
/* Faults as a read would (but for its type check: any segment that fits will do), and reads nothing. */
enum step mem_probe_read(struct cpu *c, unsigned seg, uint32_t offset, unsigned size);
/* #AC(0) if alignment is checked and the address is no multiple of `size` (a power of two): for operands larger than the
 * 4 bytes that the functions above judge by themselves. To be asked after the access, or its probe, has succeeded. */
enum step mem_aligned(struct cpu *c, unsigned seg, uint32_t offset, unsigned size);

/* Type and limit for all of an operand that is read in several pieces: that comes before any page. */
enum step mem_check_read(struct cpu *c, unsigned seg, uint32_t offset, unsigned size);

/* By linear address. `user`: with the rights of ring 3; else as supervisor, which is how descriptor tables and TSS are read. */
enum step lin_read(struct cpu *c, gva_t at, unsigned size, bool user, uint32_t *value);
enum step lin_write(struct cpu *c, gva_t at, unsigned size, bool user, uint32_t value);
enum step lin_probe_write(struct cpu *c, gva_t at, unsigned size, bool user);

/* An access (enum access bits) to one page missed that table. True: that was simply made good, and it will hit. Else
 * nothing happened that the functions above would not do. */
static inline bool mem_refill(struct cpu *c, gva_t at, unsigned access)
{
    if (!c->env.fill || debug_watches(c) || !c->env.fill(c->env.mmu, at, access)) return false;
    if (!c->timed) tlb_open(&c->dtlb, at.v, access);
    return true;
}

/* Host bytes as a value and back. Spelled out by size: a call of memcpy for four bytes costs more than all the rest. */
static inline uint32_t host_load(const uint8_t *h, unsigned size)
{
    uint32_t v = 0;
    if (size == 4) memcpy(&v, h, 4);
    else if (size == 1) v = *h;
    else if (size == 2) memcpy(&v, h, 2);
    else memcpy(&v, h, size);
    return v;
}
static inline void host_store(uint8_t *h, unsigned size, uint32_t v)
{
    if (size == 4) memcpy(h, &v, 4);
    else if (size == 1) *h = (uint8_t)v;
    else if (size == 2) memcpy(h, &v, 2);
    else memcpy(h, &v, size);
}

/* The same beyond one line. */
uint8_t *mem_lines_at_hand(struct cpu *c, uint32_t lin, unsigned size, unsigned access);

/* Host bytes lin .. lin + size - 1 of one page, if nothing is to be done and nobody is to be told for this access (enum access
 * bits); else NULL. */
static inline uint8_t *mem_at_hand(struct cpu *c, uint32_t lin, unsigned size, unsigned access)
{
    if (c->timed) {
        const struct line_tag *e = lines_find(&c->lines, (access & ACCESS_USER) != 0, lin);
        if (e->tag[access & ACCESS_WRITE] == ((lin + size - 1) & LINE_MASK)) return (uint8_t *)(e->base + lin);
        return size > 4 ? mem_lines_at_hand(c, lin, size, access) : NULL;
    }
    return tlb_at_hand(&c->dtlb, lin, size, access);
}

/* A descriptor or gate: two doublewords that mostly are one access. */
static inline enum step lin_read_pair(struct cpu *c, gva_t at, uint32_t *low, uint32_t *high)
{
    const uint8_t *host = mem_at_hand(c, at.v, 8, ACCESS_READ);
    if (host) {
        *low = host_load(host, 4);
        *high = host_load(host + 4, 4);
        return STEP_OK;
    }
    if (lin_read(c, at, 4, false, low) != STEP_OK) return STEP_FAULT;
    return lin_read(c, gva(at.v + 4), 4, false, high);
}

static inline enum step mem_read(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t *value)
{
    const struct seg_reg *s = &c->seg[seg];
    const uint8_t *host = mem_at_hand(c, s->base + offset, size, c->cpl == 3 ? ACCESS_USER : 0);
    if (offset >= s->rd_end || !host) return mem_read_slow(c, seg, offset, size, value);
    *value = host_load(host, size);
    return STEP_OK;
}

static inline enum step mem_write(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t value)
{
    const struct seg_reg *s = &c->seg[seg];
    uint8_t *host = mem_at_hand(c, s->base + offset, size, ACCESS_WRITE | (c->cpl == 3 ? ACCESS_USER : 0));
    if (offset >= s->wr_end || !host) return mem_write_slow(c, seg, offset, size, value);
    host_store(host, size, value);
    return STEP_OK;
}

#endif
