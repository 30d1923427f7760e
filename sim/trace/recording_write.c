/* A run into a file; see recording.h. */
#include "sim/trace/recording.h"
#include "sim/core/fatal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void number(struct text *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) text_char(out, (char)(v | 0x80));
    text_char(out, (char)v);
}

static void words(struct text *out, const char *s)
{
    size_t n = strlen(s);
    number(out, n);
    text_bytes(out, s, n);
}

static size_t section_begin(struct text *out, const char *tag)
{
    static const char length[12];
    text_bytes(out, tag, 4);
    text_bytes(out, length, sizeof length);
    return out->len;
}

static void section_end(struct text *out, size_t at)
{
    uint64_t n = out->len - at;
    memcpy(out->s + at - sizeof n, &n, sizeof n);
}

static void names(struct text *out)
{
    const char *type, *const *list;
    unsigned n, types = 0;
    size_t at = section_begin(out, "NAME");
    while (trace_names_at(types, &list, &n)) types++;
    number(out, types);
    for (unsigned i = 0; (type = trace_names_at(i, &list, &n)) != NULL; i++) {
        words(out, type);
        number(out, n);
        for (unsigned k = 0; k < n; k++) words(out, list[k] ? list[k] : "");
    }
    section_end(out, at);
}

static void kinds(struct text *out)
{
    size_t at = section_begin(out, "KIND");
    number(out, EV_COUNT);
    for (unsigned k = 0; k < EV_COUNT; k++) {
        const struct event_desc *d = event_desc(k);
        words(out, d->word);
        number(out, d->fields);
        for (unsigned f = 0; f < d->fields; f++) {
            words(out, d->field[f].name);
            words(out, d->field[f].type ? d->field[f].type : "");
            number(out, d->field[f].bytes);
        }
    }
    section_end(out, at);
}

static void event(struct text *out, const struct event *e, const struct event *before)
{
    const struct event_desc *d = event_desc(e->kind);
    number(out, e->kind);
    number(out, e->id - before->id);
    number(out, e->cause ? e->id - e->cause : 0);
    number(out, e->cycle - before->cycle);
    number(out, e->insns - before->insns);
    number(out, e->eip ^ before->eip);
    number(out, e->episode ? e->id - e->episode + 1 : 0);
    number(out, e->vcpu);
    number(out, e->ring);
    for (unsigned f = 0; f < d->fields; f++) number(out, event_field(e, &d->field[f]));
}

static void events(struct text *out, const struct trace *t)
{
    struct event before = { 0 };
    size_t at = section_begin(out, "EVNT"), n = 0, count = trace_count(t);
    for (size_t i = 0; i < count; i++) n += trace_at(t, i)->kind != EV_FORGOTTEN;
    number(out, n);
    for (size_t i = 0; i < count; i++) {
        const struct event *e = trace_at(t, i);
        if (e->kind == EV_FORGOTTEN) continue;
        event(out, e, &before);
        before = *e;
    }
    section_end(out, at);
}

static void causes(struct text *out, const uint64_t *by_cause)
{
    size_t at = section_begin(out, "CAUS");
    number(out, CAUSE_COUNT);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) words(out, cause_name(c)), number(out, by_cause[c]);
    section_end(out, at);
}

static void episodes(struct text *out, const struct trace *t)
{
    size_t at = section_begin(out, "EPIS");
    number(out, trace_episodes(t));
    for (size_t i = 0; i < trace_episodes(t); i++) {
        const struct episode *p = trace_episode_at(t, i);
        unsigned n = 0;
        number(out, p->first), number(out, p->exit), number(out, p->last), number(out, p->known);
        number(out, p->from), number(out, p->to), number(out, p->reason), number(out, p->resumed);
        for (unsigned c = 0; c < CAUSE_COUNT; c++) n += p->cost[c] != 0;
        number(out, n);
        for (unsigned c = 0; c < CAUSE_COUNT; c++)
            if (p->cost[c]) number(out, c), number(out, p->cost[c]);
    }
    section_end(out, at);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void symbols(struct text *out, const struct trace_export *x)
{
    size_t n = trace_count(x->t), kept = 0;
    uint32_t *at = malloc((n + 1) * sizeof *at);
    if (!at) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; shorten the run with --limit-cycles");
    for (size_t i = 0; i < n; i++) at[i] = trace_at(x->t, i)->eip;
    qsort(at, n, sizeof *at, by_value);
    for (size_t i = 0; i < n; i++)
        if (!kept || at[kept - 1] != at[i]) at[kept++] = at[i];
    size_t opened = section_begin(out, "SYMB");
    number(out, kept);
    for (size_t i = 0; i < kept; i++) {
        char name[96];
        number(out, at[i] - (i ? at[i - 1] : 0));
        words(out, x->symbol(x->self, at[i], name, sizeof name));
    }
    section_end(out, opened);
    free(at);
}

static void rest(struct text *out, const struct recording *r)
{
    size_t at = section_begin(out, "STEP");
    number(out, r->steps);
    for (unsigned i = 0; i < r->steps; i++) words(out, r->step[i].title), words(out, r->step[i].note), number(out, r->step[i].last);
    section_end(out, at);
    if (!r->frames.len) return;
    at = section_begin(out, "FRAM");
    text_bytes(out, r->frames.s, r->frames.len);
    section_end(out, at);
}

static void pack(struct text *out, const struct text *plain)
{
    uLongf room = compressBound(plain->len);
    Bytef *to = malloc(room);
    if (!to || compress2(to, &room, (const Bytef *)plain->s, plain->len, 6) != Z_OK)
        fatal(EXIT_ENVIRONMENT, "out of memory for the trace; shorten the run with --limit-cycles");
    char header[RECORDING_HEADER] = "RINGTRCE";
    const uint32_t version = RECORDING_VERSION, unpacked = (uint32_t)plain->len;
    const uint64_t bytes = RECORDING_HEADER + room;
    const uint32_t body = (uint32_t)crc32(0, to, (uInt)room);
    memcpy(header + 8, &version, 4), memcpy(header + 12, &unpacked, 4), memcpy(header + 16, &bytes, 8), memcpy(header + 24, &body, 4);
    const uint32_t sum = (uint32_t)crc32(0, (const Bytef *)header, 28);
    memcpy(header + 28, &sum, 4);
    text_bytes(out, header, sizeof header);
    text_bytes(out, to, room);
    free(to);
}

void recording_write(const struct recording *r, struct text *out)
{
    struct text plain = { 0 };
    size_t at = section_begin(&plain, "WHAT");
    number(&plain, r->x.end), number(&plain, r->x.kernel_ring), number(&plain, r->x.vms), number(&plain, r->hypervisor), number(&plain, r->hosted);
    words(&plain, r->x.title);
    words(&plain, text_str(&r->what));
    section_end(&plain, at);
    names(&plain);
    kinds(&plain);
    events(&plain, r->x.t);
    causes(&plain, r->x.by_cause);
    episodes(&plain, r->x.t);
    symbols(&plain, &r->x);
    rest(&plain, r);
    if (plain.len > RECORDING_MOST) fatal(EXIT_ENVIRONMENT, "more than a gigabyte of trace; shorten the run with --limit-cycles");
    pack(out, &plain);
    text_free(&plain);
}
