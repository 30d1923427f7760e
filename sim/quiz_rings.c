/* `ringside quiz rings`: how often the processor changes its ring in one system call. See quiz.h.
 *
 * Idea: the guest `rings` writes with system calls of all lengths. One of them during which no interrupt came is taken out of the history of
 * a whole run, from the INT to the instruction behind it; each change of ring in it is an event. Intel SDM vol. 3A, 6.12.1. */
#include <stdio.h>
#include "sim/machine.h"
#include "sim/quiz.h"

enum { CALLS = 64, SYSTEM_CALL = 0x80 };

struct call { unsigned changes, crossings, ports; bool clean; };
struct calls { struct call call[CALLS]; unsigned n; };

static void note(struct call *c, const struct event *e)
{
    switch (e->kind) {
    case EV_GATE: c->changes += e->u.GATE.from != e->u.GATE.to; break;
    case EV_RETURN: c->changes += e->u.RETURN.from != e->u.RETURN.to; break;
    case EV_VMEXIT:
    case EV_VMENTRY: c->crossings++; break;
    case EV_PORT: c->ports++; break;
    case EV_IRQ: c->clean = false; break;
    default: break;
    }
}

static bool collect(const struct options *o, const char *cpu, struct calls *to, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    if (!quiz_guest(&cfg, "rings", e) || !config_option(&cfg, "cpu", cpu, e)) return false;
    struct machine *m = quiz_run(&cfg, e);
    if (!m) return false;
    const struct trace *t = machine_trace_of(m);
    bool inside = false;
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *ev = trace_at(t, i);
        if (!inside && ev->kind == EV_INT && ev->u.INT.vector == SYSTEM_CALL && to->n < CALLS) {
            to->call[to->n] = (struct call){ .clean = true };
            inside = true;
        } else if (inside) {
            note(&to->call[to->n], ev);
            if (ev->kind == EV_RETURN && ev->u.RETURN.to == 3) inside = false, to->n++;
        }
    }
    machine_free(m);
    return true;
}

bool quiz_rings(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    struct calls native = { .n = 0 }, te = { .n = 0 }, vtx = { .n = 0 };
    char number[16];
    if (!collect(o, "native", &native, e) || !collect(o, "te", &te, e) || !collect(o, "vtx", &vtx, e)) return false;
    unsigned good[CALLS], n = 0;
    for (unsigned i = 0; i < native.n && i < te.n && i < vtx.n; i++)
        if (native.call[i].clean && te.call[i].clean && vtx.call[i].clean && te.call[i].ports == vtx.call[i].ports) good[n++] = i;
    if (!n) return err_set(e, EXIT_BUG, "quiz: no system call without an interrupt");
    const unsigned at = good[quiz_pick(&seed, n)], ports = te.call[at].ports;
    text_add(&p->question, "A program in ring 3 makes a system call by INT 80h. Its kernel's handler ");
    if (ports) text_add(&p->question, "accesses I/O ports %u time%s, does nothing else that is sensitive,", ports, ports == 1 ? "" : "s");
    else text_add(&p->question, "does nothing that is sensitive");
    text_add(&p->question, " and returns by IRET. No interrupt comes in between. Count from the INT until the program goes on.");
    snprintf(number, sizeof number, "%u", native.call[at].changes);
    text_add(quiz_part(p, "How often does the processor change its ring on a bare machine?", number), "INT: 3 to 0; IRET: 0 to 3: 2. Counted: %s.", number);
    snprintf(number, sizeof number, "%u", te.call[at].changes);
    text_add(quiz_part(p, "How often by trap-and-emulate, with the guest's kernel in ring 1?", number),
             "INT: 3 to 0, and into the guest's handler: 0 to 1; each port access: 1 to 0 and back; IRET: 1 to 0, and to the program: 0 to 3: 2 + 2 x %u + 2 = %u. Counted: %s.",
             ports, 4 + 2 * ports, number);
    snprintf(number, sizeof number, "%u", vtx.call[at].crossings);
    text_add(quiz_part(p, "How many VM exits and VM entries, together, does it take with hardware assistance?", number),
             "INT and IRET go through the guest's own tables; each port access is one exit and one entry: 2 x %u = %u. Counted: %s.", ports, 2 * ports, number);
    return true;
}
