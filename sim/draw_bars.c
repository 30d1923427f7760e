/* `ringside draw bars SCENARIO|IMAGE`: the cycles of one guest by cause, a bar for each machine.
 *
 * Idea: all bars have one scale, so that what a technique costs is seen before it is explained; the pieces are the causes in the order
 * of cause.def. Idling is left out of the lengths and said beside them: a guest that waits waits on every machine. */
#include <stdio.h>
#include <string.h>
#include "sim/chart.h"
#include "sim/cmd.h"
#include "sim/compare_runs.h"
#include "sim/draw.h"
#include "sim/guard.h"
#include "sim/picture_chart.h"
#include "sim/picture_split.h"

struct bars { const struct subject *s; struct compare_runs runs; uint64_t most; bool cause[CAUSE_COUNT]; };

static uint64_t busy(const struct compare_run *r) { return r->sum.cycles - r->sum.by_cause[CAUSE_IDLE]; }

static void measure(struct bars *b)
{
    b->most = 1;
    for (unsigned i = 0; i < b->runs.n; i++) {
        const struct compare_run *r = &b->runs.run[i];
        if (r->refused) continue;
        if (busy(r) > b->most) b->most = busy(r);
        for (unsigned c = 0; c < CAUSE_COUNT; c++) b->cause[c] |= r->sum.by_cause[c] && c != CAUSE_IDLE;
    }
}

/* Why a machine cannot run the guest, without the guest's path, as far as `room` columns go. */
static void refusal(const struct compare_run *r, unsigned room, struct text *out)
{
    const char *why = strstr(r->refusal, ": ");
    bool path = why && (memchr(r->refusal, '/', (size_t)(why - r->refusal)) || !memchr(r->refusal, ' ', (size_t)(why - r->refusal)));
    text_add(out, "refused: %s", path ? why + 2 : r->refusal);
    if (out->len <= room) return;
    size_t n = room;
    while (n && out->s[n] != ',' && out->s[n] != ';') n--;
    if (n < room / 3)
        for (n = room - 3; n && out->s[n] != ' '; n--) {}
    bool part = out->s[n] == ' ';
    out->s[out->len = n] = 0;
    if (part) text_add(out, " ..");
}

/* "311,540 cycles, 31.6x" */
static void label(const struct bars *b, const struct compare_run *r, unsigned room, struct text *out)
{
    text_clear(out);
    if (r->refused) {
        refusal(r, room, out);
        return;
    }
    text_number(out, busy(r));
    text_add(out, "  %.2fx", busy(&b->runs.run[0]) ? (double)busy(r) / (double)busy(&b->runs.run[0]) : 0.0);
    if (r->end.fate == FATE_DIED) text_add(out, "  DIED");
    else if (r->end.code) text_add(out, "  FAILED");
}

/* --- text: a letter for each cause --- */

static char letter(unsigned cause)
{
    static const char letters[CAUSE_COUNT] = {
        [CAUSE_NONE] = '?', [CAUSE_USER] = 'u', [CAUSE_KERNEL] = 'g', [CAUSE_WALK] = 'w', [CAUSE_DELIVER] = 'd', [CAUSE_VMENTRY] = 'n',
        [CAUSE_VMEXIT] = 'x', [CAUSE_DISPATCH] = 'o', [CAUSE_EMULATE] = 'e', [CAUSE_TRANSLATE] = 't', [CAUSE_TRANSLATED] = 'b',
        [CAUSE_INJECT] = 'j', [CAUSE_SHADOW] = 's', [CAUSE_HYPERCALL] = 'h', [CAUSE_DEVICE] = 'v', [CAUSE_IDLE] = 'i',
    };
    return letters[cause] ? letters[cause] : (char)('A' + cause % 26);
}

static void explain_letter(unsigned cause, struct text *out)
{
    enum { ROOM = 65 };
    const char *words = cause_about(cause);
    text_add(out, "%c  %-10s ", letter(cause), cause_name(cause));
    size_t n = strlen(words);
    for (; n > ROOM; words += n + 1, n = strlen(words)) {
        for (n = ROOM; n && words[n] != ' '; n--) {}
        text_add(out, "%.*s\n%14s", (int)n, words, "");
    }
    text_add(out, "%s\n", words);
}

static void bars_text(const struct bars *b, const char *caption, struct text *out)
{
    enum { WIDE = 46 };
    struct text t = { 0 };
    text_add(out, "Cycles by cause, without idling\n%s\n\n", caption);
    for (unsigned i = 0; i < b->runs.n; i++) {
        const struct compare_run *r = &b->runs.run[i];
        uint64_t sum = 0;
        unsigned drawn = 0;
        text_add(out, "%-7s|", r->cpu);
        for (unsigned c = 0; !r->refused && c < CAUSE_COUNT; c++) {
            sum += c == CAUSE_IDLE ? 0 : r->sum.by_cause[c];
            for (; drawn < (unsigned)((double)sum / (double)b->most * WIDE + 0.5); drawn++) text_char(out, letter(c));
        }
        label(b, r, 80 - 9, &t);
        text_add(out, "%*s %s\n", r->refused ? 0 : (int)(WIDE - drawn), "", text_str(&t));
    }
    text_add(out, "\n");
    for (unsigned c = 0; c < CAUSE_COUNT; c++)
        if (b->cause[c]) explain_letter(c, out);
    text_free(&t);
}

/* --- SVG --- */

enum { LEFT = 70, WIDE = 560, RIGHT = 190, TOP = 56, HIGH = 30, GAP = 14, LEGEND = 19 };

static void svg_bar(const struct bars *b, const struct chart_theme *t, const struct compare_run *r, int y, struct text *out)
{
    struct text l = { 0 };
    uint64_t sum = 0;
    int x = 0;
    chart_words(out, LEFT - 10, y + HIGH - 10, 13, "end", t->ink, true, r->cpu);
    for (unsigned c = 0; !r->refused && c < CAUSE_COUNT; c++) {
        if (c == CAUSE_IDLE || !r->sum.by_cause[c]) continue;
        sum += r->sum.by_cause[c];
        int to = (int)((double)sum / (double)b->most * WIDE + 0.5), w = to - x;
        if (w < 1) continue;
        chart_rect(out, LEFT + x, y, w, HIGH, chart_cause(t, c), t->mono ? " stroke=\"#000000\"" : "");
        if (w > (int)strlen(cause_name(c)) * 8 + 6)
            chart_words(out, LEFT + x + w / 2, y + HIGH - 11, 11, "middle", chart_on_cause(t, c), false, cause_name(c));
        x = to;
    }
    label(b, r, (WIDE + RIGHT - 16) / 8, &l);
    chart_words(out, LEFT + x + 8, y + HIGH - 10, 12, "start", t->ink, false, text_str(&l));
    text_free(&l);
}

static void svg_legend(const struct bars *b, const struct chart_theme *t, int y, struct text *out)
{
    for (unsigned c = 0; c < CAUSE_COUNT; c++) {
        if (!b->cause[c]) continue;
        chart_rect(out, LEFT, y - 10, 12, 12, chart_cause(t, c), " stroke=\"#808080\" stroke-width=\"0.5\"");
        chart_words(out, LEFT + 20, y, 12, "start", t->ink, true, cause_name(c));
        chart_words(out, LEFT + 115, y, 12, "start", t->faint, false, cause_about(c));
        y += LEGEND;
    }
}

static void bars_svg(const struct bars *b, const char *caption, const char *theme, struct text *out)
{
    const struct chart_theme *t = chart_theme(theme);
    int causes = 0, rows = (int)b->runs.n;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) causes += b->cause[c];
    int legend = TOP + rows * (HIGH + GAP) + 16;
    chart_open(out, t, LEFT + WIDE + RIGHT, legend + causes * LEGEND, "Cycles by cause", "A bar for each machine, its pieces the causes of cycles.");
    chart_words(out, LEFT, 20, 15, "start", t->ink, true, "Cycles by cause, without idling");
    chart_words(out, LEFT, 37, 11, "start", t->faint, false, caption);
    for (int i = 0; i < rows; i++) svg_bar(b, t, &b->runs.run[i], TOP + i * (HIGH + GAP), out);
    svg_legend(b, t, legend, out);
    chart_close(out);
}

/* --- the command --- */

static void write(const struct bars *b, const struct picture *p, const char *path, struct err *e)
{
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    text_add(&caption, "%s, model %s, seed %llu", b->s->name, b->s->cfg.model, (unsigned long long)b->s->cfg.seed);
    bars_svg(b, text_str(&caption), p->theme, &svg);
    bars_text(b, text_str(&caption), &txt);
    chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
}

int draw_bars(const struct options *o, struct err *e)
{
    static struct bars b; /* large */
    struct subject s;
    struct picture p = { 0 };
    char name[96];
    const char *word = command_subject(o, 1, e), *path = o->value[OPT_OUTPUT];
    if (!word || !picture_format(o, path, &p.format, e) || !picture_theme(o, &p.theme, e) || !subject_find(&s, word, o, e)) return e->code;
    snprintf(name, sizeof name, "%s-bars.%s", s.name, picture_ending(p.format));
    if (!path) path = name;
    b = (struct bars){ .s = &s };
    if (compare_runs_on(&b.runs, &s, o->value[OPT_ON], e)) {
        guard_start(options_wall(o));
        bool ok = compare_runs_ends(&b.runs, e);
        guard_quiet(true);
        if (ok) measure(&b), write(&b, &p, path, e);
        if (ok && !e->code && strcmp(path, "-") && !o->value[OPT_QUIET]) picture_tell(path);
    }
    compare_runs_done(&b.runs);
    subject_close(&s);
    return e->code;
}
