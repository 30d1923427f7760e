/* See trace_tally.h. */
#include "sim/trace/trace_tally.h"

#include "sim/trace/vector.h"

static void on_exit_event(struct tally *t, const struct event *e)
{
    t->exits++;
    t->by_reason[e->u.EXIT.reason]++;
    t->by_vector[e->u.EXIT.vector]++;
}

static inline void count(struct tally *t, const struct event *e)
{
    t->kinds[e->kind]++;
    switch (e->kind) {
    case EV_EXIT: on_exit_event(t, e); break;
    case EV_SILENT:
        t->silent++;
        t->silent_by_op[e->u.SILENT.op]++;
        break;
    case EV_INJECT:
        t->injections++;
        t->external += e->u.INJECT.external != 0;
        break;
    default: break;
    }
}

enum vote tally_event(void *self, const struct event *e)
{
    count(self, e);
    return VOTE_GO;
}

void tally_history(struct tally *tally, const struct trace *t, uint32_t from, uint32_t to)
{
    *tally = (struct tally){ 0 };
    if (!from) from = 1;
    if (!to || to > trace_last(t)) to = trace_last(t);
    for (size_t i = from - 1, n = 0; i < to; i += n) {
        size_t before = i ? i - 1 : 0, same;
        const uint16_t *gone = trace_gone(t, i, &n);
        if (gone) {
            /* Of a part nothing is known. */
            bool whole = i + n <= to && (!i || trace_gone(t, before, &same) != gone);
            for (unsigned k = 0; k < EV_COUNT && whole; k++) tally->kinds[k] += gone[k];
            continue;
        }
        const struct event *e = trace_span(t, i, &n);
        for (size_t k = 0; k < n && i + k < to; k++) count(tally, &e[k]);
    }
}

/* Right-aligned number with separators in a field of `width` columns. */
static void add_number(struct text *out, int width, uint64_t n)
{
    struct text digits = { 0 };
    text_number(&digits, n);
    text_add(out, "%*s", width, text_str(&digits));
    text_free(&digits);
}

static void add_row(struct text *out, const char *name, uint64_t n)
{
    text_add(out, "  %-24s", name);
    add_number(out, 12, n);
}

static void add_total(struct text *out, const char *what, uint64_t n)
{
    text_add(out, "%-26s", what);
    add_number(out, 12, n);
}

/* What a hypervisor's page faults were: each is one of these. */
static void add_page_faults(const struct tally *t, struct text *out)
{
    static const uint8_t kinds[] = { EV_HIDDEN, EV_TRUE, EV_TRACED };
    uint64_t sum = 0;
    for (unsigned i = 0; i < sizeof kinds; i++) sum += t->kinds[kinds[i]];
    if (!sum) return;
    add_total(out, "page faults", sum);
    text_char(out, '\n');
    for (unsigned i = 0; i < sizeof kinds; i++) {
        if (!t->kinds[kinds[i]]) continue;
        add_row(out, event_desc(kinds[i])->word, t->kinds[kinds[i]]);
        text_char(out, '\n');
    }
}

void tally_text(const struct tally *t, struct text *out)
{
    add_total(out, "exits", t->exits);
    text_char(out, '\n');
    for (unsigned r = 0; r < 256; r++) {
        if (!t->by_reason[r]) continue;
        add_row(out, trace_name("exit", r), t->by_reason[r]);
        text_char(out, '\n');
    }
    add_total(out, "exits by vector", t->exits);
    text_char(out, '\n');
    for (unsigned v = 0; v < 256; v++) {
        if (!t->by_vector[v]) continue;
        struct text name = { 0 };
        if (*vector_name((uint8_t)v)) text_add(&name, "%s", vector_name((uint8_t)v));
        else vector_text((uint8_t)v, 0, &name);
        add_row(out, text_str(&name), t->by_vector[v]);
        text_char(out, '\n');
        text_free(&name);
    }
    add_page_faults(t, out);
    add_total(out, "silent failures", t->silent);
    text_char(out, '\n');
    for (unsigned op = 0; op < 256; op++) {
        if (!t->silent_by_op[op]) continue;
        add_row(out, trace_name("mnemonic", op), t->silent_by_op[op]);
        text_char(out, '\n');
    }
    add_total(out, "injections", t->injections);
    text_char(out, '\n');
}
