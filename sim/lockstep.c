/* See lockstep.h.
 *
 * The second machine leads: it has the hypervisor, so it is the slower one, and its interrupts are the ones that come. The
 * first never meets an interrupt of its own within a step, because whatever its devices are about to do is made to happen
 * between steps (`head`). A repeated string instruction could take longer than a timer's period, so it is done in pieces: ECX is
 * a few, and what is left is put back behind them. */
#include "sim/lockstep.h"

#include <stdio.h>
#include <string.h>
#include "sim/firmware_tables.h"
#include "sim/guard.h"

enum { VISITS_MOST = 200000 /* boundaries one guest instruction may take */, ELIDED_MOST = 16, NEAR = 20000, NEAR_STRING = 250000,
       PIECE = 32 /* iterations of a repeated string instruction at a time */ };
#define PATIENCE 8000000000u /* cycles an interrupt is waited for */

/* Memory that two machines may have different contents of from the start. */
static bool is_platform(uint32_t at) { return at - FIRMWARE_TABLES < FIRMWARE_TABLES_SIZE; }

void lockstep_init(struct lockstep *l, struct machine *first, struct machine *second)
{
    *l = (struct lockstep){ .m = { first, second } };
    machine_forward_only(first);
    machine_forward_only(second);
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

/* --- what differs --- */

static void lose(struct lockstep *l, const char *why)
{
    l->end = guard_stopped() ? LOCKSTEP_STOPPED : LOCKSTEP_LOST;
    l->why = why;
}

static void note(struct lockstep *l, const char *what, uint32_t at, uint32_t wanted, uint32_t got)
{
    l->end = LOCKSTEP_PARTED;
    if (l->differences == LOCKSTEP_DIFFERENCES) return;
    struct lockstep_difference *d = &l->difference[l->differences++];
    snprintf(d->what, sizeof d->what, "%s", what);
    d->at = at, d->wanted = wanted, d->got = got;
}

static uint32_t word_at(const uint8_t *p, uint32_t n)
{
    uint32_t v = 0;
    memcpy(&v, p, n < 4 ? n : 4);
    return v;
}

/* One span on both machines: the first differing bytes are noted, or (`copy`) made equal. What neither has is device memory. */
static bool same_span(struct lockstep *l, struct machine_span s, bool copy)
{
    uint8_t x[256], y[256];
    bool same = true;
    for (uint32_t at = 0; at < s.n; ) {
        uint32_t n = s.n - at < sizeof x ? s.n - at : (uint32_t)sizeof x, page = 4096 - ((s.at.v + at) & 4095);
        if (n > page) n = page;
        gva_t where = gva(s.at.v + at);
        bool a = machine_peek_guest(l->m[0], where, x, n), b = machine_peek_guest(l->m[1], where, y, n);
        at += n;
        if (a != b) note(l, a ? "unmapped there" : "unmapped here", where.v, a, b), same = false;
        if (!a || !b || !memcmp(x, y, n)) continue;
        unsigned k = 0;
        while (x[k] == y[k]) k++;
        unsigned into = (where.v + k) & 3; /* whole words read better */
        if (into <= k) k -= into;
        if (copy || is_platform(where.v + k)) {
            l->platform += !copy;
            machine_poke(l->m[1], where, x, n);
        } else {
            note(l, "memory", where.v + k, word_at(x + k, n - k), word_at(y + k, n - k));
            same = false;
        }
    }
    return same;
}

static bool same_memory(struct lockstep *l, const struct machine_span *list, unsigned n, bool copy)
{
    bool same = true;
    for (unsigned i = 0; i < n; i++) same &= same_span(l, list[i], copy);
    return same;
}

static bool same_registers(struct lockstep *l)
{
    struct guest_view v[2];
    guest_view(l->m[0], &v[0]);
    guest_view(l->m[1], &v[1]);
    bool same = true;
    for (unsigned i = 0; i < v[0].n; i++) {
        if (v[0].at[i].value == v[1].at[i].value) continue;
        note(l, v[0].at[i].name, 0, v[0].at[i].value, v[1].at[i].value);
        same = false;
    }
    struct machine_fpu f[2] = { 0 };
    machine_fpu(l->m[0], &f[0]);
    machine_fpu(l->m[1], &f[1]);
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(f[0].st[i], f[1].st[i], 10)) note(l, "x87 register", i, word_at(f[0].st[i], 4), word_at(f[1].st[i], 4)), same = false;
    if (f[0].control != f[1].control) note(l, "x87 control", 0, f[0].control, f[1].control), same = false;
    if (f[0].status != f[1].status) note(l, "x87 status", 0, f[0].status, f[1].status), same = false;
    return same;
}

/* --- what may differ --- */

enum freedom { NOT_FREE, FREE_INPUT, FREE_PLATFORM };
static enum freedom freedom_of(const struct machine_insn *i, bool device)
{
    static const struct { const char *word; enum freedom is; } rows[] = {
        { "in", FREE_INPUT }, { "ins", FREE_INPUT }, { "rdtsc", FREE_INPUT }, { "rdpmc", FREE_INPUT }, { "rdmsr", FREE_INPUT },
        { "cpuid", FREE_PLATFORM },
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        if (!strcmp(rows[k].word, i->word)) return rows[k].is;
    return device ? FREE_INPUT : NOT_FREE;
}

/* Is one of the operands memory of a device? There is an address there for both, and RAM for neither. */
static bool touches_device(const struct lockstep *l, const struct machine_span *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct machine_xlat x;
        uint8_t byte;
        if (machine_peek_guest(l->m[0], list[i].at, &byte, 1)) continue;
        machine_translate(l->m[0], list[i].at, ACCESS_READ, &x);
        if (x.guest_ok) return true;
    }
    return false;
}

/* What the instruction read from outside is copied from the first machine to the second. */
static void copy_input(struct lockstep *l, enum freedom kind, const struct machine_span *list, unsigned n)
{
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu c[2];
    bool copied = false;
    machine_guest(l->m[0], &c[0]);
    machine_guest(l->m[1], &c[1]);
    for (unsigned r = 0; r < 8; r++)
        if (c[0].reg[r] != c[1].reg[r]) copied |= machine_set_reg(l->m[1], names[r], c[0].reg[r]);
    if (c[0].eflags != c[1].eflags && c[0].iflag == c[1].iflag) copied |= machine_set_reg(l->m[1], "eflags", c[0].eflags);
    same_memory(l, list, n, true);
    if (kind == FREE_PLATFORM) l->platform += copied;
    else l->inputs += copied;
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
    for (unsigned k = 0; k < 2; k++) set_count(l->m[k], p, PIECE);
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

/* `other` took vector `v` here: so must machine `k`, though another, more urgent one may have come to it before. */
static bool follow_interrupt(struct lockstep *l, unsigned k, uint8_t v)
{
    struct advance a;
    uint8_t masks[2];
    l->interrupts++;
    machine_hold(l->m[k], v, masks);
    bool came = take_interrupt(l->m[k], &a);
    machine_release(l->m[k], masks);
    if (!came) {
        lose(l, "an interrupt that one of them takes here never comes to the other");
        return false;
    }
    if (a.vector != v) note(l, "interrupt", 0, k ? v : a.vector, k ? a.vector : v);
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
    bool near = next != UINT64_MAX && next < now + (is_string(i) ? NEAR_STRING : NEAR);
    if (!near && !machine_interrupted(m)) return true;
    struct advance a;
    if (near) machine_stall(m, next > now ? next - now : 1);
    return !deliver(m, &a) || follow_interrupt(l, !k, a.vector);
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

/* A translation may have nothing left of a jump: then the second stands where the first comes to in a few more. */
static void pass_elided(struct lockstep *l, struct advance *a)
{
    uint32_t to = machine_code(l->m[1]);
    if (!machine_translates(l->m[1])) return;
    for (unsigned n = 0; n < ELIDED_MOST && !a->ended && !a->irq && machine_code(l->m[0]) != to; n++) {
        struct machine_insn i;
        if (!machine_insn(l->m[0], gva(machine_code(l->m[0])), &i) || strcmp(i.word, "jmp")) return;
        advance(l->m[0], a);
    }
}

/* An interrupt came to the second in the middle of a repeated string instruction: the first does as many iterations, and stands
 * before the others. */
static bool begin_piece(struct lockstep *l, const struct piece *p)
{
    enum { RF = 1 << 16 /* is pushed set in the middle of such an instruction: SDM volume 3, 17.3.1.1 */ };
    struct machine *m = l->m[0];
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

/* The first machine does what the second has done in its step. */
static void catch_up(struct lockstep *l, const struct advance *second, const struct piece *p)
{
    struct advance a = { 0 };
    bool only_irq = second->irq && frame_eip(l->m[1]) == p->start;
    unsigned n = only_irq ? 0 : second->emulated > 1 ? second->emulated : 1;
    if (only_irq && p->repeated && count_of(l->m[1], p) != p->count && !begin_piece(l, p)) return;
    for (unsigned i = 0; i < n && !a.ended; i++) {
        advance(l->m[0], &a);
        if (a.irq && !second->irq) {
            lose(l, "an interrupt came to the first alone");
            return;
        }
    }
    if (!a.ended && !second->ended && !second->irq) pass_elided(l, &a);
    if (a.lost || second->lost) {
        lose(l, "one of them never comes to its next instruction");
        return;
    }
    if (second->irq && !a.irq && !follow_interrupt(l, 0, second->vector)) return;
    if (second->ended && !a.ended) advance(l->m[0], &a);
    if (a.ended != second->ended) note(l, "end", 0, a.ended, second->ended);
    else if (a.ended && l->end == LOCKSTEP_RUNNING) l->end = LOCKSTEP_ENDED;
}

static void find_silent(struct lockstep *l, uint32_t from)
{
    const struct trace *t = machine_trace_of(l->m[1]);
    for (uint32_t id = from + 1; id <= trace_last(t); id++)
        if (trace_by_id(t, id)->kind == EV_SILENT) l->silent = id;
}

static bool aligned(struct lockstep *l)
{
    for (unsigned k = 0; k < 2; k++)
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

bool lockstep_step(struct lockstep *l)
{
    struct machine_span spans[MACHINE_SPANS];
    struct machine_cpu c;
    struct machine_insn i;
    struct advance second;
    if (l->end != LOCKSTEP_RUNNING) return false;
    if (!aligned(l)) return lose(l, "the hypervisor never comes to the guest"), false;
    look(l, &c, &i);
    for (unsigned k = 0; k < 2; k++)
        if (!head(l, k, &i)) return false;
    look(l, &c, &i); /* a handler's first instruction is another one */
    unsigned n = machine_operands(l->m[0], spans, MACHINE_SPANS);
    bool device = touches_device(l, spans, n);
    l->before = !same_memory(l, spans, n, false);
    if (l->before) return false;
    enum freedom free_ = freedom_of(&i, device);
    struct piece p;
    bool more = false;
    look_for_piece(l, &c, &i, &p);
    cut(l, &p);
    advance(l->m[1], &second);
    catch_up(l, &second, &p);
    if (l->end == LOCKSTEP_LOST || l->end == LOCKSTEP_STOPPED) return false;
    if (l->end != LOCKSTEP_ENDED) {
        for (unsigned k = 0; k < 2; k++) more = rejoin(l->m[k], &p, second.irq);
        if (free_ != NOT_FREE) copy_input(l, free_, spans, n);
        same_registers(l);
        same_memory(l, spans, n, false);
        n = second.irq ? machine_operands(l->m[0], spans, 1) : 0; /* the frame */
        same_memory(l, spans, n, false);
    }
    if (l->end == LOCKSTEP_PARTED) find_silent(l, second.from);
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
