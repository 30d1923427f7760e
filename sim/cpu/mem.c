/* The slow half of memory accesses: whatever the compare with open pages or settled lines does not settle.
 *
 * Idea 1: check the segment, then translate, then access. An access that crosses a page translates both pages before a
 * byte moves, so that a fault leaves nothing half done.
 * Idea 2: a store may go straight to the host page only if the MMU just gave it a fast tag; in any other case (decoded
 * code in the frame, device window, a bus that logs) it goes over the bus, which tells those who must know.
 *
 * Idea 3: here, and only here, accesses are seen by those who watch: data breakpoints, and alignment checks in ring 3. Pages
 * and rings that somebody watches have no fast tags (debug_guard).
 *
 * SDM vol. 3A 3.4, 4.6, 5.3, 6.15 (#AC). Not modelled: split locks. */
#include "sim/cpu/mem.h"

#include "sim/cpu/segment.h"
#include "sim/trace/cause.h"

enum step cpu_raise(struct cpu *c, uint8_t vector)
{
    c->fault = (struct fault){ .vector = vector };
    return STEP_FAULT;
}

enum step cpu_raise_code(struct cpu *c, uint8_t vector, uint32_t code)
{
    c->fault = (struct fault){ .vector = vector, .has_code = true, .code = code };
    return STEP_FAULT;
}

/* One page's worth of an access. */
struct part {
    struct xlat x;
    uint32_t lin;
    unsigned n; /* bytes */
};

/* The page of a guest's virtual APIC has no fast tags; what is there is elsewhere, if it is not an exit. */
static bool to_apic(struct cpu *c, unsigned access, struct part *p)
{
    hpa_t at = p->x.at;
    if (!vmx_apic(c, at, p->n, access & ACCESS_WRITE ? VMX_APIC_WRITE : VMX_APIC_READ, &p->x.at)) return false;
    struct tlb_entry *e = tlb_data0(&c->dtlb, p->lin);
    if ((at.v & PAGE_MASK) == c->vmx.apic_page) tlb_shut(&c->dtlb, p->lin);
    for (unsigned k = 0; k < 4 && (at.v & PAGE_MASK) == c->vmx.apic_page; k++) e->tag[k] = TLB_NO_TAG;
    if (p->x.at.v != at.v) p->x.host = NULL;
    return true;
}

static bool translate(struct cpu *c, uint32_t lin, unsigned n, unsigned access, struct part *p)
{
    p->lin = lin;
    p->n = n;
    if (!c->env.translate(c->env.mmu, gva(lin), access, &p->x, &c->fault)) return false;
    debug_guard(c, lin);
    return !c->vmx.apic || to_apic(c, access, p);
}

/* Splits an access by pages and translates all of it. Returns the number of parts, 0 after a page fault. */
static unsigned split_pages(struct cpu *c, gva_t at, unsigned size, unsigned access, struct part part[2])
{
    unsigned here = PAGE_SIZE - (at.v & (PAGE_SIZE - 1));
    if (size <= here) return translate(c, at.v, size, access, &part[0]);
    if (!translate(c, at.v, here, access, &part[0])) return 0;
    return translate(c, at.v + here, size - here, access, &part[1]) ? 2 : 0;
}

/* Words and doublewords must lie at multiples of their size, which is judged last: a page fault comes first. What consists
 * of several (far pointers, pseudo-descriptors, frames) is judged word by word, which gives table 6-7. */
static unsigned split(struct cpu *c, gva_t at, unsigned size, unsigned access, struct part part[2])
{
    unsigned n = split_pages(c, at, size, access, part);
    bool odd = size <= 4 && (at.v & (size - 1)) && (access & ACCESS_USER) && debug_aligned(c);
    if (!n || !odd) return n;
    cpu_raise_code(c, VEC_AC, 0);
    return 0;
}

enum step mem_aligned(struct cpu *c, unsigned seg, uint32_t offset, unsigned size)
{
    bool odd = (c->seg[seg].base + offset) & (size - 1);
    return odd && c->cpl == 3 && debug_aligned(c) ? cpu_raise_code(c, VEC_AC, 0) : STEP_OK;
}

/* Perhaps a device saw the access, and armed a timer or raised its line: look at the next boundary. What happens in it happens at
 * this instruction, so EIP, which is that of a block's first while a handler runs, is this one's meanwhile. The old one is returned. */
static uint32_t device_touched(struct cpu *c)
{
    uint32_t eip = c->eip;
    c->break_at = 0;
    if (c->blocks) c->eip += (c->site - (c->seg[SEG_CS].base + eip)) & (PAGE_SIZE - 1);
    return eip;
}

static bool in_memory(const struct cpu *c, const struct part *p)
{
    return !p->x.absent && (p->x.host || (!bus_windowed(c->env.bus, p->x.at) && bus_page(c->env.bus, p->x.at)));
}

/* The local APIC is on the processor's own die; everything else is across a bus. SDM vol. 3A 8.4.1 */
static uint64_t device_time(const struct cpu *c, hpa_t at)
{
    bool apic = c->apic_base & APIC_BASE_ENABLE && (at.v & PAGE_MASK) == (c->apic_base & PAGE_MASK);
    return apic ? c->model->cost[COST_APIC] : c->env.bus->memory_cycles;
}

/* Where caches are modelled: the time it takes, which is the line's way to the first level, or a transaction on the bus. A virtual
 * APIC's register takes both: the microcode that the real one takes, and its page, which is read again to compare what was stored. */
static void wait_for(struct cpu *c, const struct part *p, bool write)
{
    if (!c->timed) return;
    bool apic = c->vmx.apic && (p->x.at.v & PAGE_MASK) == c->vmx.virtual_apic;
    if (apic) clock_charge(c->clock, CAUSE_STALL, c->model->cost[COST_APIC] + (write ? c->model->cost[COST_LOAD] : 0u));
    if (in_memory(c, p)) c->env.touch(c->env.mmu, p->x.at, p->n, write);
    else clock_charge(c->clock, CAUSE_STALL, device_time(c, p->x.at));
}

static uint32_t bus_part(struct cpu *c, const struct part *p)
{
    uint32_t v = 0;
    if (p->x.absent) return p->n == 4 ? UINT32_MAX : (1u << 8 * p->n) - 1;
    uint32_t eip = device_touched(c);
    if (p->n != 3) v = bus_read(c->env.bus, p->x.at, p->n);
    else
        for (unsigned k = 0; k < p->n; k++) v |= bus_read(c->env.bus, hpa(p->x.at.v + k), 1) << (8 * k);
    c->eip = eip;
    return v;
}

static uint32_t read_part(struct cpu *c, const struct part *p)
{
    wait_for(c, p, false);
    return p->x.host ? host_load(p->x.host, p->n) : bus_part(c, p);
}

static void write_part(struct cpu *c, const struct part *p, bool user, uint32_t v)
{
    wait_for(c, p, true);
    if (p->x.host && tlb_tagged(&c->dtlb, p->lin, ACCESS_WRITE | (user ? ACCESS_USER : 0u))) {
        host_store(p->x.host, p->n, v);
        return;
    }
    if (p->x.absent) return;
    uint32_t eip = p->x.host ? c->eip : device_touched(c);
    if (p->n != 3) bus_write(c->env.bus, p->x.at, p->n, v);
    else
        for (unsigned k = 0; k < p->n; k++) bus_write(c->env.bus, hpa(p->x.at.v + k), 1, v >> (8 * k) & 0xFF);
    c->eip = eip;
}

uint8_t *mem_lines_at_hand(struct cpu *c, uint32_t lin, unsigned size, unsigned access)
{
    uint8_t *first = NULL;
    if ((lin ^ (lin + size - 1)) & PAGE_MASK) return NULL;
    for (uint32_t done = 0; done < size;) {
        uint32_t at = lin + done, most = LINE_SIZE - (at & (LINE_SIZE - 1)), n = size - done < most ? size - done : most;
        const struct line_tag *e = lines_find(&c->lines, (access & ACCESS_USER) != 0, at);
        if (e->tag[access & ACCESS_WRITE] != (at & LINE_MASK)) return NULL;
        if (!done) first = (uint8_t *)(e->base + lin);
        done += n;
    }
    return first;
}

/* The host bytes of an access that is at hand, or is after a miss that is soon made good. */
static inline uint8_t *filled_host(struct cpu *c, gva_t at, unsigned size, unsigned access)
{
    uint8_t *host = c->timed ? mem_at_hand(c, at.v, size, access) : tlb_use(&c->dtlb, at.v, size, access);
    bool within = !((at.v ^ (at.v + size - 1)) & (c->timed ? LINE_MASK : PAGE_MASK));
    return host || !within || !mem_refill(c, at, access) ? host : mem_at_hand(c, at.v, size, access);
}

enum step lin_read(struct cpu *c, gva_t at, unsigned size, bool user, uint32_t *value)
{
    const uint8_t *host = filled_host(c, at, size, ACCESS_READ | (user ? ACCESS_USER : 0));
    if (host) {
        *value = host_load(host, size);
        return STEP_OK;
    }
    struct part part[2];
    unsigned n = split(c, at, size, ACCESS_READ | (user ? ACCESS_USER : 0), part);
    if (!n) return STEP_FAULT;
    *value = read_part(c, &part[0]);
    if (n == 2) *value |= read_part(c, &part[1]) << (8 * part[0].n);
    points_access(c->points, at.v, size, POINT_READ);
    debug_data(c, at.v, size, false);
    return STEP_OK;
}

enum step lin_write(struct cpu *c, gva_t at, unsigned size, bool user, uint32_t value)
{
    uint8_t *host = filled_host(c, at, size, ACCESS_WRITE | (user ? ACCESS_USER : 0));
    if (host) {
        host_store(host, size, value);
        return STEP_OK;
    }
    struct part part[2];
    unsigned n = split(c, at, size, ACCESS_WRITE | (user ? ACCESS_USER : 0), part);
    if (!n) return STEP_FAULT;
    write_part(c, &part[0], user, value);
    if (n == 2) write_part(c, &part[1], user, value >> (8 * part[0].n));
    if (c->vmx.apic) vmx_tpr_stored(c);
    points_access(c->points, at.v, size, POINT_WRITE);
    debug_data(c, at.v, size, true);
    return STEP_OK;
}

enum step lin_probe_write(struct cpu *c, gva_t at, unsigned size, bool user)
{
    if (filled_host(c, at, size, ACCESS_WRITE | (user ? ACCESS_USER : 0))) return STEP_OK;
    struct part part[2];
    unsigned n = split(c, at, size, ACCESS_WRITE | (user ? ACCESS_USER : 0), part);
    for (unsigned k = 0; k < n; k++)
        if (c->timed && in_memory(c, &part[k])) wait_for(c, &part[k], true); /* the line comes now, not with the store */
    return n ? STEP_OK : STEP_FAULT;
}

/* Type and limit. A violation through SS is a stack fault. In real mode CS can be written, since its hidden type is data. */
static enum step check(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, bool write)
{
    const struct seg_reg *s = &c->seg[seg];
    bool type = write ? ar_writable(s->ar) : ar_readable(s->ar);
    if (type && seg_fits(s, offset, size)) return STEP_OK;
    return cpu_raise_code(c, seg == SEG_SS ? VEC_SS : VEC_GP, 0);
}

enum step mem_check_read(struct cpu *c, unsigned seg, uint32_t offset, unsigned size)
{
    return check(c, seg, offset, size, false);
}

enum step mem_read_slow(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t *value)
{
    enum step s = check(c, seg, offset, size, false);
    return s != STEP_OK ? s : lin_read(c, gva(c->seg[seg].base + offset), size, c->cpl == 3, value);
}

enum step mem_write_slow(struct cpu *c, unsigned seg, uint32_t offset, unsigned size, uint32_t value)
{
    enum step s = check(c, seg, offset, size, true);
    return s != STEP_OK ? s : lin_write(c, gva(c->seg[seg].base + offset), size, c->cpl == 3, value);
}

enum step mem_probe_write(struct cpu *c, unsigned seg, uint32_t offset, unsigned size)
{
    enum step s = check(c, seg, offset, size, true);
    return s != STEP_OK ? s : lin_probe_write(c, gva(c->seg[seg].base + offset), size, c->cpl == 3);
}

enum step mem_probe_read(struct cpu *c, unsigned seg, uint32_t offset, unsigned size)
{
    const struct seg_reg *s = &c->seg[seg];
    struct part part[2];
    if (!seg_fits(s, offset, size)) return cpu_raise_code(c, seg == SEG_SS ? VEC_SS : VEC_GP, 0);
    return split(c, gva(s->base + offset), size, c->cpl == 3 ? ACCESS_USER : ACCESS_READ, part) ? STEP_OK : STEP_FAULT;
}
