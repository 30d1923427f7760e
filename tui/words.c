/* See words.h. What is said about a kind is in one small function each; a kind without one reads as its fields. */
#include "tui/words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "sim/trace/vector.h"
#include "tui/theme.h"

enum { VISIT_LONGEST = 64 /* events of one visit that are read for its line */ };

static const char *name_of(const struct machine *m, uint32_t at, char *buf, size_t n)
{
    return machine_symbol(m, at, buf, n);
}

static void say_fields(const struct event *e, const struct machine *m, struct text *t)
{
    const struct event_desc *d = event_desc(e->kind);
    (void)m;
    for (unsigned i = 0; i < d->fields; i++) {
        const struct event_field *f = &d->field[i];
        uint32_t v = event_field(e, f);
        if (t->len) text_char(t, ' ');
        if (f->type)
            text_add(t, "%s", trace_name(f->type, v));
        else
            text_add(t, f->hex ? "%s %X" : "%s %u", f->name, v);
    }
}

static void say_at(const char *before, uint32_t at, const struct machine *m, struct text *t)
{
    char buf[64];
    text_add(t, "%s%s", before, name_of(m, at, buf, sizeof buf));
}

static void say_run(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("at ", e->u.RUN.entry, m, t);
}

static void say_fault(const struct event *e, const struct machine *m, struct text *t)
{
    vector_text(e->u.FAULT.vector, e->u.FAULT.code, t);
    if (e->u.FAULT.vector == 14) text_add(t, " %08X", e->u.FAULT.addr);
    say_at(" in ", e->eip, m, t);
}

static void say_int(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%02Xh", e->u.INT.vector);
    say_at(" in ", e->eip, m, t);
}

static void say_irq(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "vector %02Xh", e->u.IRQ.vector);
    say_at(" in ", e->eip, m, t);
}

static void say_gate(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u → %u", e->u.GATE.from, e->u.GATE.to);
    say_at("  ", e->u.GATE.target, m, t);
}

static void say_return(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u → %u", e->u.RETURN.from, e->u.RETURN.to);
    say_at("  ", e->u.RETURN.target, m, t);
}

static void say_exit(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%s", trace_name("exit", e->u.EXIT.reason));
    if (e->u.EXIT.vector != VECTOR_NONE) {
        text_add(t, " ");
        vector_text(e->u.EXIT.vector, e->u.EXIT.code, t);
    }
    if (e->u.EXIT.vector == 14) text_add(t, " %08X", e->u.EXIT.addr);
    say_at(" in ", e->eip, m, t);
}

static void say_vmexit(const struct event *e, const struct machine *m, struct text *t)
{
    const char *name = trace_name("vmx", e->u.VMEXIT.reason);
    text_add(t, "%s", name ? name : "");
    if (e->u.VMEXIT.vector != VECTOR_NONE) {
        text_add(t, " ");
        vector_text(e->u.VMEXIT.vector, 0, t);
    }
    say_at(" in ", e->eip, m, t);
}

static void say_vmentry(const struct event *e, const struct machine *m, struct text *t)
{
    say_at("", e->u.VMENTRY.target, m, t);
    if (e->u.VMENTRY.inject) text_add(t, " injecting %08X", e->u.VMENTRY.inject);
}

static void say_emulate(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s", trace_name("mnemonic", e->u.EMULATE.op));
}

/* "#PF(2)"; "20h" where there is no name. */
static void say_vector(uint8_t vector, uint32_t code, struct text *t)
{
    if (*vector_name(vector))
        vector_text(vector, code, t);
    else
        text_add(t, "%02Xh", vector);
}

static void say_inject(const struct event *e, const struct machine *m, struct text *t)
{
    say_vector(e->u.INJECT.vector, e->u.INJECT.code, t);
    say_at(" → ", e->u.INJECT.target, m, t);
}

static void say_resume(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "ring %u", e->u.RESUME.to);
    say_at("  ", e->u.RESUME.target, m, t);
}

static void say_silent(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s: %s %X, not %X", trace_name("mnemonic", e->u.SILENT.op), trace_name("field", e->u.SILENT.field),
             e->u.SILENT.got, e->u.SILENT.wanted);
}

static void say_hidden(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "fill %08X", e->u.HIDDEN.va);
}

static void say_true(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "guest's own %08X", e->u.TRUE.va);
}

static void say_traced(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "PTE %08X = %08X", e->u.TRACED.va, e->u.TRACED.entry);
}

static void say_cr3(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "cr3 = %08X", e->u.CR3.value);
}

static void say_port(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, e->u.PORT.out ? "out %Xh, %X" : "in %Xh = %X", e->u.PORT.port, e->u.PORT.value);
}

static void say_raise(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "line %u%s", e->u.RAISE.line, e->u.RAISE.virtual_ ? " (virtual)" : "");
}

static void say_disk(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "drive %u: %s", e->u.DISK.drive, trace_name("ata", e->u.DISK.op));
    if (e->u.DISK.count) text_add(t, ", %u at sector %u", e->u.DISK.count, e->u.DISK.lba);
}

static void say_hypercall(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "%s = %d", trace_name("hypercall", e->u.HYPERCALL.op), (int)e->u.HYPERCALL.result);
}

static void say_refused(const struct event *e, const struct machine *m, struct text *t)
{
    (void)m;
    text_add(t, "refused: %s", trace_name("rule", e->u.REFUSED.rule));
}

static void say_upcall(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "upcall");
    say_at(" → ", e->u.UPCALL.target, m, t);
}

static void say_die(const struct event *e, const struct machine *m, struct text *t)
{
    text_add(t, "%s", trace_name("death", e->u.DIE.why));
    say_at(" at ", e->u.DIE.addr, m, t);
}

static const struct {
    void (*say)(const struct event *e, const struct machine *m, struct text *t);
    uint8_t role;
    bool warn;
} kinds[EV_COUNT] = {
    [EV_RUN] = { say_run, ROLE_PLAIN, false },      [EV_FAULT] = { say_fault, ROLE_PLAIN, false },
    [EV_INT] = { say_int, ROLE_PLAIN, false },      [EV_IRQ] = { say_irq, ROLE_DEVICE, false },
    [EV_GATE] = { say_gate, ROLE_PLAIN, false },    [EV_RETURN] = { say_return, ROLE_PLAIN, false },
    [EV_EXIT] = { say_exit, ROLE_VMM, false },      [EV_EMULATE] = { say_emulate, ROLE_VMM, false },
    [EV_INJECT] = { say_inject, ROLE_VMM, false },  [EV_RESUME] = { say_resume, ROLE_VMM, false },
    [EV_SILENT] = { say_silent, ROLE_WARN, true },  [EV_HIDDEN] = { say_hidden, ROLE_VMM, false },
    [EV_TRUE] = { say_true, ROLE_VMM, false },      [EV_TRACED] = { say_traced, ROLE_VMM, false },
    [EV_CR3] = { say_cr3, ROLE_PLAIN, false },      [EV_PORT] = { say_port, ROLE_DEVICE, false },
    [EV_RAISE] = { say_raise, ROLE_DEVICE, false }, [EV_DIE] = { say_die, ROLE_WARN, true },
    [EV_HYPERCALL] = { say_hypercall, ROLE_VMM, false }, [EV_REFUSED] = { say_refused, ROLE_WARN, false },
    [EV_UPCALL] = { say_upcall, ROLE_VMM, false },
    [EV_VMEXIT] = { say_vmexit, ROLE_PLAIN, false }, [EV_VMENTRY] = { say_vmentry, ROLE_PLAIN, false },
    [EV_DISK] = { say_disk, ROLE_DEVICE, false },
};

static void finish(struct words *w, struct text *t)
{
    snprintf(w->what, sizeof w->what, "%s", text_str(t));
    text_free(t);
}

static void begin(const struct event *e, struct words *w)
{
    *w = (struct words){ .id = e->id, .cycle = e->cycle, .kind = e->kind, .ring = e->ring };
    w->role = kinds[e->kind].role;
    w->warn = kinds[e->kind].warn;
    snprintf(w->word, sizeof w->word, "%s", event_desc(e->kind)->word);
}

void words_event(const struct event *e, const struct machine *m, struct words *w)
{
    struct text t = { 0 };
    begin(e, w);
    (kinds[e->kind].say ? kinds[e->kind].say : say_fields)(e, m, &t);
    if (e->kind == EV_RESUME) w->has_cost = true, w->cost = e->u.RESUME.cost;
    finish(w, &t);
}

/* "trap #GP", "int 80h", "irq 20h"; "callout" and "port" where no vector led. */
static void visit_word(const struct event *e, struct words *w)
{
    const char *name = vector_name(e->u.EXIT.vector);
    if (*name)
        snprintf(w->word, sizeof w->word, "trap %s", name);
    else if (e->u.EXIT.vector == VECTOR_NONE)
        snprintf(w->word, sizeof w->word, "%.8s", trace_name("exit", e->u.EXIT.reason));
    else
        snprintf(w->word, sizeof w->word, "%.4s %02Xh", trace_name("exit", e->u.EXIT.reason), e->u.EXIT.vector);
}

/* What the hypervisor did in a visit, most telling first in time; a port access says more than "out". */
static bool telling(const struct event *e)
{
    return e->kind == EV_EMULATE || e->kind == EV_INJECT || e->kind == EV_HIDDEN || e->kind == EV_TRUE ||
           e->kind == EV_TRACED || e->kind == EV_PORT || e->kind == EV_DIE || e->kind == EV_HYPERCALL || e->kind == EV_REFUSED ||
           e->kind == EV_UPCALL;
}

static void add_part(const struct event *e, const struct machine *m, struct text *t)
{
    if (t->len) text_add(t, ", ");
    if (e->kind == EV_INJECT) {
        text_add(t, "inject ");
        say_vector(e->u.INJECT.vector, e->u.INJECT.code, t);
    } else {
        kinds[e->kind].say(e, m, t);
    }
}

void words_visit(const struct event *exit, const struct machine *m, struct words *w)
{
    const struct trace *trace = machine_trace_of(m);
    struct text t = { 0 };
    bool port = false;
    begin(exit, w);
    visit_word(exit, w);
    for (uint32_t id = exit->id + 1; id <= trace_last(trace) && id < exit->id + VISIT_LONGEST; id++)
        if (trace_by_id(trace, id)->kind == EV_PORT && trace_by_id(trace, id)->episode == exit->id) port = true;
    for (uint32_t id = exit->id + 1; id <= trace_last(trace) && id < exit->id + VISIT_LONGEST; id++) {
        const struct event *e = trace_by_id(trace, id);
        if (e->episode != exit->id) break;
        if (e->kind == EV_RESUME) w->has_cost = true, w->cost = e->u.RESUME.cost;
        if (telling(e) && !(port && e->kind == EV_EMULATE)) add_part(e, m, &t);
    }
    if (!t.len) text_add(&t, "%s", trace_name("exit", exit->u.EXIT.reason));
    finish(w, &t);
}

static bool contains(const char *s, const char *filter)
{
    size_t n = strlen(filter);
    for (; *s; s++)
        if (!strncasecmp(s, filter, n)) return true;
    return n == 0;
}

/* Is this event a line of its own when visits are folded? What belongs to a visit is in its EXIT's line; the fault or
 * interrupt that opened it, and gates, are named by what they led to; wires are silent. */
static bool alone(const struct trace *t, const struct event *e, uint32_t opener)
{
    const struct event *cause = trace_by_id(t, e->cause);
    if (e->id == opener) return false;
    if (e->kind == EV_GATE || e->kind == EV_RAISE) return false;
    if (e->kind == EV_RETURN && cause && cause->kind == EV_RESUME) return false; /* the resume's own IRET */
    return !e->episode || e->kind == EV_EXIT || e->kind == EV_SILENT || e->kind == EV_DIE;
}

/* The fault or interrupt behind an EXIT: the cause of its gate. 0: none. */
static uint32_t opener_of(const struct trace *t, const struct event *exit)
{
    const struct event *gate = trace_by_id(t, exit->cause);
    if (!gate) return 0;
    return gate->kind == EV_GATE ? gate->cause : gate->id;
}

unsigned words_tail(const struct machine *m, bool fold, const char *filter, unsigned skip, struct words *list,
                    unsigned room, bool *more)
{
    const struct trace *t = machine_trace_of(m);
    uint32_t opener = 0;
    unsigned n = 0, looked = 0;
    size_t i = trace_count(t);
    *more = false;
    while (i-- && looked++ < WORDS_SEARCH) {
        const struct event *e = trace_at(t, i);
        struct words w;
        if (fold && e->kind == EV_EXIT) opener = opener_of(t, e);
        if (fold && !alone(t, e, opener)) continue;
        if (skip && !*filter) {
            skip--;
            continue;
        }
        if (fold && e->kind == EV_EXIT)
            words_visit(e, m, &w);
        else
            words_event(e, m, &w);
        if (*filter && !contains(w.word, filter) && !contains(w.what, filter)) continue;
        if (skip) {
            skip--;
            continue;
        }
        if (n == room) {
            *more = true;
            break;
        }
        list[n++] = w;
    }
    for (unsigned a = 0, b = n; a + 1 < b; a++) {
        struct words keep = list[a];
        list[a] = list[--b];
        list[b] = keep;
    }
    return n;
}
