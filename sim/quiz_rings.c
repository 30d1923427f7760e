/* `ringside quiz rings`: how often the processor changes its ring in system calls. See quiz.h.
 *
 * Idea: the guest `rings` makes many system calls, of which some write. A few that follow each other and during which no interrupt came are taken out
 * of the history of a whole run, each from the INT to the instruction behind it; each change of ring in them is an event. Intel SDM vol. 3A, 6.12.1. */
#include <stdio.h>
#include <string.h>
#include "sim/machine.h"
#include "sim/quiz.h"

enum { CALLS = 64, AT_ONCE = 9, SYSTEM_CALL = 0x80 };

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

/* The same run for every problem of one command. */
static bool collect_all(const struct options *o, struct calls to[3], struct err *e)
{
    static const char *const cpus[] = { "native", "te", "vtx" };
    static struct calls kept[3];
    for (unsigned i = 0; i < 3; i++)
        if (!kept[i].n && !collect(o, cpus[i], &kept[i], e)) return false;
    memcpy(to, kept, sizeof kept);
    return true;
}

static bool is_good(const struct calls *c, unsigned i)
{
    bool there = i < c[0].n && i < c[1].n && i < c[2].n;
    return there && c[0].call[i].clean && c[1].call[i].clean && c[2].call[i].clean && c[1].call[i].ports == c[2].call[i].ports;
}

/* `*n` calls that follow each other, from the returned one on, all of them good; every second problem has accesses to ports in it. */
static unsigned choose(const struct calls *c, uint64_t *seed, unsigned *n)
{
    unsigned first[CALLS * AT_ONCE], many[CALLS * AT_ONCE], found = 0;
    for (bool ports = quiz_pick(seed, 2); !found; ports = false) {
        for (unsigned at = 0; at < CALLS; at++) {
            unsigned accesses = 0;
            for (unsigned k = 1; k <= AT_ONCE && is_good(c, at + k - 1); k++) {
                accesses += c[1].call[at + k - 1].ports;
                if (!ports || accesses) first[found] = at, many[found++] = k;
            }
        }
        if (!ports && !found) return *n = 0;
    }
    const unsigned i = quiz_pick(seed, found);
    return *n = many[i], first[i];
}

bool quiz_rings(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    struct calls c[3];
    char number[16];
    unsigned n, changes[2] = { 0 }, crossings = 0, ports = 0;
    if (!collect_all(o, c, e)) return false;
    const unsigned at = choose(c, &seed, &n);
    if (!n) return err_set(e, EXIT_BUG, "quiz: no system call without an interrupt");
    for (unsigned i = at; i < at + n; i++) {
        for (unsigned k = 0; k < 2; k++) changes[k] += c[k].call[i].changes;
        crossings += c[2].call[i].crossings, ports += c[1].call[i].ports;
    }
    const char *many = n == 1 ? "" : "s", *does = n == 1 ? "s" : "";
    if (n == 1) text_add(&p->question, "A program in ring 3 makes a system call by INT 80h. Its kernel's handler ");
    else text_add(&p->question, "A program in ring 3 makes %u system calls by INT 80h, one after the other. Its kernel's handlers ", n);
    if (ports) text_add(&p->question, "access%s I/O ports %u time%s%s, do%s nothing else that is sensitive,", n == 1 ? "es" : "", ports, ports == 1 ? "" : "s", n == 1 ? "" : " in all", n == 1 ? "es" : "");
    else text_add(&p->question, "do%s nothing that is sensitive", n == 1 ? "es" : "");
    text_add(&p->question, " and return%s by IRET. No interrupt comes in between. Count from the %sINT until the program goes on%s.", does, n == 1 ? "" : "first ",
             n == 1 ? "" : " behind the last, only what the calls do");
    snprintf(number, sizeof number, "%u", changes[0]);
    text_add(quiz_part(p, "How often does the processor change its ring on a bare machine?", number), "each INT: 3 to 0; each IRET: 0 to 3; %u call%s: %u x 2 = %u. Counted: %s.", n, many, n, 2 * n, number);
    snprintf(number, sizeof number, "%u", changes[1]);
    text_add(quiz_part(p, "How often by trap-and-emulate, with the guest's kernel in ring 1?", number),
             "INT: 3 to 0, and into the guest's handler: 0 to 1; each port access: 1 to 0 and back; IRET: 1 to 0, and to the program: 0 to 3: %u x (2 + 2) + 2 x %u = %u. Counted: %s.",
             n, ports, 4 * n + 2 * ports, number);
    snprintf(number, sizeof number, "%u", crossings);
    text_add(quiz_part(p, "How many VM exits and VM entries, together, does it take with hardware assistance?", number),
             "INT and IRET go through the guest's own tables; each port access is one exit and one entry: 2 x %u = %u. Counted: %s.", ports, 2 * ports, number);
    return true;
}
