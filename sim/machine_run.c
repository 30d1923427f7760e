/* Running a machine: until a condition, a limit or its end; and going to any moment of its past. See machine.h. */
#include <string.h>
#include "sim/board.h"
#include "sim/core/policy.h"

/* --- conditions --- */

static bool event_matches(const struct till *t, const struct event *e)
{
    if (e->kind != t->a) return false;
    return !t->masked || event_field(e, &event_desc(e->kind)->field[t->field]) == t->value;
}

/* The parts of a run's own copy of a condition may be written to. */
static struct till *part(struct till *t) { return (struct till *)t->sub; }

enum { ALL_MOST = 64, PARTS_MOST = 96 }; /* members of a TILL_ALL, parts of a condition in all */

/* Is the condition true now? `e`: the event just emitted, or NULL at an instruction boundary. Each TILL_ALL keeps in its
 * `value`, a bit each, which of its members have come true. */
static bool holds(const struct machine *m, struct till *t, const struct event *e)
{
    const struct board *b = m->b;
    struct machine_insn i;
    switch ((enum till_kind)t->kind) {
    case TILL_NEVER: return false;
    case TILL_EVENT: return e && event_matches(t, e);
    case TILL_LABEL: return !e && machine_place(m) != PLACE_VMM && machine_code(m) == t->a;
    case TILL_INSN:
        return !e && machine_place(m) != PLACE_VMM && machine_insn(m, gva(machine_code(m)), &i) &&
               i.id == t->a;
    case TILL_RING: return !e && b->cpu.cpl == t->a;
    case TILL_GUEST: return !e && machine_place(m) != PLACE_VMM;
    case TILL_CYCLES: return !e && b->clock.now >= t->value;
    case TILL_INSNS: return !e && b->cpu.insns >= t->value;
    case TILL_WRITE: {
        uint32_t now = 0;
        return !e && machine_peek(m, gva(t->a), &now, 4) && now != (uint32_t)t->value;
    }
    case TILL_ANY:
        for (unsigned s = 0; s < t->subs; s++)
            if (holds(m, &part(t)[s], e)) return true;
        return false;
    case TILL_ALL:
        for (unsigned s = 0; s < t->subs && s < ALL_MOST; s++)
            if (holds(m, &part(t)[s], e)) t->value |= (uint64_t)1 << s;
        return t->value == (t->subs >= ALL_MOST ? UINT64_MAX : ((uint64_t)1 << t->subs) - 1);
    }
    return false;
}

/* Has the condition a part of one of these kinds (a bit each)? */
static bool has(const struct till *t, unsigned kinds)
{
    bool any = kinds >> t->kind & 1;
    for (unsigned s = 0; s < t->subs && !any; s++) any = has(&t->sub[s], kinds);
    return any;
}

/* It must be looked at after every instruction; behind those that change the ring; now and then. */
enum { EACH = 1u << TILL_INSN, RINGS = 1u << TILL_RING | 1u << TILL_GUEST, WORDS = 1u << TILL_WRITE };

/* Addresses at which it must be looked at: at their execution, or when something is stored there. Returns how many there are by now. */
static unsigned places(const struct till *t, struct point *list, unsigned n)
{
    if (t->kind == TILL_LABEL && n <= PARTS_MOST) list[n++] = (struct point){ t->a, 1, POINT_EXEC };
    if (t->kind == TILL_WRITE && n <= PARTS_MOST) list[n++] = (struct point){ t->a, 4, POINT_WRITE };
    for (unsigned s = 0; s < t->subs; s++) n = places(&t->sub[s], list, n);
    return n;
}

/* A word can change without a store of the guest's to it (by DMA, by another page that is mapped there): it is looked at this often, too. */
enum { WORD_LOOKS = 256 };

/* The next cycle and instruction count a condition names: the run pauses there to look. */
static void bounds(const struct board *b, const struct till *t, uint64_t *cycle, uint64_t *insns)
{
    if (t->kind == TILL_CYCLES && t->value > b->clock.now && t->value < *cycle) *cycle = t->value;
    if (t->kind == TILL_INSNS && t->value > b->cpu.insns && t->value < *insns) *insns = t->value;
    if (t->kind == TILL_ANY || t->kind == TILL_ALL)
        for (unsigned s = 0; s < t->subs; s++) bounds(b, &t->sub[s], cycle, insns);
}

/* A run in progress, as its event subscriber sees it. */
struct run {
    struct machine *m;
    struct till *till;
    bool hit;
};

static enum vote watch(void *self, const struct event *e)
{
    struct run *r = self;
    if (r->hit || !holds(r->m, r->till, e)) return VOTE_GO;
    r->hit = true;
    r->m->hit = e->id;
    r->m->b->cpu.pause = true;
    r->m->b->cpu.break_at = 0;
    return VOTE_GO;
}

/* --- the loop --- */

/* A hypervisor's history is its account (machine_result.c), and is kept whole: at most 3 GB of host memory. */
#define HISTORY_MOST(m) ((m)->technique->hypervisor ? 64000000u : 4000000000u)

/* Nothing runs until the next timer: time passes. */
static void pass_time(struct machine *m)
{
    struct board *b = m->b;
    uint64_t next = timeq_next(&b->timers);
    if (next == TIMEQ_NEVER || (!m->technique->hypervisor && !(b->cpu.eflags & FLAG_IF) && !b->cpu.vmx.nonroot && !devices_nmi_possible(&b->devices))) {
        machine_ends_halted(m);
        return;
    }
    if (next > b->clock.now) clock_charge(&b->clock, CAUSE_IDLE, next - b->clock.now);
    timeq_run(&b->timers);
}

/* INIT leaves alone more of the CPU than RESET, and all of the board. Either goes on at the reset vector, where
 * some firmware must be. SDM vol. 3A 9.1. */
static void reset(struct machine *m)
{
    struct board *b = m->b;
    bool all = b->reset == 1 + RESET_BOARD;
    hpa_t vector = hpa(ROM_VECTOR);
    b->reset = 0;
    if (m->technique->hypervisor || (!bus_page(&b->bus, vector) && !bus_windowed(&b->bus, vector))) {
        machine_ends_reset(m);
        return;
    }
    if (all) devices_reset(&b->devices);
    if (all) {
        cpu_reset(&b->cpu);
        return;
    }
    cpu_reset_soft(&b->cpu);
    devices_init_pin(&b->devices);
}

/* A PC's board answers a triple fault with a reset. To whoever learns that is no help, so here the guest has died; but
 * software of the 80286's time left protected mode that way, and told the firmware so: CMOS byte 0Fh says where to go on. */
static bool means_to_return(const struct machine *m)
{
    return m->rom.chip && !m->technique->hypervisor && m->b->devices.cmos.ram[CMOS_SHUTDOWN];
}

/* One call of the CPU, and whatever follows from how it stopped. */
static void advance(struct machine *m, uint64_t insns)
{
    struct board *b = m->b;
    bool goes_on;
    switch (cpu_run(&b->cpu, insns)) {
    case CPU_DOOR:
        goes_on = vmm_door(&b->vmm);
        machine_note_ends(m);
        if (!goes_on) machine_ends_vmm(m);
        b->cpu.insns++; /* a visit is a boundary of its own, so that every moment has one number */
        b->cpu.extra++;
        break;
    case CPU_HALTED: pass_time(m); break;
    case CPU_SHUTDOWN:
        if (means_to_return(m)) b->reset = 1 + RESET_CPU;
        else machine_ends_shutdown(m);
        break;
    case CPU_BUDGET: case CPU_PAUSE: break;
    }
    if (b->stopped && b->vmm.hosted.on) machine_ends_host(m);
    if (b->stopped)
        machine_ends(m, FATE_EXITED, b->stop_code, b->stop_code ? "the guest reported failure" : "the guest ended well");
    if (b->off) machine_ends_off(m);
    if (b->reset) reset(m);
    if (b->remapped) {
        b->remapped = false;
        block_cache_flush(m->blocks);
    }
    if (m->limit_hit) {
        m->limit_hit = false;
        machine_ends_limit(m, "--limit-cycles", m->cfg.limit_cycles);
    }
    if (trace_count(m->trace) >= HISTORY_MOST(m)) machine_ends_limit(m, "events in history,", HISTORY_MOST(m));
    if (m->cfg.limit_insns && b->cpu.insns >= m->cfg.limit_insns) machine_ends_limit(m, "--limit-instr", m->cfg.limit_insns);
}

static uint64_t chunk(const struct machine *m, uint64_t target, bool fine)
{
    uint64_t at = m->b->cpu.insns, n = fine ? 1 : target - at;
    if (m->watches_word && n > WORD_LOOKS) n = WORD_LOOKS;
    if (m->snapshots.next > at && m->snapshots.next - at < n) n = m->snapshots.next - at;
    if (m->cfg.limit_insns > at && m->cfg.limit_insns - at < n) n = m->cfg.limit_insns - at;
    uint64_t input = machine_input_next(m);
    if (input > at && input - at < n) n = input - at;
    return n ? n : 1;
}

/* A copy to be run with. TILL_WRITE waits for a change from what is there when the run starts; TILL_ALL has seen nothing. */
static void prepare(const struct machine *m, const struct till *from, struct till *to, struct till *room, unsigned *used)
{
    *to = *from;
    if (from->kind == TILL_ALL) to->value = 0;
    if (from->kind == TILL_WRITE) {
        uint32_t now = 0;
        machine_peek(m, gva(from->a), &now, 4);
        to->value = now;
    }
    if (!from->subs) return;
    if (from->subs > PARTS_MOST - *used) {
        to->kind = TILL_NEVER;
        return;
    }
    struct till *sub = room + *used;
    *used += from->subs;
    for (unsigned i = 0; i < from->subs; i++) prepare(m, &from->sub[i], &sub[i], room, used);
    to->sub = sub;
}

/* Where the run pauses next to look at its condition: by cycles, through a timer; by instructions, the count returned. */
static uint64_t next_look(struct machine *m, const struct till *till, bool arm)
{
    uint64_t cycle = TIMEQ_NEVER, insns = UINT64_MAX;
    bounds(m->b, till, &cycle, &insns);
    if (arm && cycle != TIMEQ_NEVER) timeq_arm(&m->b->timers, &m->b->till, cycle);
    return insns;
}

/* Was a stop point hit, and is it time to stop? Not for the hypervisor's own code; not inside a repeated string
 * instruction, whose moments have no numbers. */
static bool at_point(struct machine *m)
{
    struct points *p = &m->points;
    if (!p->hit) return false;
    bool lent = p->what.row >= p->n - m->lent; /* the condition's: it was looked at, and does not hold */
    if (p->what.kind != POINT_EXEC) {
        if (m->b->cpu.insns == p->what.moment) return false;
        if (lent) points_go(p);
        return !lent;
    }
    if (machine_place(m) != PLACE_VMM && !lent) return true;
    machine_points_pass(m);
    points_go(p);
    return false;
}

static enum machine_stop run(struct machine *m, struct till *till, uint64_t target)
{
    struct board *b = m->b;
    struct run r = { .m = m, .till = till };
    bool fine = m->each || (till && has(till, EACH)), moved = false;
    struct point list[PARTS_MOST + 1];
    struct points was;
    unsigned lent = fine || !till ? 0 : places(till, list, 0);
    m->points.rings = !fine && till && has(till, RINGS);
    if (lent && !machine_points_lend(m, &was, list, lent)) fine = true, lent = 0;
    m->watches_word = till && has(till, WORDS);
    int sub = till ? trace_subscribe(m->trace, CAT_ALL, watch, &r) : -1;
    enum machine_stop why = MACHINE_BUDGET;
    uint64_t begun = b->cpu.insns;
    uint32_t events = trace_last(m->trace);
    m->till_hit = till != NULL;
    while (b->end.fate == FATE_RUNNING) {
        if (b->cpu.insns >= target) break;
        if (b->cpu.insns >= m->snapshots.next) snapshot_take(m);
        machine_input_due(m);
        uint64_t look = till ? next_look(m, till, m->till_hit) : target;
        m->till_hit = false;
        /* The first step of a conditional run is a small one, for what is true from the start. */
        advance(m, till && !moved ? 1 : chunk(m, look < target ? look : target, fine || m->points.hit));
        if (m->each) m->each(m->each_self, m);
        moved = b->cpu.insns != begun || trace_last(m->trace) != events;
        if (r.hit || (till && moved && holds(m, till, NULL))) {
            why = MACHINE_TILL;
            break;
        }
        if (at_point(m)) {
            why = MACHINE_POINT;
            break;
        }
        if (m->paused) {
            why = MACHINE_PAUSED;
            break;
        }
    }
    if (sub >= 0) trace_unsubscribe(m->trace, sub);
    timeq_cancel(&b->timers, &b->till);
    if (lent) machine_points_return(m, &was);
    m->points.rings = false;
    return b->end.fate != FATE_RUNNING && why != MACHINE_TILL ? MACHINE_ENDED : why;
}

enum machine_stop machine_run(struct machine *m, const struct till *till, uint64_t max_insns)
{
    struct till copy, room[PARTS_MOST];
    unsigned used = 0;
    m->hit = 0;
    m->paused = false;
    points_go(&m->points);
    trace_pause(m->trace);
    if (m->b->end.fate != FATE_RUNNING) return MACHINE_ENDED;
    uint64_t target = m->b->cpu.insns + max_insns;
    if (target < max_insns) target = UINT64_MAX;
    if (till) prepare(m, till, &copy, room, &used);
    return run(m, till ? &copy : NULL, target);
}

void machine_each(struct machine *m, machine_each_fn *fn, void *self)
{
    m->each = fn;
    m->each_self = self;
}

uint32_t machine_hit(const struct machine *m) { return m->hit; }
uint64_t machine_insns(const struct machine *m) { return m->b->cpu.insns; }
uint64_t machine_cycles(const struct machine *m) { return m->b->clock.now; }

/* --- time travel --- */

enum { NEAR = 20000 }; /* a snapshot this far before a moment somebody looks at makes more looks around it instant */

/* Re-executes known history: nobody is told, nothing is sent twice. */
static bool replay(struct machine *m, uint64_t insns)
{
    m->snapshots.replayed += insns - m->b->cpu.insns;
    bool armed = machine_points_hold(m);
    machine_each_fn *each = m->each;
    m->each = NULL;
    trace_mute(m->trace, true);
    if (insns > m->b->cpu.insns + 2 * NEAR) {
        machine_run(m, NULL, insns - NEAR - m->b->cpu.insns);
        snapshot_take(m);
    }
    while (m->b->cpu.insns < insns && m->b->end.fate == FATE_RUNNING) machine_run(m, NULL, insns - m->b->cpu.insns);
    trace_mute(m->trace, false);
    m->each = each;
    machine_points_release(m, armed);
    return m->b->cpu.insns == insns;
}

bool machine_goto(struct machine *m, uint64_t insns)
{
    if (insns >= m->b->cpu.insns) {
        if (insns > m->b->cpu.insns) machine_run(m, NULL, insns - m->b->cpu.insns);
        return m->b->cpu.insns == insns;
    }
    const struct policy *p = m->b->vmm.policy; /* what it remembers is in no snapshot: with one, the way leads over the beginning */
    if (!m->snapshots.count || insns < m->snapshots.list[0].insns || (p && (!p->again || m->snapshots.list[0].insns))) return false;
    snapshot_restore(m, p ? 0 : insns);
    return (!p || p->again(p->self)) && replay(m, insns);
}

bool machine_back(struct machine *m, uint64_t insns)
{
    uint64_t at = m->b->cpu.insns;
    if (!m->snapshots.count) return false;
    if (insns > at - m->snapshots.list[0].insns) {
        machine_goto(m, m->snapshots.list[0].insns);
        return false;
    }
    return machine_goto(m, at - insns);
}

bool machine_goto_event(struct machine *m, uint32_t id)
{
    const struct event *e = trace_by_id(m->trace, id);
    if (!e) return false;
    uint64_t insns = e->insns;
    if (!machine_goto(m, insns)) return false;
    /* The event may come after the boundary with this count (a fault, an interrupt, the hypervisor): one more step. */
    while (trace_last(m->trace) < id && m->b->end.fate == FATE_RUNNING) machine_run(m, NULL, 1);
    return trace_last(m->trace) >= id;
}
