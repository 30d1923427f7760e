/* See detector.h. */
#include "sim/vmm/detector.h"

#include <stddef.h>
#include <string.h>

#include "sim/mmu/tlb.h"
#include "sim/vmm/lazy_fpu.h"
#include "sim/vmm/vm.h"

const char *const detector_fields[DETECTOR_FIELDS] = { "IF", "IOPL", "ZF", "flags", "register", "stored", "selector", "EIP",
                                                       "fault" };

/* Brings the probe to the state the guest believes in, at the instruction about to execute on the real CPU. */
static void prepare(struct vcpu *v, const struct cpu *c, const struct insn *i)
{
    struct cpu *p = &v->detector.probe;
    memcpy(p, &v->virt, offsetof(struct cpu, dtlb)); /* system registers, virtual IF and IOPL */
    memcpy(p->reg, c->reg, sizeof p->reg);
    p->eip = c->eip + i->at;
    cpu_set_flags(p, vcpu_virtual_flags(v, cpu_flags(c)));
    uint16_t sel[SEG_COUNT];
    for (unsigned s = 0; s < SEG_COUNT; s++) sel[s] = c->seg[s].sel;
    segments_copy(v, p, sel, c->cpl);
    p->fpu = lazy_fpu_state(v);
    p->ferr = (struct irq_line){ 0 };       /* the probe's pins lead nowhere */
    p->insns = v->virt.insns + 1;
    p->inhibit = 0;
    p->break_at = 0;
}

void detector_init(struct vcpu *v)
{
    struct bus *walks = &v->detector.walks, *vm = &v->vm->bus;
    *walks = (struct bus){ .parent = vm->parent, .frames = vm->frames, .clock = vm->clock, .map = vm->map,
                           .log = &v->detector.stores, .log_tag = 1 };
    struct cpu *p = &v->detector.probe;
    p->itlb.code = true;
    tlb_reset(&p->dtlb); /* a zeroed one would serve page 0, from nowhere */
    tlb_reset(&p->itlb);
}

static void before(void *self, const struct cpu *c, const struct insn *i)
{
    struct vcpu *v = self;
    struct detector *d = &v->detector;
    d->armed = false;
    if (c->cpl == 0) return; /* the hypervisor itself. User code counts: SGDT shows it the hypervisor's table, too */
    prepare(v, c, i);
    struct bus *bus = &v->vm->bus;
    struct mmu mmu = v->virt_mmu;           /* same tables, but the probe's own TLBs */
    mmu.bus = &d->walks;
    mmu.dtlb = &d->probe.dtlb;
    mmu.itlb = &d->probe.itlb;
    mmu_flush(&mmu, true);
    d->probe.env = v->virt.env;
    d->probe.env.mmu = &mmu;
    d->probe.env.invlpg = mmu_invlpg; /* of the copy: shadow tables are not to notice */
    const uint64_t now = v->virt_clock.now; /* looking costs nothing; a copy of the clock, with all its lanes, would cost the host 6 us */
    d->probe.clock = &v->virt_clock;
    d->probe.model = v->virt.model;
    d->probe.trace = NULL;
    d->probe.blocks = NULL;
    d->stores.n = d->stores.lost = 0;
    bus->log = &d->stores;
    d->eip = d->probe.eip;
    d->wanted = cpu_execute_one(&d->probe, NULL);
    v->virt_clock.now = now; /* its sums nobody reads */
    uint32_t n = d->stores.n;
    bus_log_undo(bus);
    d->stores.n = n; /* remembered for the comparison */
    bus->log = &v->stores;
    d->probe.env.mmu = NULL; /* it lived here only */
    d->armed = true;
}

struct difference { enum detector_field field; uint32_t wanted, got; };

static bool differ(struct difference *out, enum detector_field f, uint32_t wanted, uint32_t got)
{
    if (wanted == got) return false;
    *out = (struct difference){ f, wanted, got };
    return true;
}

/* Compares what virtual state was to become with what real execution left, in the guest's terms. */
static bool flags_differ(struct vcpu *v, const struct cpu *c, struct difference *out)
{
    uint32_t wanted = cpu_flags(&v->detector.probe), got = vcpu_virtual_flags(v, cpu_flags(c));
    return differ(out, FIELD_IF, (wanted & FLAG_IF) != 0, (got & FLAG_IF) != 0) ||
           differ(out, FIELD_IOPL, (wanted & FLAG_IOPL) >> 12, (got & FLAG_IOPL) >> 12) ||
           differ(out, FIELD_ZF, (wanted & FLAG_ZF) != 0, (got & FLAG_ZF) != 0) ||
           differ(out, FIELD_FLAGS, wanted, got);
}

static bool stores_differ(struct vcpu *v, struct difference *out)
{
    const struct bus_log *l = &v->detector.stores;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->w[i].tag) continue;
        uint32_t got = 0;
        bus_peek(&v->vm->bus, l->w[i].at, &got, l->w[i].size);
        if (differ(out, FIELD_STORED, l->w[i].new, got)) return true;
    }
    return false;
}

static bool selectors_differ(const struct cpu *wanted, const struct cpu *c, struct difference *out)
{
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        uint32_t got = c->seg[s].sel;
        if (s == SEG_CS || s == SEG_SS) got = (got & ~3u) | (c->cpl == 1 ? 0 : c->cpl);
        if (differ(out, FIELD_SELECTOR, wanted->seg[s].sel, got)) return true;
    }
    return false;
}

static bool find_difference(struct vcpu *v, const struct cpu *c, uint32_t eip, struct difference *out)
{
    const struct cpu *p = &v->detector.probe;
    if (v->detector.wanted == STEP_FAULT) {
        *out = (struct difference){ FIELD_FAULT, p->fault.vector, 0xFFFFFFFFu };
        return true;
    }
    if (flags_differ(v, c, out) || stores_differ(v, out)) return true;
    for (unsigned r = 0; r < 8; r++)
        if (differ(out, FIELD_REGISTER, p->reg[r], c->reg[r])) return true;
    return selectors_differ(p, c, out) || differ(out, FIELD_EIP, p->eip, eip);
}

static void after(void *self, const struct cpu *c, const struct insn *i, enum step result)
{
    struct vcpu *v = self;
    if (!v->detector.armed) return;
    v->detector.armed = false;
    if (result == STEP_FAULT || c->cpl == 0) return; /* it trapped: the hypervisor gets its chance */
    struct difference d;
    uint32_t next = result == STEP_OK ? c->eip + i->at + i->len : c->eip;
    bool loads_if = i->id == MN_POPF || i->id == MN_IRET;
    bool wants_if = loads_if && v->detector.wanted != STEP_FAULT && (v->detector.probe.eflags & FLAG_IF);
    if (!find_difference(v, c, next, &d)) {
        if (wants_if) v->detector.masked = 0;
        return;
    }
    struct event e = { .kind = EV_SILENT, .eip = v->detector.eip };
    e.u.SILENT.op = (uint8_t)i->id;
    e.u.SILENT.field = (uint8_t)d.field;
    e.u.SILENT.wanted = d.wanted;
    e.u.SILENT.got = d.got;
    uint32_t id = trace_emit(v->vmm->board.trace, &e);
    if (d.field == FIELD_IF) v->detector.masked = d.wanted ? 0 : id;
}

void detector_agreed(struct vcpu *v) { v->detector.masked = 0; }

struct cpu_observer detector_observer(struct vcpu *v) { return (struct cpu_observer){ before, after, v }; }
