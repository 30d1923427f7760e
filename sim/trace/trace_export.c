/* CSV and folded stacks; see trace_export.h. */
#include "sim/trace/trace_export.h"
#include "sim/core/fatal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- comma-separated values ------------------------------------------------------------------------------------------ */

static void quoted(struct text *out, const char *s)
{
    text_char(out, '"');
    for (; *s; s++) {
        if (*s == '"') text_char(out, '"');
        text_char(out, *s);
    }
    text_char(out, '"');
}

static void fields(const struct event *e, struct text *out)
{
    const struct event_desc *d = event_desc(e->kind);
    for (unsigned i = 0; i < d->fields; i++) {
        const struct event_field *f = &d->field[i];
        uint32_t v = event_field(e, f);
        text_add(out, "%s%s=", i ? " " : "", f->name);
        const char *name = f->type ? trace_name(f->type, v) : "?";
        if (*name != '?') text_add(out, "%s", name);
        else text_add(out, f->hex ? "%" PRIX32 : "%" PRIu32, v);
    }
}

void trace_csv(const struct trace_export *x, struct text *out)
{
    char symbol[96];
    text_add(out, "id,cycle,moment,ring,event,eip,symbol,cause,episode,fields\n");
    for (size_t i = 0; i < trace_count(x->t); i++) {
        const struct event *e = trace_at(x->t, i);
        struct text f = { 0 };
        if (e->kind == EV_FORGOTTEN) continue;
        fields(e, &f);
        text_add(out, "%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%u,%s,%08" PRIX32 ",", e->id, e->cycle, e->insns, e->ring, event_desc(e->kind)->word, e->eip);
        quoted(out, x->symbol(x->self, e->eip, symbol, sizeof symbol));
        text_add(out, ",%" PRIu32 ",%" PRIu32 ",", e->cause, e->episode);
        quoted(out, text_str(&f));
        text_char(out, '\n');
        text_free(&f);
    }
}

/* --- folded stacks ---------------------------------------------------------------------------------------------------- */

struct stack { char name[120]; uint64_t by_cause[CAUSE_COUNT]; };

static int by_name(const void *a, const void *b) { return strcmp(((const struct stack *)a)->name, ((const struct stack *)b)->name); }

/* hypervisor;REASON;FUNCTION of the guest that left. A semicolon in a name would be another frame. */
static void name_visit(const struct trace_export *x, const struct episode *p, struct stack *s)
{
    char symbol[96];
    const struct event *exit = trace_by_id(x->t, p->exit);
    const char *name = exit ? x->symbol(x->self, exit->eip, symbol, sizeof symbol) : "?";
    struct text t = { 0 };
    text_add(&t, "hypervisor;%s;%.*s", trace_name("exit", p->reason), (int)strcspn(name, "+; "), name);
    strncpy(s->name, text_str(&t), sizeof s->name - 1);
    text_free(&t);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) s->by_cause[c] = c == CAUSE_IDLE ? 0 : p->cost[c];
}

static void print(const struct stack *s, struct text *out)
{
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (s->by_cause[c]) text_add(out, "%s;%s %" PRIu64 "\n", s->name, cause_name(c), s->by_cause[c]);
}

void trace_folded(const struct trace_export *x, struct text *out)
{
    size_t n = trace_episodes(x->t), kept = 0;
    struct stack *list = calloc(n + 1, sizeof *list), rest = { "guest", { 0 } };
    if (!list) fatal(EXIT_ENVIRONMENT, "out of memory for the stacks; shorten the run with --limit-cycles");
    memcpy(rest.by_cause, x->by_cause, sizeof rest.by_cause);
    for (size_t i = 0; i < n; i++) {
        name_visit(x, trace_episode_at(x->t, i), &list[i]);
        for (unsigned c = 0; c < CAUSE_COUNT; c++) rest.by_cause[c] -= list[i].by_cause[c];
    }
    qsort(list, n, sizeof *list, by_name);
    for (size_t i = 0; i < n; i++) {
        if (kept && !strcmp(list[kept - 1].name, list[i].name))
            for (unsigned c = 0; c < CAUSE_COUNT; c++) list[kept - 1].by_cause[c] += list[i].by_cause[c];
        else list[kept++] = list[i];
    }
    print(&rest, out);
    for (size_t i = 0; i < kept; i++) print(&list[i], out);
    free(list);
}
