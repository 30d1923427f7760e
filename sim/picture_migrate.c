/* `ringside draw migrate`: the rounds of a live migration, a bar each. See picture_chart.h.
 *
 * Idea: time goes to the right and a round is as wide as it lasted, so that the VM's standing still is seen beside all the rest; what a round
 * was about stands above it as a bar: pages sent, pages that were hot, and a line where the pages are that were stored to meanwhile.
 * Each round's bars begin where the line of the one before was: that is pre-copy. The first round's are the whole memory, so heights are logarithmic. */
#include <math.h>
#include <stdio.h>
#include "sim/chart.h"
#include "sim/picture_chart.h"

enum { LEFT = 70, WIDE = 640, RIGHT = 20, TOP = 88, HIGH = 190, FOOT = 76, ROOM = 46 };

static double ms(const struct machine_migration *g, uint64_t cycles) { return (double)cycles * 1e3 / (double)g->hz; }
static bool is_stop(const struct machine_migration *g, unsigned n) { return g->stopped && n + 1 == g->rounds; }

static void sentence(const struct machine_migration *g, struct text *out)
{
    if (g->several) text_add(out, "vm%u: ", g->vm);
    if (!g->done) text_add(out, "Not gone: %s", g->failed ? g->failed : g->stage);
    else text_add(out, "Gone in %.2f ms; stood still for %.3f ms: %s", ms(g, g->resumed - g->began), ms(g, g->resumed - g->stopped), g->stopped_for);
}

/* --- text --- */

static unsigned marks(const struct machine_migration *g, uint32_t pages)
{
    return pages ? 1 + (unsigned)(log2((double)pages) / log2((double)g->pages + 1) * (ROOM - 1)) : 0;
}

static void migrate_text(const struct machine_migration *g, const char *caption, struct text *out)
{
    text_add(out, "Live migration, round by round\n%s\n", caption);
    sentence(g, out);
    text_add(out, "\n\n");
    for (unsigned n = 0; n < g->rounds; n++) {
        const struct machine_round *r = &g->round[n];
        char name[16];
        snprintf(name, sizeof name, is_stop(g, n) ? "stop" : "%u", n + 1);
        unsigned full = marks(g, r->pages), sent = r->pages ? full * (r->sent + r->zero) / r->pages : 0;
        text_add(out, "%-5s|", name);
        for (unsigned i = 0; i < full; i++) text_char(out, i < sent ? '#' : 'h');
        text_add(out, " %u sent, %u zero, %u hot\n     |", r->sent, r->zero, r->hot);
        for (unsigned i = 0; i < marks(g, r->dirtied); i++) text_char(out, '.');
        text_add(out, " %u stored to in %.2f ms at %u Mbit/s\n", r->dirtied, r->ended > r->began ? ms(g, r->ended - r->began) : 0, r->mbit);
    }
    text_add(out, "\n# sent  h hot: stored to again, left for the next round  . stored to meanwhile\nLengths are logarithmic: the first round is all %u pages.\n", g->pages);
}

/* --- SVG --- */

static int high(const struct machine_migration *g, uint32_t pages) { return (int)(log2((double)pages + 1) / log2((double)g->pages + 1) * HIGH + 0.5); }
static int column(const struct machine_migration *g, uint64_t cycle, uint64_t end) { return LEFT + (int)((double)(cycle - g->began) / (double)(end - g->began) * WIDE); }

static void bar(const struct machine_migration *g, const struct chart_theme *t, unsigned n, uint64_t end, struct text *out)
{
    const struct machine_round *r = &g->round[n];
    const char *sent = chart_machine(t, is_stop(g, n) ? "te" : "vtx"), *hot = t->mono ? t->grid : chart_machine(t, "bt");
    int x = column(g, r->began, end), w = column(g, r->ended > r->began ? r->ended : end, end) - x, base = TOP + HIGH;
    int all = high(g, r->pages), gone = high(g, r->pages - r->hot);
    char words[32];
    if (w < 2) w = 2;
    if (all > gone) chart_rect(out, x, base - all, w - 1, all - gone, hot, "");
    if (gone) chart_rect(out, x, base - gone, w - 1, gone, sent, "");
    if (r->dirtied) chart_line(out, x, base - high(g, r->dirtied), x + w - 1, base - high(g, r->dirtied), t->ink, " stroke-width=\"2\"");
    snprintf(words, sizeof words, is_stop(g, n) ? "stop" : "%u", n + 1);
    if (w >= 14) chart_words(out, x + w / 2, base + 14, 11, "middle", t->ink, is_stop(g, n), words);
    snprintf(words, sizeof words, "%u", r->pages);
    if (w >= 26) chart_words(out, x + w / 2, base - all - 4, 11, "middle", t->faint, false, words);
}

static void legend(const struct chart_theme *t, int y, struct text *out)
{
    const struct { const char *colour, *words; } list[] = {
        { chart_machine(t, "vtx"), "sent" }, { chart_machine(t, "te"), "sent, the VM standing still" }, { t->mono ? t->grid : chart_machine(t, "bt"), "hot, left for the next round" } };
    static const int at[] = { 0, 64, 282 };
    for (unsigned i = 0; i < 3; i++) {
        chart_rect(out, LEFT + at[i], y - 9, 10, 10, list[i].colour, "");
        chart_words(out, LEFT + at[i] + 15, y, 11, "start", t->ink, false, list[i].words);
    }
    chart_line(out, LEFT + 500, y - 4, LEFT + 514, y - 4, t->ink, " stroke-width=\"2\"");
    chart_words(out, LEFT + 519, y, 11, "start", t->ink, false, "stored to meanwhile");
}

static void axes(const struct machine_migration *g, const struct chart_theme *t, uint64_t end, struct text *out)
{
    char words[32];
    for (uint32_t pages = 1; pages <= g->pages; pages *= 8) {
        int y = TOP + HIGH - high(g, pages);
        snprintf(words, sizeof words, "%u", pages);
        chart_line(out, LEFT, y, LEFT + WIDE, y, t->grid, "");
        chart_words(out, LEFT - 8, y + 4, 11, "end", t->faint, false, words);
    }
    chart_words(out, LEFT - 8, TOP - 6, 11, "end", t->faint, false, "pages");
    chart_line(out, LEFT, TOP + HIGH, LEFT + WIDE, TOP + HIGH, t->ink, "");
    snprintf(words, sizeof words, "%.2f ms", ms(g, end - g->began));
    chart_words(out, LEFT + WIDE, TOP + HIGH + 32, 11, "end", t->faint, false, words);
    chart_words(out, LEFT, TOP + HIGH + 32, 11, "start", t->faint, false, "0");
}

static void migrate_svg(const struct machine_migration *g, const char *caption, const char *theme, struct text *out)
{
    const struct chart_theme *t = chart_theme(theme);
    struct text words = { 0 };
    uint64_t end = g->resumed ? g->resumed : g->began + 1;
    for (unsigned n = 0; n < g->rounds; n++)
        if (g->round[n].ended > end) end = g->round[n].ended;
    sentence(g, &words);
    chart_open(out, t, LEFT + WIDE + RIGHT, TOP + HIGH + FOOT, "Live migration, round by round", text_str(&words));
    chart_words(out, LEFT, 20, 15, "start", t->ink, true, "Live migration, round by round");
    chart_words(out, LEFT, 37, 11, "start", t->faint, false, caption);
    chart_words(out, LEFT, 52, 11, "start", t->ink, false, text_str(&words));
    axes(g, t, end, out);
    for (unsigned n = 0; n < g->rounds; n++) bar(g, t, n, end, out);
    legend(t, TOP + HIGH + 56, out);
    chart_close(out);
    text_free(&words);
}

bool migrate_write(const struct subject *s, const struct picture *p, const char *path, struct err *e)
{
    struct machine_migration g;
    struct text caption = { 0 }, svg = { 0 }, txt = { 0 };
    if (!machine_migration(s->left ? s->left : s->machine, &g))
        return err_set(e, EXIT_USAGE, "draw migrate: nothing migrated in this run; add --migrate-at CYCLE, or draw `migrate`, a scenario");
    chart_caption(s, p->ascii, &caption);
    if (!g.rounds)
        return err_set(e, EXIT_USAGE, "draw migrate: the run ended before the first page was sent (the migration was %s); give --migrate-at an earlier cycle", g.failed ? g.failed : g.stage);
    if (p->format == PICTURE_TXT) migrate_text(&g, text_str(&caption), &txt);
    else migrate_svg(&g, text_str(&caption), p->theme, &svg);
    bool ok = chart_write(p->format, &svg, &txt, path, e);
    text_free(&caption);
    text_free(&svg);
    text_free(&txt);
    return ok;
}
