/* `ringside trace diff`: two recorded runs. Idea: what was run is compared first, then events one by one: the first at which something else
 * happened, and the first at which the same happened at another time; then how often each kind did. */
#include "sim/trace_record.h"

#include <inttypes.h>
#include <string.h>
#include "sim/trace/trace_tally.h"

enum { CONTEXT = 3 };

/* What a reader of the file needs, and what says nothing of the run. */
static bool is_note(const char *key) { return !strcmp(key, "again") || !strcmp(key, "boot_id") || !strcmp(key, "ladder"); }

static bool identity(const struct recording *a, const struct recording *b, struct text *out)
{
    bool differs = false;
    char key[64], mine[256], theirs[256];
    for (const char *line = text_str(&a->what); *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t n = strcspn(line, "=");
        if (n >= sizeof key) continue;
        memcpy(key, line, n);
        key[n] = 0;
        if (is_note(key)) continue;
        recording_value(a, key, mine, sizeof mine);
        recording_value(b, key, theirs, sizeof theirs);
        if (!strcmp(mine, theirs)) continue;
        if (!differs) text_add(out, "\nwhat was run\n");
        text_add(out, "  %-13s %s | %s\n", key, mine, theirs);
        differs = true;
    }
    return differs;
}

/* What it took is when, not what. */
static bool same_payload(const struct event *a, const struct event *b)
{
    const struct event_desc *d = event_desc(a->kind);
    for (unsigned f = 0; f < d->fields; f++)
        if (strcmp(d->field[f].name, "cost") && event_field(a, &d->field[f]) != event_field(b, &d->field[f])) return false;
    return true;
}

bool trace_same_event(const struct event *a, const struct event *b)
{
    return a->kind == b->kind && a->eip == b->eip && a->ring == b->ring && a->vcpu == b->vcpu && a->cause == b->cause && a->episode == b->episode &&
           same_payload(a, b);
}

static void line(const char *who, const struct event *e, struct text *out)
{
    text_add(out, "  %-4s ", who);
    if (!e) text_add(out, "(its run is over)");
    else if (e->kind == EV_FORGOTTEN) text_add(out, "(forgotten)");
    else trace_line(e, out);
    text_char(out, '\n');
}

static void show(const struct recording *a, const struct recording *b, size_t at, struct text *out)
{
    for (size_t i = at > CONTEXT ? at - CONTEXT : 0; i < at; i++) line("both", trace_at(a->x.t, i), out);
    for (size_t i = at; i < at + CONTEXT && trace_at(a->x.t, i); i++) line("a", trace_at(a->x.t, i), out);
    if (!trace_at(a->x.t, at)) line("a", NULL, out);
    for (size_t i = at; i < at + CONTEXT && trace_at(b->x.t, i); i++) line("b", trace_at(b->x.t, i), out);
    if (!trace_at(b->x.t, at)) line("b", NULL, out);
}

static bool events(const struct recording *a, const struct recording *b, struct text *out)
{
    size_t n = trace_count(a->x.t), m = trace_count(b->x.t), most = n > m ? n : m, later = most, at = most;
    for (size_t i = 0; i < most && at == most; i++) {
        const struct event *x = trace_at(a->x.t, i), *y = trace_at(b->x.t, i);
        if (!x || !y || !trace_same_event(x, y)) at = i;
        else if (later == most && (x->cycle != y->cycle || x->insns != y->insns)) later = i;
    }
    if (at < most) text_add(out, "\nthe first event that is another one: %zu\n", at + 1), show(a, b, at, out);
    if (later < at) {
        text_add(out, "\nthe first event at another time: %zu\n", later + 1);
        line("a", trace_at(a->x.t, later), out);
        line("b", trace_at(b->x.t, later), out);
    }
    return at < most || later < at;
}

static bool counts(const struct recording *a, const struct recording *b, struct text *out)
{
    struct tally x = { .exits = 0 }, y = { .exits = 0 };
    bool differs = false;
    tally_history(&x, a->x.t, 0, 0);
    tally_history(&y, b->x.t, 0, 0);
    for (unsigned k = 0; k < EV_COUNT; k++) {
        if (x.kinds[k] == y.kinds[k] || k == EV_FORGOTTEN) continue;
        if (!differs) text_add(out, "\nhow often\n");
        text_add(out, "  %-13s %" PRIu64 " | %" PRIu64 "\n", event_desc(k)->word, x.kinds[k], y.kinds[k]);
        differs = true;
    }
    for (unsigned c = 0, said = 0; c < CAUSE_COUNT; c++) {
        if (a->by_cause[c] == b->by_cause[c]) continue;
        if (!said++) text_add(out, "\ncycles\n");
        text_add(out, "  %-13s %" PRIu64 " | %" PRIu64 "\n", cause_name(c), a->by_cause[c], b->by_cause[c]);
        differs = true;
    }
    return differs;
}

bool trace_diff(const struct recording *a, const struct recording *b, const char *const names[2], struct text *out)
{
    struct text found = { 0 };
    bool what = identity(a, b, &found), which = events(a, b, &found), often = counts(a, b, &found);
    text_add(out, "a: %s: %s, %u events\nb: %s: %s, %u events\n%s", names[0], a->x.title, trace_last(a->x.t), names[1], b->x.title, trace_last(b->x.t),
             text_str(&found));
    if (!which) text_add(out, "%s\n", what || often ? "\nevery event is the same, at the same cycle" : "the same run, event by event");
    text_free(&found);
    return what || which || often;
}
