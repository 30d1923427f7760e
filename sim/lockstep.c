/* See lockstep.h.
 *
 * The second machine leads: it has the hypervisor, so it is the slower one, and its interrupts are the ones that come. The
 * others never meet an interrupt of their own within a step, because whatever their devices are about to do is made to happen
 * between steps (`head`); of several hypervisors each may take long over an instruction, so there all look further ahead. A repeated string instruction could take longer than a timer's period, so it is done in pieces: ECX is
 * a few, and what is left is put back behind them. */
#include "sim/lockstep.h"

#include <stdio.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/lockstep_same.h"

enum { VISITS_MOST = 200000 /* boundaries one guest instruction may take */, ELIDED_MOST = 16, NEAR = 20000, NEAR_STRING = 250000,
       PIECE = 32 /* iterations of a repeated string instruction at a time */ };
#define PATIENCE 8000000000u /* cycles an interrupt is waited for */

void lockstep_init(struct lockstep *l, struct machine *first, struct machine *second)
{
    *l = (struct lockstep){ .n = 0 };
    lockstep_add(l, first);
    lockstep_add(l, second);
}

bool lockstep_add(struct lockstep *l, struct machine *m)
{
    if (l->n == LOCKSTEP_MACHINES) return false;
    l->m[l->n++] = m;
    machine_forward_only(m);
    return true;
}

/* --- one machine, one step --- */

struct advance { bool ended, irq, lost; uint8_t vector; unsigned emulated; uint32_t from; };

/* What the events since `from` say: interrupts the guest took, instructions carried out for it. */
static void read_events(const struct machine *m, uint32_t from, struct advance *a)
{
    const struct trace *t = machine_trace_of(m);
    bool virtual_ = machine_has_vmm(m);
    uint32_t before = 0; /* iterations of one instruction are one */
    for (uint32_t id = from + 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        bool irq = virtual_ ? e->kind == EV_INJECT && e->u.INJECT.external : e->kind == EV_IRQ;
        if (irq) {
            a->irq = true;
            a->vector = virtual_ ? e->u.INJECT.vector : e->u.IRQ.vector;
        }
        if (e->kind != EV_EMULATE) continue;
        a->emulated += e->eip != before;
        before = e->eip;
    }
}

static bool quiet(const struct machine *m, uint32_t from)
{
    const struct trace *t = machine_trace_of(m);
    for (uint32_t id = from + 1; id <= trace_last(t); id++) {
        uint8_t kind = trace_by_id(t, id)->kind;
        if (kind == EV_FAULT || kind == EV_GATE || kind == EV_IRQ || kind == EV_EXIT) return false;
    }
    return true;
}

/* Stands the machine before an instruction of the guest's own, and not in the middle of a translated one? */
static bool at_guest(const struct machine *m)
{
    return machine_place(m) != PLACE_VMM && machine_code(m) != UINT32_MAX;
}

/* An instruction that is emulated iteration by iteration, or a translation that is looked for at its own address, has not got on
 * as long as EIP is where it was. What the processor itself has retired has. */
static void advance(struct machine *m, struct advance *a)
{
    uint32_t code = machine_code(m);
    *a = (struct advance){ .from = trace_last(machine_trace_of(m)) };
    for (unsigned n = 0; n < VISITS_MOST && !guard_stopped(); n++) {
        bool guest = machine_place(m) != PLACE_VMM;
        uint64_t retired = machine_retired(m);
        uint32_t from = trace_last(machine_trace_of(m));
        a->ended = machine_run(m, NULL, 1) == MACHINE_ENDED;
        if (!a->ended && !at_guest(m)) continue;
        bool direct = guest && !machine_translates(m) && machine_retired(m) != retired && quiet(m, from);
        *a = (struct advance){ .from = a->from, .ended = a->ended };
        read_events(m, a->from, a);
        if (a->ended || direct || a->irq || machine_code(m) != code) return;
    }
    a->lost = true;
}

/* The interrupt that is pending is taken, and no guest instruction executes. */
static bool deliver(struct machine *m, struct advance *a)
{
    *a = (struct advance){ .from = trace_last(machine_trace_of(m)) };
    while (machine_interrupted(m) && !guard_stopped()) {
        do a->ended = machine_run(m, NULL, 1) == MACHINE_ENDED;
        while (!a->ended && !at_guest(m) && !guard_stopped());
        read_events(m, a->from, a);
        if (a->irq || a->ended) return a->irq;
    }
    return false;
}

/* Lets time pass until the guest takes an interrupt where it stands. */
static bool take_interrupt(struct machine *m, struct advance *a)
{
    uint64_t begun = machine_cycles(m);
    while (!guard_stopped()) {
        if (deliver(m, a)) return true;
        uint64_t next = machine_deadline(m), now = machine_cycles(m);
        if (a->ended || next == UINT64_MAX || now - begun > PATIENCE) return false;
        machine_stall(m, next > now ? next - now : 1);
    }
    return false;
}

/* --- in step --- */

static void lose(struct lockstep *l, const char *why)
{
    l->end = guard_stopped() ? LOCKSTEP_STOPPED : LOCKSTEP_LOST;
    l->why = why;
}

/* --- a step --- */

static bool is_string(const struct machine_insn *i)
{
    static const char *const words[] = { "movs", "stos", "lods", "scas", "cmps", "ins", "outs" };
    for (unsigned k = 0; k < sizeof words / sizeof words[0]; k++)
        if (!strcmp(words[k], i->word)) return true;
    return false;
}

/* ---- pieces of a repeated string instruction */

struct piece { bool repeated, while_zero, while_not, cut; uint32_t start, next, mask, count, rest; };

static uint32_t count_of(const struct machine *m, const struct piece *p)
{
    struct machine_cpu c;
    machine_guest(m, &c);
    return c.reg[1] & p->mask;
}

static void set_count(struct machine *m, const struct piece *p, uint32_t count)
{
    struct machine_cpu c;
    machine_guest(m, &c);
    machine_set_reg(m, "ecx", (c.reg[1] & ~p->mask) | (count & p->mask));
}

static void look_for_piece(const struct lockstep *l, const struct machine_cpu *c, const struct machine_insn *i, struct piece *p)
{
    enum { BIG = 1 << 14 /* the segment's D bit */ };
    uint8_t bytes[15] = { 0 };
    *p = (struct piece){ .start = c->eip, .next = c->eip + i->len, .mask = c->seg[1].ar & BIG ? UINT32_MAX : 0xFFFF };
    if (!is_string(i) || !machine_peek_guest(l->m[0], gva(l->eip), bytes, i->len)) return;
    bool compares = !strcmp(i->word, "cmps") || !strcmp(i->word, "scas");
    for (unsigned n = 0; n + 1u < i->len; n++) {
        if (bytes[n] == 0x67) p->mask = ~p->mask ? UINT32_MAX : 0xFFFF;
        if (bytes[n] != 0xF2 && bytes[n] != 0xF3) continue;
        p->repeated = true;
        p->while_zero = compares && bytes[n] == 0xF3;
        p->while_not = compares && bytes[n] == 0xF2;
    }
    p->count = c->reg[1] & p->mask;
}

static void cut(struct lockstep *l, struct piece *p)
{
    p->cut = p->repeated && p->count > PIECE;
    if (!p->cut) return;
    p->rest = p->count - PIECE;
    p->count = PIECE;
    for (unsigned k = 0; k < l->n; k++) set_count(l->m[k], p, PIECE);
}

/* Would the whole have gone on behind this piece? */
static bool goes_on(const struct piece *p, const struct machine_cpu *c)
{
    bool zero = c->eflags & 0x40;
    return p->cut && !(c->reg[1] & p->mask) && !(p->while_zero && !zero) && !(p->while_not && zero);
}

static uint32_t frame_eip(const struct machine *m);

/* Puts the rest back. True: the instruction is not over. */
static bool rejoin(struct machine *m, const struct piece *p, bool interrupted)
{
    struct machine_cpu c;
    machine_guest(m, &c);
    if (!p->cut) return false;
    bool on = goes_on(p, &c) && (interrupted ? frame_eip(m) : c.eip) == p->next;
    set_count(m, p, (c.reg[1] & p->mask) + p->rest);
    if (on && interrupted) machine_poke(m, gva(c.seg[2].base + c.reg[4]), &p->start, 4);
    else if (on) machine_set_reg(m, "eip", p->start);
    return on;
}

/* Machine `k` must take vector `v` as machine `like` did, though another, more urgent one may have come to it before. */
static bool follow_interrupt(struct lockstep *l, unsigned k, unsigned like, uint8_t v)
{
    struct advance a;
    uint8_t masks[2];
    machine_hold(l->m[k], v, masks);
    bool came = take_interrupt(l->m[k], &a);
    machine_release(l->m[k], masks);
    if (!came) {
        lose(l, "an interrupt that one of them takes here never comes to the other");
        return false;
    }
    if (a.vector != v) lockstep_note(l, k ? k : like, "interrupt", 0, k ? v : a.vector, k ? a.vector : v);
    return true;
}

/* What a machine's devices are about to do within the next instruction is made to happen before it. */
static bool head(struct lockstep *l, unsigned k, const struct machine_insn *i)
{
    struct machine_cpu c;
    struct machine *m = l->m[k];
    machine_guest(m, &c);
    if (!c.iflag) return true;
    uint64_t now = machine_cycles(m), next = machine_deadline(m);
    bool near = next != UINT64_MAX && next < now + (is_string(i) || l->n > 2 ? NEAR_STRING : NEAR);
    if (!near && !machine_interrupted(m)) return true;
    struct advance a;
    if (near) machine_stall(m, next > now ? next - now : 1);
    if (!deliver(m, &a)) return true;
    l->interrupts++;
    for (unsigned j = 0; j < l->n; j++)
        if (j != k && !follow_interrupt(l, j, k, a.vector)) return false;
    return true;
}

/* The EIP that the interrupt's frame, on the guest's stack, leads back to. */
static uint32_t frame_eip(const struct machine *m)
{
    struct machine_cpu c;
    uint32_t v = 0;
    machine_guest(m, &c);
    machine_peek_guest(m, gva(c.seg[2].base + c.reg[4]), &v, 4);
    return v;
}

/* Of several, each has done so many of the guest's instructions since the step began. */
struct way { struct advance a; unsigned done; uint32_t from; uint8_t masks[2]; };

/* A translation (machine `k`) may have nothing left of a jump: then it stands where the first, and the others, come to in a few more. */
static void pass_elided(struct lockstep *l, unsigned k, struct way *w)
{
    uint32_t to = machine_code(l->m[k]);
    for (unsigned n = 0; n < ELIDED_MOST && !w[0].a.ended && !w[0].a.irq && machine_code(l->m[0]) != to; n++) {
        struct machine_insn i;
        if (!machine_insn(l->m[0], gva(machine_code(l->m[0])), &i) || strcmp(i.word, "jmp")) return;
        for (unsigned j = 0; j < l->n; j++)
            if (j != k) advance(l->m[j], &w[j].a);
    }
}

/* An interrupt came to the second in the middle of a repeated string instruction: machine `k` does as many iterations, and stands
 * before the others. */
static bool begin_piece(struct lockstep *l, unsigned k, const struct piece *p)
{
    enum { RF = 1 << 16 /* is pushed set in the middle of such an instruction: SDM volume 3, 17.3.1.1 */ };
    struct machine *m = l->m[k];
    struct machine_cpu c;
    struct advance a;
    uint32_t left = count_of(l->m[1], p);
    set_count(m, p, p->count - left);
    advance(m, &a);
    if (a.irq || a.ended || a.lost || count_of(m, p)) {
        lose(l, "one of them does not go on like the other in the middle of a repeated string instruction");
        return false;
    }
    set_count(m, p, left);
    machine_guest(m, &c);
    return machine_set_reg(m, "eip", p->start) && machine_set_reg(m, "eflags", c.eflags | RF);
}

/* A visit to a hypervisor may carry out several. */
static unsigned executed(const struct advance *a) { return a->emulated > 1 ? a->emulated : 1; }

/* RF in the frame of an interrupt between two iterations says that there was one before (SDM volume 3, 17.3.1.1). A hypervisor that was
 * called for a fault of the next one cannot know: RF is saved set for any fault. So there it is made what it is on the first machine. */
static void same_rf(struct lockstep *l)
{
    enum { RF = 1 << 16, FLAGS_AT = 8 };
    for (unsigned k = 1; k < l->n; k++) {
        struct machine_cpu c[2];
        uint32_t flags[2] = { 0 };
        machine_guest(l->m[0], &c[0]);
        machine_guest(l->m[k], &c[1]);
        gva_t at = gva(c[0].seg[2].base + c[0].reg[4] + FLAGS_AT);
        if (c[0].reg[4] != c[1].reg[4] || !machine_peek_guest(l->m[0], at, &flags[0], 4) || !machine_peek_guest(l->m[k], at, &flags[1], 4)) continue;
        if ((flags[0] ^ flags[1]) == RF && machine_poke(l->m[k], at, &flags[0], 4)) l->platform++;
    }
}

enum { NOBODY = LOCKSTEP_MACHINES };

/* All come to where the furthest is; who goes beyond it makes the others follow. Says which machine was the first to take an interrupt
 * behind those instructions, if `*first` was NOBODY. False: it cannot be. */
static bool level(struct lockstep *l, struct way *w, const struct piece *p, unsigned *first)
{
    unsigned furthest = w[1].done;
    for (unsigned k = 0, same = 0; same < l->n; k = (k + 1) % l->n, same++) {
        while (w[k].done < furthest && !w[k].a.ended) {
            advance(l->m[k], &w[k].a);
            w[k].done += executed(&w[k].a);
            if (w[k].a.lost) return lose(l, "one of them never comes to its next instruction"), false;
            if (!w[k].a.irq || *first != NOBODY) continue;
            if (frame_eip(l->m[k]) == p->start || w[k].done < furthest) return lose(l, "an interrupt came to one of them alone"), false;
            *first = k;
        }
        if (w[k].done > furthest) furthest = w[k].done, same = 0;
    }
    return *first == NOBODY || w[*first].done == furthest || (lose(l, "an interrupt came to one of them alone"), false);
}

/* The others do what the second has done in its step. True: all have taken an interrupt in it. */
static bool catch_up(struct lockstep *l, struct way *w, const struct piece *p)
{
    const struct advance *second = &w[1].a;
    bool only_irq = second->irq && frame_eip(l->m[1]) == p->start;
    unsigned first = second->irq ? 1 : NOBODY;
    w[1].done = only_irq ? 0 : executed(second);
    if (second->lost) return lose(l, "one of them never comes to its next instruction"), false;
    for (unsigned k = 0; k < l->n && only_irq && p->repeated && count_of(l->m[1], p) != p->count; k++)
        if (k != 1 && !begin_piece(l, k, p)) return false;
    if (!level(l, w, p, &first)) return false;
    for (unsigned k = 1; k < l->n && !second->ended && first == NOBODY; k++)
        if (machine_translates(l->m[k])) pass_elided(l, k, w);
    l->interrupts += first != NOBODY;
    for (unsigned k = 0; k < l->n; k++) {
        if (first != NOBODY && !w[k].a.irq && !follow_interrupt(l, k, first, w[first].a.vector)) return false;
        if (second->ended && !w[k].a.ended) advance(l->m[k], &w[k].a);
    }
    for (unsigned k = 1; k < l->n; k++)
        if (w[k].a.ended != w[0].a.ended) lockstep_note(l, k, "end", 0, w[0].a.ended, w[k].a.ended);
    if (w[0].a.ended && l->end == LOCKSTEP_RUNNING) l->end = LOCKSTEP_ENDED;
    return first != NOBODY;
}

static void find_silent(struct lockstep *l, const struct way *w)
{
    for (unsigned k = 1; k < l->n; k++) {
        const struct trace *t = machine_trace_of(l->m[k]);
        for (uint32_t id = w[k].from + 1; id <= trace_last(t); id++)
            if (trace_by_id(t, id)->kind == EV_SILENT) l->silent = id, l->silent_on = (uint8_t)k;
    }
}

static bool aligned(struct lockstep *l)
{
    for (unsigned k = 0; k < l->n; k++)
        for (unsigned n = 0; !at_guest(l->m[k]); n++)
            if (n == VISITS_MOST || machine_run(l->m[k], NULL, 1) == MACHINE_ENDED) return false;
    return true;
}

/* The instruction both stand at. Code that nobody can decode, or reach, has no word. */
static void look(struct lockstep *l, struct machine_cpu *c, struct machine_insn *i)
{
    machine_guest(l->m[0], c);
    l->eip = c->seg[1].base + c->eip;
    if (!machine_insn(l->m[0], gva(l->eip), i)) *i = (struct machine_insn){ .word = "" };
}

/* Of several, one would take a pending interrupt in the instruction that sets IF, another after it: so all take it after it. What this
 * instruction itself does to the 8259s must not be undone. */
static bool is_held(const struct lockstep *l, const struct machine_cpu *c, const struct machine_insn *i)
{
    return l->n > 2 && !c->iflag && strncmp(i->word, "out", 3) != 0;
}

bool lockstep_step(struct lockstep *l)
{
    struct machine_span spans[MACHINE_SPANS];
    struct machine_cpu c;
    struct machine_insn i;
    struct way w[LOCKSTEP_MACHINES] = { { .done = 0 } };
    if (l->end != LOCKSTEP_RUNNING) return false;
    if (!aligned(l)) return lose(l, "the hypervisor never comes to the guest"), false;
    look(l, &c, &i);
    for (unsigned k = 0; k < l->n; k++)
        if (!head(l, k, &i)) return false;
    look(l, &c, &i); /* a handler's first instruction is another one */
    unsigned n = machine_operands(l->m[0], spans, MACHINE_SPANS);
    bool device = lockstep_touches_device(l, spans, n);
    l->before = !lockstep_same_memory(l, spans, n);
    if (l->before) return false;
    enum freedom free_ = lockstep_freedom(&i, device);
    struct piece p;
    bool more = false;
    look_for_piece(l, &c, &i, &p);
    cut(l, &p);
    for (unsigned k = 0; k < l->n; k++) w[k].from = trace_last(machine_trace_of(l->m[k]));
    bool held = is_held(l, &c, &i);
    for (unsigned k = 0; k < l->n && held; k++) machine_hold_all(l->m[k], w[k].masks);
    advance(l->m[1], &w[1].a);
    bool irq = catch_up(l, w, &p);
    for (unsigned k = 0; k < l->n && held; k++) machine_release(l->m[k], w[k].masks);
    if (l->end == LOCKSTEP_LOST || l->end == LOCKSTEP_STOPPED) return false;
    if (l->end != LOCKSTEP_ENDED) {
        for (unsigned k = 0; k < l->n; k++) more = rejoin(l->m[k], &p, irq);
        if (irq && p.repeated && frame_eip(l->m[0]) == p.start) same_rf(l);
        if (free_ != NOT_FREE) lockstep_copy_input(l, free_, spans, n);
        lockstep_same_registers(l);
        lockstep_same_memory(l, spans, n);
        n = irq ? machine_operands(l->m[0], spans, 1) : 0; /* the frame */
        lockstep_same_memory(l, spans, n);
    }
    if (l->end == LOCKSTEP_PARTED) find_silent(l, w);
    l->steps += !more;
    return l->end == LOCKSTEP_RUNNING;
}

void lockstep_run(struct lockstep *l, uint64_t limit)
{
    while (l->end == LOCKSTEP_RUNNING) {
        if (guard_stopped()) l->end = LOCKSTEP_STOPPED;
        else if (l->steps >= limit) l->end = LOCKSTEP_LIMIT;
        else lockstep_step(l);
    }
    machine_disasm(l->m[0], gva(l->eip), l->insn, sizeof l->insn);
}
