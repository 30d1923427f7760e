/* The ladder as Graphviz DOT with every position pinned: `neato -n2 -Tsvg ladder.dot`, then edit at will.
 *
 * Positions are those of the layout, one pixel a point, with y upward as Graphviz has it. Nodes are the lanes' ends,
 * the ends of arrows (no size), words and boxes; edges carry their own splines, so `-n2` routes nothing. Graphviz
 * draws nodes in order of declaration, hence bands first; edges below them, so that boxes cover lanes.
 * Not modelled: themes; DOT is for people who edit. */
#include "sim/trace/trace_ladder.h"

#include <inttypes.h>

static const char *const colours[LANE_COUNT] = { "#0072b2", "#009e73", "#d55e00", "#a8558a" };
#define SILENT_COLOUR "#e69f00"

struct dot {
    const struct ladder *l;
    struct text *out;
};

/* Graphviz counts upward from the bottom. */
static int up(const struct dot *d, int y) { return d->l->height - y; }

static void add_quoted(struct text *out, const char *s)
{
    text_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') text_char(out, '\\');
        text_char(out, *s == '\n' ? ' ' : *s);
    }
    text_char(out, '"');
}

static void add_words(const struct dot *d, int x, int y, int size, const char *colour, const char *words)
{
    if (!*words) return;
    text_add(d->out, "  { node [shape=plaintext, pos=\"%d,%d!\", fontsize=%d, fontcolor=\"%s\", label=",
             x, up(d, y), size, colour);
    add_quoted(d->out, words);
    text_add(d->out, "] ");
}

/* Ends what add_words began by naming the node. */
static void add_name(const struct dot *d, const char *words, const char *prefix, uint32_t id)
{
    if (*words) text_add(d->out, "%s%" PRIu32 " }\n", prefix, id);
}

/* Characters, not bytes: titles are UTF-8. */
static size_t columns_of(const char *s)
{
    size_t n = 0;
    for (; *s; s++) n += ((unsigned char)*s & 0xC0) != 0x80;
    return n;
}

/* Start-aligned words: Graphviz centres, so the centre is computed from the nominal width. */
static int centre(int left, int size, size_t columns) { return left + (int)columns * size * 301 / 1000; }

static void add_point(const struct dot *d, const char *prefix, uint32_t id, int x, int y)
{
    text_add(d->out, "  %s%" PRIu32 " [shape=point, style=invis, width=0.01, pos=\"%d,%d!\"]\n", prefix, id, x,
             up(d, y));
}

static void add_box(const struct dot *d, const char *prefix, uint32_t id, int x, int y, int w, int h, const char *more)
{
    text_add(d->out, "  %s%" PRIu32 " [shape=box, fixedsize=true, width=%d.%03d, height=%d.%03d, pos=\"%d,%d!\", %s",
             prefix, id, w / 72, w % 72 * 1000 / 72, h / 72, h % 72 * 1000 / 72, x, up(d, y), more);
}

/* A straight spline from x0 to x1; with a head its last `head` points belong to the arrowhead. */
static void add_spline(const struct dot *d, int x0, int x1, int y, bool head)
{
    int dir = x1 > x0 ? 1 : -1, end = head ? x1 - dir * 10 : x1;
    if (head) text_add(d->out, "e,%d,%d ", x1, up(d, y));
    text_add(d->out, "%d,%d %d,%d %d,%d %d,%d", x0, up(d, y), x0 + (end - x0) / 3, up(d, y), x0 + (end - x0) * 2 / 3,
             up(d, y), end, up(d, y));
}

static void draw_bands(const struct dot *d)
{
    const struct ladder *l = d->l;
    for (uint32_t i = 0; i < l->bands; i++) {
        const struct ladder_band *b = &l->band[i];
        int left = l->x[LANE_USER] - 80, w = l->width - 12 - left, h = b->y1 - b->y0;
        add_box(d, "visit", l->row[b->first].episode, left + w / 2, b->y0 + h / 2, w, h,
                "style=filled, penwidth=0, fillcolor=\"#d55e0018\", label=\"\"]\n");
        if (!b->cost) continue;
        struct text cost = { 0 };
        text_number(&cost, b->cost);
        text_add(&cost, " cycles");
        add_words(d, centre(l->cost_x, 12, cost.len), (b->y0 + b->y1) / 2, 12, "#1a1a1a", text_str(&cost));
        add_name(d, "cost", "cost", l->row[b->first].episode);
        text_free(&cost);
    }
}

static void draw_lanes(const struct dot *d)
{
    const struct ladder *l = d->l;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        if (!l->has[lane]) continue;
        char ring[16] = "";
        struct text more = { 0 };
        const char *below = ladder_lane_ring(l, lane, ring, sizeof ring);
        text_add(&more, "style=filled, fillcolor=white, color=\"%s\", label=\"%s%s%s\"]\n", colours[lane],
                 ladder_lane_title(l, lane), *below ? "\\n" : "", below);
        add_box(d, "lane", lane, l->x[lane], l->head_y + 20, 160, 40, text_str(&more));
        add_point(d, "foot", lane, l->x[lane], l->bottom);
        int x = l->x[lane], y0 = up(d, l->top), y1 = up(d, l->bottom);
        text_add(d->out, "  lane%u -> foot%u [dir=none, color=\"%s\", penwidth=2%s, pos=\"%d,%d %d,%d %d,%d %d,%d\"]\n",
                 lane, lane, colours[lane], lane == LANE_DEVICE ? ", style=dotted" : "", x, y0, x, y0 + (y1 - y0) / 3,
                 x, y0 + (y1 - y0) * 2 / 3, x, y1);
        text_free(&more);
    }
}

static void draw_arrow(const struct dot *d, const struct ladder_row *r)
{
    const struct ladder *l = d->l;
    bool silent = r->shape == LADDER_SILENT;
    int dir = l->x[r->to] > l->x[r->from] ? 1 : -1, x0 = l->x[r->from], x1 = l->x[r->to] - (silent ? dir * 34 : 0);
    add_point(d, "from", r->id, x0, r->y);
    add_point(d, "to", r->id, x1, r->y);
    text_add(d->out, "  from%" PRIu32 " -> to%" PRIu32 " [id=\"ev%" PRIu32 "\", color=\"%s\", penwidth=2", r->id, r->id,
             r->id, silent ? SILENT_COLOUR : r->twin ? "#d55e00:white:#d55e00" : colours[r->from]);
    if (silent) text_add(d->out, ", style=dashed, dir=none");
    else if (r->kind == EV_RESUME || r->kind == EV_RETURN) text_add(d->out, ", arrowhead=vee");
    text_add(d->out, ", pos=\"");
    add_spline(d, x0, x1, r->y, !silent);
    text_add(d->out, "\"]\n");
    if (silent) {
        add_words(d, l->x[r->to] - dir * 26, r->y, 22, SILENT_COLOUR, "\xe2\x9c\x97");
        add_name(d, "x", "cross", r->id);
    }
    add_words(d, ladder_label_x(l, r), r->y - 13, 14, "#1a1a1a", r->label);
    add_name(d, r->label, "label", r->id);
    add_words(d, ladder_label_x(l, r), r->y + 13, 12, "#595959", r->detail);
    add_name(d, r->detail, "detail", r->id);
}

static void draw_row(const struct dot *d, const struct ladder_row *r)
{
    const struct ladder *l = d->l;
    struct text cycle = { 0 }, more = { 0 };
    text_number(&cycle, r->cycle);
    if (r->shape != LADDER_GAP) {
        add_words(d, l->time_x - (int)cycle.len * 12 * 301 / 1000, r->y, 12, "#595959", text_str(&cycle));
        add_name(d, "time", "time", r->id);
    }
    int w = ladder_note_width(r);
    bool note = r->shape == LADDER_NOTE;
    if (r->shape == LADDER_ARROW || r->shape == LADDER_SILENT) {
        draw_arrow(d, r);
    } else {
        text_add(&more, "id=\"ev%" PRIu32 "\", style=\"filled,rounded\", fillcolor=white, color=\"%s\", label=", r->id,
                 note ? colours[r->from] : r->kind == EV_DIE ? "#d55e00" : r->shape == LADDER_GAP ? "white"
                                                                                           : "#595959");
        add_quoted(&more, r->label);
        text_add(&more, "]\n");
        add_box(d, "box", r->id, note ? l->x[r->from] + 12 + w / 2 : l->x[r->from], r->y, w, 26, text_str(&more));
    }
    text_free(&cycle);
    text_free(&more);
}

static void draw_curves(const struct dot *d)
{
    const struct ladder *l = d->l;
    for (uint32_t i = 0; i < l->curves; i++) {
        const struct ladder_curve *k = &l->curve[i];
        int y1 = k->y1 - (k->bend ? 0 : 7), x1 = k->x1 + (k->bend > 0 ? 7 : k->bend < 0 ? -7 : 0);
        int mid = (k->y0 + k->y1) / 2;
        uint32_t id = l->row[k->to].id;
        add_point(d, "why", id, k->x0, k->y0);
        add_point(d, "then", id, k->x1, k->y1);
        text_add(d->out, "  why%" PRIu32 " -> then%" PRIu32 " [style=dotted, arrowsize=0.7, pos=\"e,%d,%d %d,%d %d,%d "
                 "%d,%d %d,%d\"]\n", id, id, k->x1, up(d, k->y1), k->x0, up(d, k->y0), k->x0 + k->bend,
                 up(d, k->bend ? k->y0 : mid), k->x1 + k->bend, up(d, k->bend ? k->y1 : mid), x1, up(d, y1));
    }
}

void ladder_dot(const struct ladder *l, struct text *out)
{
    struct dot d = { l, out };
    text_add(out, "// neato -n2 -Tsvg ladder.dot > ladder.svg\ndigraph ladder {\n"
             "  graph [bgcolor=transparent, outputorder=edgesfirst, pad=\"0.3\", splines=line, label=\"\"]\n"
             "  node [fontname=\"DejaVu Sans Mono\", fontsize=14, margin=0]\n"
             "  edge [fontname=\"DejaVu Sans Mono\", arrowsize=0.9]\n");
    draw_bands(&d);
    if (l->options.title) {
        add_words(&d, centre(24, 22, columns_of(l->options.title)), 36, 22, "#1a1a1a", l->options.title);
        add_name(&d, "title", "title", 0);
    }
    draw_lanes(&d);
    for (uint32_t i = 0; i < l->rows; i++) draw_row(&d, &l->row[i]);
    draw_curves(&d);
    if (l->options.caption) {
        add_words(&d, centre(24, 13, columns_of(l->options.caption)), l->height - 26, 13, "#595959",
                  l->options.caption);
        add_name(&d, "caption", "caption", 0);
    }
    text_add(out, "}\n");
}
