/* The ladder as SVG 1.1: real <text>, no scripts, no style sheets, no markers (slide programs lose those), whole
 * pixels, ids that stay (`ev41`: the row that begins with event 41).
 *
 * Roles have a colour from the Okabe-Ito set and a shape of their own, so that no meaning hangs on colour alone:
 * exits have filled heads, resumes open heads, injections a double line, silent failures dashes and a cross.
 * Text is given 12 % more room than its font needs, since the reader's font may be another one. */
#include "sim/trace/trace_ladder.h"

#include <inttypes.h>
#include <string.h>

#define FONT "DejaVu Sans Mono, Menlo, Consolas, monospace"

struct theme {
    const char *name;
    const char *background;         /* NULL: transparent */
    const char *ink, *faint, *box;  /* text and lines, secondary text, fill of boxes */
    const char *lane[LANE_COUNT], *silent;
    const char *band;
    const char *band_opacity;
};

static const struct theme themes[] = {
    { "light", NULL, "#1a1a1a", "#595959", "#ffffff", { "#0072b2", "#009e73", "#d55e00", "#a8558a" }, "#e69f00",
      "#d55e00", "0.09" },
    { "dark", NULL, "#f0f0f0", "#b8b8b8", "#1e1e1e", { "#56b4e9", "#2fc79b", "#ff8a3d", "#e3a3c9" }, "#f0b429",
      "#ff8a3d", "0.16" },
    { "print", "#ffffff", "#000000", "#404040", "#ffffff", { "#0072b2", "#00805d", "#b84f00", "#8f4576" }, "#a87400",
      "#000000", "0.06" },
    { "mono", "#ffffff", "#000000", "#404040", "#ffffff", { "#000000", "#000000", "#000000", "#000000" }, "#000000",
      "#000000", "0.07" },
};

struct svg {
    const struct ladder *l;
    const struct theme *theme;
    struct text *out;
};

static const struct theme *theme_named(const char *name)
{
    for (size_t i = 0; name && i < sizeof themes / sizeof themes[0]; i++)
        if (!strcmp(themes[i].name, name)) return &themes[i];
    return &themes[0];
}

struct words { int x, y, size; const char *anchor, *fill; bool bold; };

static void add_words(const struct svg *s, struct words w, const char *text)
{
    text_add(s->out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\" fill=\"%s\"%s "
             "xml:space=\"preserve\">",
             w.x, w.y, w.size, w.anchor, w.fill, w.bold ? " font-weight=\"bold\"" : "");
    text_xml(s->out, text);
    text_add(s->out, "</text>\n");
}

static void add_line(const struct svg *s, int x1, int y1, int x2, int y2, const char *colour, const char *more)
{
    text_add(s->out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" %s/>\n", x1, y1, x2, y2, colour,
             more);
}

static void add_box(const struct svg *s, int x, int y, int w, int h, const char *fill, const char *stroke)
{
    text_add(s->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" stroke=\"%s\" "
             "stroke-width=\"1.5\"/>\n", x, y, w, h, fill, stroke);
}

static void draw_head(const struct svg *s)
{
    const struct ladder *l = s->l;
    text_add(s->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
             "width=\"%dpx\" height=\"%dpx\" viewBox=\"0 0 %d %d\" font-family=\"" FONT "\" role=\"img\">\n<title>",
             l->width, l->height, l->width, l->height);
    text_xml(s->out, l->options.title ? l->options.title : "Ladder diagram");
    text_add(s->out, "</title>\n<desc>");
    text_xml(s->out, ladder_alt(l));
    text_add(s->out, "</desc>\n");
    if (s->theme->background)
        text_add(s->out, "<rect width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", l->width, l->height, s->theme->background);
    if (l->options.title)
        add_words(s, (struct words){ 24, 44, 22, "start", s->theme->ink, true }, l->options.title);
    if (l->options.caption)
        add_words(s, (struct words){ 24, l->height - 22, 13, "start", s->theme->faint, false }, l->options.caption);
}

/* Of a frame: the rows that are there already. */
static uint32_t shown(const struct ladder *l)
{
    return l->options.shown == LADDER_NONE ? 0 : l->options.shown ? l->options.shown : l->rows;
}

static const char *prefix(const struct ladder *l) { return l->options.prefix ? l->options.prefix : ""; }

static void draw_bands(const struct svg *s)
{
    const struct ladder *l = s->l;
    int left = l->x[LANE_USER] - 80;
    for (uint32_t i = 0; i < l->bands; i++) {
        const struct ladder_band *b = &l->band[i];
        if (b->first >= shown(l)) break;
        text_add(s->out, "<g id=\"%svisit%" PRIu32 "\">\n<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\" "
                 "fill=\"%s\" fill-opacity=\"%s\"/>\n", prefix(l), l->row[b->first].episode, left, b->y0, l->width - 12 - left,
                 b->y1 - b->y0, s->theme->band, s->theme->band_opacity);
        if (b->cost) {
            struct text cost = { 0 };
            text_number(&cost, b->cost);
            int y = (b->y0 + b->y1) / 2;
            add_words(s, (struct words){ l->width - 24, y, 14, "end", s->theme->ink, true }, text_str(&cost));
            add_words(s, (struct words){ l->width - 24, y + 16, 11, "end", s->theme->faint, false }, "cycles");
            text_free(&cost);
        }
        text_add(s->out, "</g>\n");
    }
}

static void draw_lanes(const struct svg *s)
{
    static const char *const strokes[LANE_COUNT] = {
        "stroke-width=\"2\"", "stroke-width=\"2\"", "stroke-width=\"2\"", "stroke-width=\"2\" stroke-dasharray=\"2 5\"",
    };
    const struct ladder *l = s->l;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        if (!l->has[lane]) continue;
        char ring[16] = "";
        const char *colour = s->theme->lane[lane], *below = ladder_lane_ring(l, lane, ring, sizeof ring);
        int x = l->x[lane], y = l->head_y;
        add_line(s, x, l->top, x, l->bottom, colour, strokes[lane]);
        add_box(s, x - 80, y, 160, 40, s->theme->box, colour);
        add_words(s, (struct words){ x, y + (*below ? 18 : 25), 15, "middle", s->theme->ink, true },
                  ladder_lane_title(l, lane));
        if (*below) add_words(s, (struct words){ x, y + 33, 12, "middle", s->theme->faint, false }, below);
    }
    add_words(s, (struct words){ l->time_x, l->head_y + 25, 12, "end", s->theme->faint, false }, "cycle");
}

/* While the hypervisor has control, its lane is a bar. */
static void draw_bars(const struct svg *s)
{
    const struct ladder *l = s->l;
    for (uint32_t i = 0; l->has[LANE_VMM] && i < l->bands; i++) {
        if (l->band[i].first >= shown(l)) break;
        int y0 = l->row[l->band[i].first].y, y1 = l->row[l->band[i].last].y;
        if (y1 == y0) y1 = y0 + 12;
        text_add(s->out, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"%d\" fill=\"%s\"/>\n", l->x[LANE_VMM] - 5,
                 y0, y1 - y0, s->theme->lane[LANE_VMM]);
    }
}

static void draw_curves(const struct svg *s)
{
    const struct ladder *l = s->l;
    for (uint32_t i = 0; i < l->curves; i++) {
        const struct ladder_curve *k = &l->curve[i];
        if (k->from >= shown(l) || k->to >= shown(l)) continue;
        int mid = (k->y0 + k->y1) / 2, dir = k->bend > 0 ? 1 : -1;
        text_add(s->out, "<g id=\"%scause%" PRIu32 "-%" PRIu32 "\"><path d=\"M%d %d C%d %d %d %d %d %d\" fill=\"none\" "
                 "stroke=\"%s\" stroke-width=\"1.3\" stroke-dasharray=\"2 3\"/>", prefix(l), l->row[k->from].id, l->row[k->to].id,
                 k->x0, k->y0, k->x0 + k->bend, k->bend ? k->y0 : mid, k->x1 + k->bend, k->bend ? k->y1 : mid, k->x1,
                 k->y1, s->theme->ink);
        text_add(s->out, "<path d=\"M%d %d l%d %d l%d %d z\" fill=\"%s\"/></g>\n", k->x1, k->y1, k->bend ? dir * 8 : -4,
                 k->bend ? -4 : -8, k->bend ? 0 : 8, k->bend ? 8 : 0, s->theme->ink);
    }
}

/* How far from a lane's centre a line ends. */
static int clear_of(const struct svg *s, const struct ladder_row *r, unsigned lane)
{
    return lane == LANE_VMM && ladder_in_band(s->l, (uint32_t)(r - s->l->row)) ? 6 : 2;
}

static void draw_arrow(const struct svg *s, const struct ladder_row *r, const char *colour)
{
    const struct ladder *l = s->l;
    int dir = l->x[r->to] > l->x[r->from] ? 1 : -1, y = r->y;
    int x0 = l->x[r->from] + dir * clear_of(s, r, r->from), x1 = l->x[r->to] - dir * clear_of(s, r, r->to);
    if (r->twin) {
        add_line(s, x0, y - 3, x1 - dir * 10, y - 3, colour, "stroke-width=\"2\"");
        add_line(s, x0, y + 3, x1 - dir * 10, y + 3, colour, "stroke-width=\"2\"");
    } else {
        add_line(s, x0, y, x1 - dir * (r->kind == EV_RESUME || r->kind == EV_RETURN ? 1 : 8), y, colour,
                 "stroke-width=\"2\"");
    }
    if (r->kind == EV_RESUME || r->kind == EV_RETURN)
        text_add(s->out, "<path d=\"M%d %d L%d %d L%d %d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n",
                 x1 - dir * 11, y - 6, x1, y, x1 - dir * 11, y + 6, colour);
    else
        text_add(s->out, "<path d=\"M%d %d L%d %d L%d %d z\" fill=\"%s\"/>\n", x1 - dir * 12, y - (r->twin ? 8 : 6), x1,
                 y, x1 - dir * 12, y + (r->twin ? 8 : 6), colour);
}

static void draw_silent(const struct svg *s, const struct ladder_row *r)
{
    const struct ladder *l = s->l;
    int dir = l->x[r->to] > l->x[r->from] ? 1 : -1, y = r->y, x = l->x[r->to] - dir * 26;
    add_line(s, l->x[r->from] + dir * 2, y, x - dir * 10, y, s->theme->silent,
             "stroke-width=\"2.5\" stroke-dasharray=\"8 5\"");
    text_add(s->out, "<path d=\"M%d %d l14 14 m0 -14 l-14 14\" fill=\"none\" stroke=\"%s\" stroke-width=\"3\"/>\n",
             x - 7, y - 7, s->theme->silent);
}

static void draw_row(const struct svg *s, const struct ladder_row *r)
{
    const struct ladder *l = s->l;
    const char *colour = s->theme->lane[r->from];
    int x = l->x[r->from], w = ladder_note_width(r);
    struct text cycle = { 0 };
    text_number(&cycle, r->cycle);
    text_add(s->out, "<g id=\"%sev%" PRIu32 "\">\n", prefix(l), r->id);
    if (r->shape != LADDER_GAP)
        add_words(s, (struct words){ l->time_x, r->y + 4, 12, "end", s->theme->faint, false }, text_str(&cycle));
    text_free(&cycle);
    if (r->shape == LADDER_ARROW || r->shape == LADDER_SILENT) {
        if (r->shape == LADDER_SILENT) draw_silent(s, r);
        else draw_arrow(s, r, colour);
        int at = ladder_label_x(l, r);
        add_words(s, (struct words){ at, r->y - 9, 14, "middle", s->theme->ink, r->shape == LADDER_SILENT }, r->label);
        add_words(s, (struct words){ at, r->y + 17, 12, "middle", s->theme->faint, false }, r->detail);
    } else if (r->shape == LADDER_NOTE) {
        add_box(s, x + 12, r->y - 13, w, 26, s->theme->box, colour);
        add_words(s, (struct words){ x + 12 + w / 2, r->y + 5, 14, "middle", s->theme->ink, false }, r->label);
    } else {
        const char *stroke = r->kind == EV_DIE ? s->theme->lane[LANE_VMM] : s->theme->faint;
        if (r->shape == LADDER_END) add_box(s, x - w / 2, r->y - 14, w, 28, s->theme->box, stroke);
        else text_add(s->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"24\" fill=\"%s\"/>\n",
                      x - w / 2, r->y - 12, w, s->theme->box);
        add_words(s, (struct words){ x, r->y + 5, 14, "middle", s->theme->ink, r->kind == EV_DIE }, r->label);
    }
    text_add(s->out, "</g>\n");
}

struct ladder_ink ladder_ink(const char *theme)
{
    const struct theme *t = theme_named(theme);
    return (struct ladder_ink){ t->ink, t->faint, t->silent, t->background };
}

void ladder_svg_body(const struct ladder *l, struct text *out)
{
    struct svg s = { l, theme_named(l->options.theme), out };
    draw_bands(&s);
    draw_lanes(&s);
    draw_bars(&s);
    for (uint32_t i = 0; i < shown(l) && i < l->rows; i++) draw_row(&s, &l->row[i]);
    draw_curves(&s);
}

void ladder_svg(const struct ladder *l, struct text *out)
{
    struct svg s = { l, theme_named(l->options.theme), out };
    draw_head(&s);
    ladder_svg_body(l, out);
    text_add(out, "</svg>\n");
}
