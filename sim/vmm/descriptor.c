/* See descriptor.h. */
#include "sim/vmm/descriptor.h"

#include <string.h>
#include "sim/cpu/mem.h"
#include "sim/vmm/vm.h"

enum { HIGH_P = 1u << 15, HIGH_S = 1u << 12, HIGH_CODE = 1u << 11, HIGH_DOWN = 1u << 10, HIGH_ACCESSED = 1u << 8,
       HIGH_DPL = 3u << 13, HIGH_BIG = 1u << 22, HIGH_G = 1u << 23 };

static uint32_t base_of(struct descriptor d) { return d.low >> 16 | (d.high & 0xFF) << 16 | (d.high & 0xFF000000u); }
static uint32_t limit_of(struct descriptor d)
{
    uint32_t limit = (d.low & 0xFFFF) | (d.high & 0xF0000);
    return d.high & HIGH_G ? limit << 12 | 0xFFF : limit;
}

static bool is_down(struct descriptor d) { return !(d.high & HIGH_CODE) && (d.high & HIGH_DOWN); }
static bool is_user_code(struct descriptor d)
{
    return (d.high & (HIGH_P | HIGH_S | HIGH_CODE | HIGH_DOWN | HIGH_DPL)) == (HIGH_P | HIGH_S | HIGH_CODE | HIGH_DPL);
}

static bool is_conforming(struct descriptor d)
{
    return (d.high & (HIGH_P | HIGH_S | HIGH_CODE | HIGH_DOWN)) == (HIGH_P | HIGH_S | HIGH_CODE | HIGH_DOWN);
}

/* Code of the guest's ring 1, which is interpreted because compression has taken that ring. */
static bool is_inner_code(struct descriptor d)
{
    return (d.high & (HIGH_S | HIGH_CODE | HIGH_DOWN | HIGH_DPL)) == (HIGH_S | HIGH_CODE | 1u << 13);
}

bool descriptor_runnable(struct descriptor d)
{
    if (!(d.high & HIGH_P) || !(d.high & HIGH_S)) return false;
    if (is_down(d)) { /* offsets limit+1 up to FFFF or FFFFFFFF */
        uint64_t end = (uint64_t)base_of(d) + (d.high & HIGH_BIG ? 0xFFFFFFFFu : 0xFFFFu);
        return end < WINDOW_BASE;
    }
    return base_of(d) <= WINDOW_BASE - (d.high & HIGH_G ? PAGE_SIZE : 1u); /* room for the smallest limit there is */
}

/* Cuts an expand-up segment so that its last byte lies below the window. */
static struct descriptor cut(struct descriptor d)
{
    uint32_t base = base_of(d), room = WINDOW_BASE - 1 - base;
    if (limit_of(d) <= room) return d;
    uint32_t units = d.high & HIGH_G ? ((room + 1) >> 12) - 1 : room; /* a limit of n pages ends at n*4096+4095 */
    d.low = (d.low & 0xFFFF0000u) | (units & 0xFFFF);
    d.high = (d.high & ~0xF0000u) | (units & 0xF0000);
    return d;
}

struct descriptor descriptor_shadow(struct descriptor d, bool user_code)
{
    if (!(d.high & HIGH_S) || ((d.high & HIGH_P) && !descriptor_runnable(d))) {
        d.high &= ~(uint32_t)HIGH_P;
        return d;
    }
    bool conforming = (d.high & HIGH_CODE) && (d.high & HIGH_DOWN);
    if (!(d.high & HIGH_DPL) && !conforming) d.high |= 1u << 13;
    if (is_user_code(d) && !user_code) d.high &= ~(uint32_t)HIGH_P;
    return is_down(d) || !(d.high & HIGH_P) ? d : cut(d);
}

uint32_t descriptor_shadow_limit(struct descriptor d) { return limit_of(descriptor_shadow(d, true)); }

static struct table_reg table_of(const struct vcpu *v, bool ldt)
{
    if (!ldt) return v->virt.gdtr;
    return (struct table_reg){ v->virt.ldtr.base, (uint16_t)(v->virt.ldtr.sel & ~3u ? v->virt.ldtr.limit : 0) };
}

static bool has_table(const struct vcpu *v, bool ldt) { return !ldt || (v->virt.ldtr.sel & ~3u && v->virt.ldtr.ar); }

static bool read_guest(const struct vcpu *v, uint32_t lin, struct descriptor *d)
{
    uint32_t words[2];
    bool within = (lin & (PAGE_SIZE - 1)) <= PAGE_SIZE - sizeof words;
    const uint8_t *host = within ? mmu_see(&v->virt_mmu, gva(lin), ACCESS_READ) : NULL;
    if (host) {
        memcpy(d, host, sizeof *d);
        return true;
    }
    if (vcpu_peek(v, gva(lin), ACCESS_READ, words, sizeof words) != sizeof words) return false;
    *d = (struct descriptor){ words[0], words[1] };
    return true;
}

bool descriptor_guest(struct vcpu *v, uint16_t selector, struct descriptor *d)
{
    bool ldt = selector & 4;
    struct table_reg t = table_of(v, ldt);
    uint32_t offset = selector & ~7u;
    if (!has_table(v, ldt) || offset + 7 > t.limit) return false;
    return read_guest(v, t.base + offset, d);
}

static void put_shadow(struct vcpu *v, bool ldt, uint32_t offset, struct descriptor d)
{
    struct bus *machine = v->vmm->board.bus;
    uint32_t at = (ldt ? WINDOW_LDT : WINDOW_GDT) + offset;
    bus_refer(machine, window_hpa(&v->window, at), 8, true);
    bus_write(machine, window_hpa(&v->window, at), 4, d.low);
    bus_write(machine, window_hpa(&v->window, at + 4), 4, d.high);
    clock_charge(v->vmm->board.clock, CAUSE_SHADOW, v->vmm->board.model->cost[COST_TABLE_SYNC]);
}

/* Code that rings 0 and 3 both reach, or only ring 3, comes and goes with the ring the guest runs in; it is remembered. */
static bool is_noted(const struct user_code *u, uint16_t selector)
{
    unsigned i = 0;
    while (i < u->n && u->selector[i] != selector) i++;
    return i < u->n;
}

static void note_user_code(struct vcpu *v, uint16_t selector, struct descriptor d)
{
    struct user_code *u = &v->user_code;
    if (!is_user_code(d) && !is_conforming(d)) return;
    if (!is_noted(u, selector) && u->n < VCPU_USER_CODE) u->selector[u->n++] = selector;
}

/* The shadow while nobody is about to load it: a first load shall come to us, and so shall a kernel's return to user code,
 * which may be conforming code, and to ring-1 code, which the real CPU would take for a return within the ring (no SS:ESP popped). What there was no room to note would not be taken away again, so it is never present. */
static struct descriptor resting_shadow(const struct vcpu *v, uint16_t selector, struct descriptor d)
{
    bool present = v->user_code.present && is_noted(&v->user_code, selector);
    struct descriptor s = descriptor_shadow(d, present);
    bool first = (d.high & HIGH_S) && !(d.high & HIGH_ACCESSED);
    if (first || is_inner_code(d) || segments_held(v, selector) || (is_conforming(d) && !present)) s.high &= ~(uint32_t)HIGH_P;
    return s;
}

static void sync_entry(struct vcpu *v, bool ldt, uint32_t offset)
{
    struct table_reg t = table_of(v, ldt);
    struct descriptor d = { 0, 0 };
    if (!ldt && offset >= WINDOW_FIRST_SELECTOR) return; /* the hypervisor's own; a guest that goes so far finds nothing */
    if (!ldt && offset == 0) { /* the null descriptor is never used; what the guest keeps there is its own business */
    } else if (has_table(v, ldt) && offset + 7 <= t.limit && !read_guest(v, t.base + offset, &d)) d = (struct descriptor){ 0, 0 };
    uint16_t selector = (uint16_t)(offset | (ldt ? 4u : 0u));
    note_user_code(v, selector, d);
    put_shadow(v, ldt, offset, resting_shadow(v, selector, d));
}

static void put_if_other(struct vcpu *v, uint16_t selector, struct descriptor s)
{
    struct descriptor was;
    uint32_t at = (selector & 4 ? WINDOW_LDT : WINDOW_GDT) + (selector & ~7u);
    bus_peek(v->vmm->board.bus, window_hpa(&v->window, at), &was, sizeof was);
    if (s.low != was.low || ((s.high ^ was.high) & ~(uint32_t)HIGH_ACCESSED)) put_shadow(v, selector & 4, selector & ~7u, s);
}

static bool has_slot(uint16_t selector) { return (selector & ~3u) && ((selector & 4) || selector < WINDOW_FIRST_SELECTOR); }

static bool of_guest(struct vcpu *v, uint16_t selector, struct descriptor *d)
{
    return has_slot(selector) && descriptor_guest(v, selector, d);
}

void descriptor_ready(struct vcpu *v, uint16_t selector)
{
    struct descriptor d;
    if (!of_guest(v, selector, &d)) return;
    if (d.high & HIGH_S) d.high |= HIGH_ACCESSED;
    note_user_code(v, (uint16_t)(selector & ~3u), d);
    put_if_other(v, selector, descriptor_shadow(d, true));
}

void descriptor_rest(struct vcpu *v, uint16_t selector)
{
    struct descriptor d = { 0, 0 };
    if (!of_guest(v, selector, &d)) d = (struct descriptor){ 0, 0 };
    if (has_slot(selector)) put_if_other(v, selector, resting_shadow(v, (uint16_t)(selector & ~3u), d));
}

void descriptor_lend(struct vcpu *v, uint16_t selector, struct descriptor d)
{
    if (has_slot(selector)) put_shadow(v, selector & 4, selector & ~7u, descriptor_shadow(d, true));
}

static bool is_walked(const struct vcpu *v, uint32_t frame)
{
    for (unsigned i = 0; i < v->walked.n; i++)
        if (v->walked.frame[i] == frame) return true;
    return false;
}

/* Shadow tables are only as good as the hypervisor's ear for stores to what they stand for. A second level has none: so what this walk
 * has read is traced, too. */
static void trace_walk(struct vcpu *v, const struct xlat *x)
{
    struct walk_trace *w = &v->walked;
    for (unsigned i = 0; i < x->refs && vcpu_two_dimensions(v); i++) {
        uint32_t frame = x->ref[i].at.v >> PAGE_SHIFT;
        if (is_walked(v, frame)) continue;
        if (w->frame[w->next] != FRAME_NONE && w->n == VCPU_WALK_PAGES)
            v->vmmu.ops->trace(&v->vmmu, gpa(w->frame[w->next] << PAGE_SHIFT), false);
        if (w->n < VCPU_WALK_PAGES) w->n++;
        w->frame[w->next] = frame;
        w->next = (w->next + 1) % VCPU_WALK_PAGES;
        v->vmmu.ops->trace(&v->vmmu, gpa(frame << PAGE_SHIFT), true);
    }
}

/* A store to a table that may no longer be one: if it is, the walk of now says so. */
static void walked_stored(struct vcpu *v, uint32_t frame)
{
    for (unsigned i = 0; i < v->walked.n; i++) {
        if (v->walked.frame[i] != frame) continue;
        v->walked.frame[i] = FRAME_NONE;
        v->vmmu.ops->trace(&v->vmmu, gpa(frame << PAGE_SHIFT), false);
        descriptor_recheck(v);
        return;
    }
}

bool descriptor_depends(const struct vcpu *v, uint32_t frame)
{
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < v->traced[k].n; i++)
            if (v->traced[k].frame[i] == frame) return true;
    return is_walked(v, frame);
}

/* Guest-physical page of every page of the table, traced; old traces are taken off. */
static void trace_table(struct vcpu *v, bool ldt)
{
    struct table_trace *tr = &v->traced[ldt];
    for (unsigned i = 0; i < tr->n; i++)
        if (tr->frame[i] != FRAME_NONE) v->vmmu.ops->trace(&v->vmmu, gpa(tr->frame[i] << PAGE_SHIFT), false);
    tr->n = 0;
    if (!has_table(v, ldt)) return;
    struct table_reg t = table_of(v, ldt);
    uint32_t first = t.base >> PAGE_SHIFT, last = (uint32_t)(((uint64_t)t.base + t.limit) >> PAGE_SHIFT);
    for (uint32_t page = first; page <= last && tr->n < VCPU_TABLE_PAGES; page++) {
        struct xlat x;
        struct fault f;
        bool ok = mmu_probe(&v->virt_mmu, gva(page << PAGE_SHIFT), ACCESS_READ, &x, &f);
        trace_walk(v, &x);
        tr->frame[tr->n++] = ok ? x.at.v >> PAGE_SHIFT : FRAME_NONE;
        if (ok) v->vmmu.ops->trace(&v->vmmu, gpa(x.at.v & PAGE_MASK), true);
    }
    tr->base = t.base;
    tr->limit = t.limit;
}

static void forget_user_code(struct vcpu *v, bool ldt)
{
    struct user_code *u = &v->user_code;
    unsigned keep = 0;
    for (unsigned i = 0; i < u->n; i++)
        if (((u->selector[i] & 4) != 0) != ldt) u->selector[keep++] = u->selector[i];
    u->n = keep;
}

static void sync_table(struct vcpu *v, bool ldt)
{
    uint32_t end = has_table(v, ldt) ? (uint32_t)table_of(v, ldt).limit + 1 : 0;
    uint32_t room = ldt ? 0x10000u : (uint32_t)WINDOW_FIRST_SELECTOR;
    if (end > room) end = room;
    forget_user_code(v, ldt);
    trace_table(v, ldt);
    for (uint32_t offset = 0; offset + 7 < end; offset += 8) sync_entry(v, ldt, offset);
    for (uint32_t offset = end & ~7u; offset < v->traced[ldt].shadow_end; offset += 8)
        put_shadow(v, ldt, offset, (struct descriptor){ 0, 0 });
    v->traced[ldt].shadow_end = end & ~7u;
}

void descriptor_sync_gdt(struct vcpu *v) { sync_table(v, false); }
void descriptor_sync_ldt(struct vcpu *v) { sync_table(v, true); }

void descriptor_recheck(struct vcpu *v)
{
    for (unsigned ldt = 0; ldt < 2; ldt++) {
        const struct table_trace *tr = &v->traced[ldt];
        for (unsigned i = 0; i < tr->n; i++) {
            struct xlat x;
            struct fault f;
            uint32_t page = (tr->base >> PAGE_SHIFT) + i;
            bool ok = mmu_probe(&v->virt_mmu, gva(page << PAGE_SHIFT), ACCESS_READ, &x, &f);
            trace_walk(v, &x);
            if ((ok ? x.at.v >> PAGE_SHIFT : FRAME_NONE) != tr->frame[i]) {
                sync_table(v, ldt);
                break;
            }
        }
    }
}

void descriptor_wrote(struct vcpu *v, uint32_t at, unsigned size)
{
    for (unsigned ldt = 0; ldt < 2; ldt++) {
        const struct table_trace *tr = &v->traced[ldt];
        for (unsigned i = 0; i < tr->n; i++) {
            if (tr->frame[i] != at >> PAGE_SHIFT) continue;
            uint32_t lin = (((tr->base >> PAGE_SHIFT) + i) << PAGE_SHIFT) | (at & (PAGE_SIZE - 1));
            int64_t from = (int64_t)lin - tr->base, to = from + size - 1;
            for (int64_t o = from & ~7; o <= to; o += 8)
                if (o >= 0 && o + 7 <= tr->limit) sync_entry(v, ldt, (uint32_t)o);
        }
    }
    walked_stored(v, at >> PAGE_SHIFT);
}

void descriptor_user_code(struct vcpu *v, bool present)
{
    struct user_code *u = &v->user_code;
    if (u->present == present) return;
    u->present = present;
    for (unsigned i = 0; i < u->n; i++) sync_entry(v, u->selector[i] & 4, u->selector[i] & ~7u);
}
