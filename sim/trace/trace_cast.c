/* A run as an asciicast, version 2, for asciinema's players; see recording.h.
 *
 * Idea: what a person reads, at the pace one reads it: for each step of the lesson a marker, its title, its note and its ladder, a line at
 * a time. So the times are of reading, not of the machine, whose cycles stand in the ladder. 80 columns, UTF-8. */
#include "sim/trace/trace_cast.h"
#include "sim/trace/trace_ladder.h"

#include <string.h>

enum { ROWS = 40, LINE_MS = 120, TITLE_MS = 1200, NOTE_MS = 600, STEP_MS = 2500, COLUMNS = 80, LINES = 24 };

struct cast { struct text *out; unsigned ms; };

static void say(struct cast *c, const char *kind, const char *words, unsigned ms)
{
    c->ms += ms;
    text_add(c->out, "[%u.%03u, \"%s\", ", c->ms / 1000, c->ms % 1000, kind);
    text_json(c->out, words);
    text_add(c->out, "]\n");
}

/* Each line of `words`, as a terminal wants its end. */
static void lines(struct cast *c, const char *words, unsigned ms)
{
    while (*words) {
        struct text line = { 0 };
        size_t n = strcspn(words, "\n");
        text_bytes(&line, words, n);
        text_add(&line, "\r\n");
        say(c, "o", text_str(&line), ms);
        text_free(&line);
        words += n + (words[n] == '\n');
    }
}

static void part(struct cast *c, const struct recording *r, const char *title, const char *note, uint32_t from, uint32_t to)
{
    struct ladder_options o = { .from = from, .to = to, .max_rows = ROWS, .kernel_ring = r->x.kernel_ring, .hypervisor = r->hypervisor,
                                .hosted = r->hosted, .title = title, .symbol = r->x.symbol, .self = r->x.self };
    struct text shown = { 0 };
    say(c, "m", title, TITLE_MS);
    text_add(&shown, "\x1b[H\x1b[2J\x1b[1m%s\x1b[0m\r\n\r\n", title);
    say(c, "o", text_str(&shown), 0);
    lines(c, note, NOTE_MS);
    if (*note) say(c, "o", "\r\n", NOTE_MS);
    text_clear(&shown);
    if (from <= to) {
        struct ladder *l = ladder_new(r->x.t, &o);
        ladder_text(l, false, &shown);
        ladder_free(l);
    }
    lines(c, text_str(&shown), LINE_MS);
    c->ms += STEP_MS;
    text_free(&shown);
}

void trace_cast(const struct recording *r, struct text *out)
{
    struct cast c = { out, 0 };
    uint32_t from = 1, last = trace_last(r->x.t);
    text_add(out, "{\"version\": 2, \"width\": %d, \"height\": %d, \"title\": ", COLUMNS, LINES);
    text_json(out, r->x.title);
    text_add(out, ", \"env\": {\"TERM\": \"xterm-256color\"}}\n");
    for (unsigned i = 0; i < r->steps; i++) {
        part(&c, r, r->step[i].title, r->step[i].note, from, r->step[i].last);
        from = r->step[i].last + 1;
    }
    if (from <= last) part(&c, r, r->steps ? "And on to its end" : r->x.title, "", from, last);
}
