/* Running for GDB: forwards, backwards, by one; and saying where it ended.
 *
 * Idea 1: the guest runs in slices, and between two of them the debugger is asked whether it wants a stop; no thread, no
 * signal, nothing on the run loop.
 * Idea 2: a stop is always before an instruction of the guest. Should the machine have paused in the hypervisor (a watched
 * store was emulated), it goes on to the guest first.
 *
 * Stop replies: GDB manual E.3. `swbreak` and `hwbreak` are claimed only for a breakpoint GDB has set at this very EIP: GDB
 * takes any other for a stale one and goes on without a word. */
#include <stdio.h>
#include <string.h>
#include "sim/gdb.h"

enum { SLICE = 1000000 };
enum { SIG_INT = 2, SIG_TRAP = 5, SIG_SEGV = 11, SIG_XCPU = 24 }; /* GDB's numbers */

/* --- replies --- */

static void reply(struct gdb *g, const char *payload)
{
    text_clear(&g->last);
    text_add(&g->last, "%s", payload);
    gdb_send(g, payload);
}

/* `reason` is empty or ends in ';'. A few registers ride along so that GDB need not ask. */
static void reply_stop(struct gdb *g, unsigned signal, const char *reason)
{
    static const uint8_t with[] = { 8, 4, 5 }; /* EIP ESP EBP */
    struct text t = { 0 };
    text_add(&t, "T%02x%sthread:1;", signal, reason);
    for (unsigned i = 0; i < sizeof with; i++) {
        text_add(&t, "%02x:", with[i]);
        gdb_add_register(g, with[i], &t);
        text_char(&t, ';');
    }
    reply(g, text_str(&t));
    text_free(&t);
}

/* The guest ended. If it died, GDB is first shown the place, and can go back from there; W and X are the end of a session. */
static void reply_end(struct gdb *g)
{
    struct machine_end end = machine_end(g->m);
    char line[sizeof end.why + 2], payload[8];
    bool bad = end.fate == FATE_DIED || end.fate == FATE_LIMIT;
    if (!g->told_end) {
        snprintf(line, sizeof line, "%s\n", end.why);
        gdb_console(g, line);
    }
    if (bad && !g->told_end) {
        g->told_end = true;
        reply_stop(g, end.fate == FATE_DIED ? SIG_SEGV : SIG_XCPU, "");
        return;
    }
    g->over = GDB_GONE;
    unsigned code = end.fate == FATE_EXITED ? end.code : (unsigned)machine_exit_code(g->m);
    if (end.fate == FATE_DIED) snprintf(payload, sizeof payload, "X%02x", SIG_SEGV);
    else snprintf(payload, sizeof payload, "W%02x", code & 0xFF);
    reply(g, payload);
}

/* Why a stop at a point is one, in GDB's words. */
static void point_reason(const struct gdb *g, const struct point_hit *hit, char *out, size_t room)
{
    static const char *const words[] = { "swbreak", "hwbreak", "watch", "rwatch", "awatch" };
    struct machine_cpu c;
    machine_guest(g->m, &c);
    *out = 0;
    for (unsigned i = 0; i < g->stops; i++) {
        const struct gdb_stop *s = &g->stop[i];
        bool exec = s->type < 2;
        if (exec != (hit->kind == POINT_EXEC)) continue;
        if (exec ? s->at != hit->at || c.eip != hit->at : hit->at - s->at >= s->length) continue;
        if ((s->type == 0 && !g->swbreak) || (s->type == 1 && !g->hwbreak)) continue;
        if ((s->type == 2 && hit->kind != POINT_WRITE) || (s->type == 3 && hit->kind != POINT_READ)) continue;
        if (exec) snprintf(out, room, "%s:;", words[s->type]);
        else snprintf(out, room, "%s:%x;", words[s->type], hit->at);
        return;
    }
}

static void reply_point(struct gdb *g)
{
    char reason[40];
    const struct point_hit hit = g->hit;
    gdb_to_guest(g);
    if (machine_end(g->m).fate != FATE_RUNNING) {
        reply_end(g);
        return;
    }
    point_reason(g, &hit, reason, sizeof reason);
    reply_stop(g, SIG_TRAP, reason);
}

static void reply_run(struct gdb *g, enum machine_stop stop)
{
    switch (stop) {
    case MACHINE_POINT: reply_point(g); break;
    case MACHINE_ENDED: reply_end(g); break;
    case MACHINE_PAUSED:
        gdb_to_guest(g);
        if (machine_end(g->m).fate != FATE_RUNNING) reply_end(g);
        else reply_stop(g, SIG_INT, "");
        break;
    default: reply_stop(g, SIG_TRAP, ""); break;
    }
}

void gdb_stopped(struct gdb *g)
{
    if (g->last.len) gdb_send(g, text_str(&g->last));
    else if (machine_end(g->m).fate != FATE_RUNNING) reply_end(g);
    else reply_stop(g, SIG_TRAP, "");
}

/* --- running --- */

static enum machine_stop run(struct gdb *g, const struct till *till, uint64_t insns)
{
    enum machine_stop stop = machine_run(g->m, till, insns);
    if (stop == MACHINE_POINT) g->hit = *machine_point(g->m);
    return stop;
}

enum machine_stop gdb_run(struct gdb *g, const struct till *till)
{
    for (;;) {
        enum machine_stop stop = run(g, till, SLICE);
        if (stop != MACHINE_BUDGET && stop != MACHINE_PAUSED) return stop;
        if (g->interrupted && g->interrupted(g->self)) return MACHINE_PAUSED;
    }
}

void gdb_to_guest(struct gdb *g)
{
    const struct till guest = { .kind = TILL_GUEST };
    while (machine_place(g->m) == PLACE_VMM && machine_end(g->m).fate == FATE_RUNNING) {
        enum machine_stop stop = gdb_run(g, &guest);
        if (stop == MACHINE_PAUSED && machine_place(g->m) == PLACE_VMM) return; /* not coming back: the guest idles */
    }
}

/* To the guest's next moment at which it has got on: a visit to the hypervisor for its own sake (a hidden page fault, its
 * timer) is no step. */
static enum machine_stop virtual_step(struct gdb *g)
{
    const struct till guest = { .kind = TILL_GUEST };
    struct machine_cpu before, now;
    enum machine_stop stop;
    uint64_t at;
    machine_guest(g->m, &before);
    do {
        at = machine_insns(g->m);
        stop = gdb_run(g, &guest);
        machine_guest(g->m, &now);
    } while (stop == MACHINE_TILL && machine_insns(g->m) > at + 1 && !machine_guest_moved(&before, &now));
    return stop == MACHINE_TILL ? MACHINE_BUDGET : stop;
}

enum machine_stop gdb_one(struct gdb *g)
{
    machine_points_pass(g->m);
    if (machine_has_vmm(g->m)) return virtual_step(g);
    for (;;) { /* a halted CPU takes more than one call */
        uint64_t before = machine_insns(g->m);
        enum machine_stop stop = run(g, NULL, 1);
        if (stop == MACHINE_POINT || stop == MACHINE_ENDED) return stop;
        if (machine_insns(g->m) != before) return MACHINE_BUDGET;
        if (g->interrupted && g->interrupted(g->self)) return MACHINE_PAUSED;
    }
}

void gdb_continue(struct gdb *g)
{
    machine_points_pass(g->m);
    reply_run(g, gdb_run(g, g->till));
}

void gdb_step(struct gdb *g) { reply_run(g, gdb_one(g)); }

/* Did the guest take an external interrupt since event `last`? */
static bool was_interrupted(const struct machine *m, uint32_t last)
{
    const struct trace *t = machine_trace_of(m);
    for (size_t i = trace_count(t); i-- && trace_at(t, i)->id > last; ) {
        const struct event *e = trace_at(t, i);
        if (machine_has_vmm(m) ? e->kind == EV_INJECT && e->u.INJECT.external : e->kind == EV_IRQ) return true;
    }
    return false;
}

/* The guest stands at the beginning of an interrupt handler: runs until it has returned. Where to, the frame on the stack
 * says: EIP CS EFLAGS, and ESP SS from an outer ring (of a 32-bit gate). MACHINE_BUDGET: it has. */
static enum machine_stop over_interrupt(struct gdb *g)
{
    uint32_t frame[4];
    struct machine_cpu c;
    enum machine_stop stop;
    machine_guest(g->m, &c);
    if (!machine_peek_guest(g->m, gva(c.seg[2].base + c.reg[4]), frame, sizeof frame)) return MACHINE_BUDGET;
    bool outer = (frame[1] & 3) != c.cpl;
    uint32_t back = c.seg[1].base + frame[0], esp = outer ? frame[3] : c.reg[4] + 12;
    gdb_apply_stops(g, &back);
    do {
        machine_points_pass(g->m);
        stop = gdb_run(g, NULL);
        machine_guest(g->m, &c);
    } while (stop == MACHINE_POINT && g->hit.kind == POINT_EXEC && g->hit.at == back &&
             (c.reg[4] != esp || c.cpl != (frame[1] & 3)));
    gdb_apply_stops(g, NULL);
    return stop == MACHINE_POINT && g->hit.kind == POINT_EXEC && g->hit.at == back ? MACHINE_BUDGET : stop;
}

void gdb_step_program(struct gdb *g)
{
    uint32_t last = trace_last(machine_trace_of(g->m));
    enum machine_stop stop = gdb_one(g);
    if (stop == MACHINE_BUDGET && was_interrupted(g->m, last)) stop = over_interrupt(g);
    reply_run(g, stop);
}

/* For `step` and `next`: a source line is done when it is done, whatever interrupts came between. */
void gdb_step_range(struct gdb *g, uint32_t from, uint32_t to)
{
    struct machine_cpu c;
    enum machine_stop stop;
    unsigned n = 0;
    do {
        uint32_t last = trace_last(machine_trace_of(g->m));
        stop = gdb_one(g);
        if (stop == MACHINE_BUDGET && was_interrupted(g->m, last)) stop = over_interrupt(g);
        machine_guest(g->m, &c);
        if (stop != MACHINE_BUDGET) break;
        if (++n % 4096 == 0 && g->interrupted && g->interrupted(g->self)) {
            stop = MACHINE_PAUSED;
            break;
        }
    } while (c.eip - from < to - from);
    reply_run(g, stop);
}

/* --- backwards --- */

static void reply_beginning(struct gdb *g) { reply_stop(g, SIG_TRAP, "replaylog:begin;"); }

void gdb_back_step(struct gdb *g)
{
    g->told_end = false;
    if (machine_reverse_step(g->m)) reply_stop(g, SIG_TRAP, "");
    else reply_beginning(g);
}

void gdb_back_continue(struct gdb *g)
{
    g->told_end = false;
    enum machine_stop stop = machine_reverse(g->m, g->interrupted, g->self);
    if (stop == MACHINE_POINT) g->hit = *machine_point(g->m);
    if (stop == MACHINE_BUDGET) reply_beginning(g);
    else reply_run(g, stop);
}

void gdb_restart(struct gdb *g)
{
    g->told_end = false;
    g->over = GDB_ON;
    machine_back(g->m, UINT64_MAX);
    gdb_to_guest(g);
    text_clear(&g->last);
}
