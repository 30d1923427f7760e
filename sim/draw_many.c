/* `ringside draw KIND SCENARIO SCENARIO ...`, --shard and --json: a command line's pictures, each drawn as if it were alone.
 *
 * Idea: the pictures are numbered as they stand on the command line, and a shard takes every Nth of them; of one guest's frames, every Nth frame. Nothing
 * else tells a shard from the whole, so the files are the same ones wherever they are drawn. One that cannot be drawn does not keep the others from it. */
#include <stdio.h>
#include <string.h>
#include "sim/draw.h"
#include "sim/picture_deal.h"

struct many {
    const struct options *o;
    struct options one;              /* the command line with one guest */
    unsigned guests, shard, shards, drawn;
    struct text report;              /* the objects of --json */
    struct err first;                /* what went wrong first */
};

/* The word's name, as it stands in names of files. */
static const char *guest(const struct many *m, unsigned i, char *name, size_t n)
{
    if (m->o->operands < 2) snprintf(name, n, "%s", m->o->operand[0]);
    else subject_word(m->o->operand[1 + i], name, n);
    return name;
}

/* "out/%s.svg" with the guest's name in it. */
static bool expand(const char *pattern, const char *name, char *path, size_t n, struct err *e)
{
    const char *mark = strstr(pattern, "%s");
    size_t head = mark ? (size_t)(mark - pattern) : strlen(pattern);
    return snprintf(path, n, "%.*s%s%s", (int)head, pattern, mark ? name : "", mark ? mark + 2 : "") < (int)n ||
           err_set(e, EXIT_USAGE, "-o %.60s...: the path is too long", pattern);
}

static bool names_differ(const struct many *m, struct err *e)
{
    char a[128], b[128];
    const char *path = m->o->value[OPT_OUTPUT];
    if (m->guests > 1 && path && !strstr(path, "%s"))
        return err_set(e, EXIT_USAGE, "-o %s: several pictures; put %%s where the guest's name is to stand", path);
    for (unsigned i = 0; i < m->guests; i++)
        for (unsigned k = 0; k < i; k++)
            if (!strcmp(guest(m, i, a, sizeof a), guest(m, k, b, sizeof b)))
                return err_set(e, EXIT_USAGE, "%s and %s would be one file; draw them one after the other", m->o->operand[1 + k], m->o->operand[1 + i]);
    return true;
}

static void draw_one(struct many *m, unsigned i, draw_fn *draw)
{
    char name[128], path[600];
    const char *pattern = m->o->value[OPT_OUTPUT];
    struct err e = { 0 };
    bool frames = m->guests == 1 && m->o->value[OPT_FRAMES];
    guest(m, i, name, sizeof name);
    m->one = *m->o;
    if (m->o->operands > 2 && m->guests > 1) m->one.operands = 2, m->one.operand[1] = m->o->operand[1 + i];
    if (frames) picture_deal(m->shard, m->shards, 0);
    else picture_deal(1, 1, i + 1);
    if (!pattern || expand(pattern, name, path, sizeof path, &e)) {
        if (pattern) m->one.value[OPT_OUTPUT] = path;
        draw(&m->one, &e);
    }
    m->drawn++;
    struct err told = { 0 };
    if (e.code && m->guests > 1 && strncmp(e.text, name, strlen(name))) err_set(&told, e.code, "%s: %.400s", name, e.text), e = told;
    picture_noted(name, e.code ? e.text : "", &m->report);
    if (!e.code) return;
    if (m->first.code) fprintf(stderr, "ringside: %s\n", e.text); /* the first one is told at the end, as always */
    else m->first = e;
}

static bool write_report(const struct many *m, struct err *e)
{
    struct text t = { 0 };
    text_add(&t, "{\n  \"diagrams\": ");
    text_json(&t, m->o->operand[0]);
    text_add(&t, ",\n  \"shard\": %u, \"shards\": %u,\n  \"pictures\": [", m->shard, m->shards);
    text_bytes(&t, text_str(&m->report), m->report.len ? m->report.len - 1 : 0); /* without the last comma */
    text_add(&t, "\n  ]\n}\n");
    bool ok = text_write(&t, m->o->value[OPT_JSON], e);
    text_free(&t);
    return ok;
}

int draw_many(const struct options *o, draw_fn *draw, bool several, struct err *e)
{
    static struct many m; /* large */
    const char *json = o->value[OPT_JSON], *path = o->value[OPT_OUTPUT];
    m = (struct many){ .o = o, .guests = several && o->operands > 2 ? o->operands - 1 : 1 };
    if (!options_shard(o, OPT_SHARD, &m.shard, &m.shards, e) || !names_differ(&m, e)) return e->code;
    if (json && path && !strcmp(json, "-") && !strcmp(path, "-"))
        return err_set(e, EXIT_USAGE, "-o - and --json -: both would write to stdout; give one of them a file"), e->code;
    bool frames = m.guests == 1 && o->value[OPT_FRAMES];
    for (unsigned i = 0; i < m.guests && m.first.code != EXIT_INTERRUPTED; i++)
        if (frames || i % m.shards == m.shard - 1) draw_one(&m, i, draw);
    if (!m.drawn && !o->value[OPT_QUIET]) fprintf(stderr, "nothing to draw for shard %u of %u\n", m.shard, m.shards);
    *e = m.first;
    struct err unwritten = { 0 };
    if (json && !write_report(&m, &unwritten) && !e->code) *e = unwritten;
    text_free(&m.report);
    return e->code;
}
