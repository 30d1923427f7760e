/* The ladder as TikZ, to be \input into a LaTeX document; see trace_ladder.h. Places are those of the layout, one pixel 0.75 pt.
 *
 * With `steps` each row is \onslide<n-> of Beamer: one file, a slide grows row by row on a canvas that stays. No TikZ library is needed. */
#include "sim/trace/trace_ladder.h"

#include <inttypes.h>
#include <string.h>

#define SMALL "font=\\ttfamily\\fontsize{8}{10}\\selectfont"

static void tex(struct text *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("#$%&_{}", *s)) text_add(out, "\\%c", *s);
        else if (*s == '\\') text_add(out, "\\textbackslash{}");
        else if (*s == '~' || *s == '^') text_add(out, "\\%c{}", *s);
        else if (*s == '<' || *s == '>') text_add(out, "\\ensuremath{%c}", *s);
        else text_char(out, *s);
    }
}

static void node(struct text *out, const char *style, int x, int y, const char *words)
{
    if (!*words) return;
    text_add(out, "\\node[%s] at (%d,%d) {", style, x, y);
    tex(out, words);
    text_add(out, "};\n");
}

static void head(const struct ladder *l, struct text *out)
{
    text_add(out, "%% Ladder diagram, written by Ringside: \\usepackage{tikz}, then \\input this file.\n"
                  "\\begin{tikzpicture}[x=0.75pt,y=-0.75pt,>=latex,every node/.style={inner sep=1pt,font=\\ttfamily\\fontsize{9}{11}\\selectfont}]\n"
                  "\\definecolor{rsuser}{HTML}{0072B2}\\definecolor{rskernel}{HTML}{009E73}\\definecolor{rsvmm}{HTML}{D55E00}"
                  "\\definecolor{rsdevice}{HTML}{A8558A}\\definecolor{rssilent}{HTML}{E69F00}\n"
                  "\\path[use as bounding box] (0,0) rectangle (%d,%d);\n", l->width, l->height);
    if (l->options.title) node(out, "anchor=base west,font=\\ttfamily\\bfseries", 24, 44, l->options.title);
    if (l->options.caption) node(out, "anchor=base west,text=gray," SMALL, 24, l->height - 22, l->options.caption);
}

static const char *const colours[LANE_COUNT] = { "rsuser", "rskernel", "rsvmm", "rsdevice" };

static void lanes(const struct ladder *l, struct text *out)
{
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        char ring[16] = "";
        if (!l->has[lane]) continue;
        const char *below = ladder_lane_ring(l, lane, ring, sizeof ring);
        text_add(out, "\\draw[%s,thick%s] (%d,%d) -- (%d,%d);\n\\draw[%s,thick,fill=white] (%d,%d) rectangle (%d,%d);\n", colours[lane],
                 lane == LANE_DEVICE ? ",dotted" : "", l->x[lane], l->top, l->x[lane], l->bottom, colours[lane], l->x[lane] - 80, l->head_y, l->x[lane] + 80,
                 l->head_y + 40);
        node(out, "font=\\ttfamily\\bfseries\\fontsize{9}{11}\\selectfont", l->x[lane], l->head_y + (*below ? 14 : 20), ladder_lane_title(l, lane));
        node(out, "text=gray," SMALL, l->x[lane], l->head_y + 30, below);
    }
}

static void row(const struct ladder *l, const struct ladder_row *r, struct text *out)
{
    struct text cycle = { 0 };
    const char *colour = colours[r->from];
    int w = ladder_note_width(r);
    text_number(&cycle, r->cycle);
    if (r->shape != LADDER_GAP) node(out, "anchor=east,text=gray," SMALL, l->time_x, r->y, text_str(&cycle));
    text_free(&cycle);
    if (r->shape == LADDER_ARROW || r->shape == LADDER_SILENT) {
        bool silent = r->shape == LADDER_SILENT;
        int to = l->x[r->to] - (silent ? l->x[r->to] > l->x[r->from] ? 26 : -26 : 0), at = ladder_label_x(l, r);
        text_add(out, "\\draw[%s,thick,->%s] (%d,%d) -- (%d,%d);\n", silent ? "rssilent" : colour, silent ? ",dashed" : r->twin ? ",double" : "", l->x[r->from],
                 r->y, to, r->y);
        if (silent) text_add(out, "\\draw[rssilent,very thick] (%d,%d) -- (%d,%d) (%d,%d) -- (%d,%d);\n", to - 7, r->y - 7, to + 7, r->y + 7, to - 7, r->y + 7,
                             to + 7, r->y - 7);
        node(out, silent ? "anchor=south,font=\\ttfamily\\bfseries\\fontsize{9}{11}\\selectfont" : "anchor=south", at, r->y - 2, r->label);
        node(out, "anchor=north,text=gray," SMALL, at, r->y + 2, r->detail);
    } else if (r->shape == LADDER_NOTE) {
        text_add(out, "\\draw[%s,fill=white] (%d,%d) rectangle (%d,%d);\n", colour, l->x[r->from] + 12, r->y - 13, l->x[r->from] + 12 + w, r->y + 13);
        node(out, "", l->x[r->from] + 12 + w / 2, r->y, r->label);
    } else {
        text_add(out, "\\draw[gray,fill=white] (%d,%d) rectangle (%d,%d);\n", l->x[r->from] - w / 2, r->y - 13, l->x[r->from] + w / 2, r->y + 13);
        node(out, "", l->x[r->from], r->y, r->label);
    }
}

/* A visit that begins with row i: the band, what it cost, and the hypervisor's lane as a bar. */
static void visit(const struct ladder *l, uint32_t i, struct text *out)
{
    for (uint32_t k = 0; k < l->bands; k++) {
        const struct ladder_band *b = &l->band[k];
        int y0 = l->row[b->first].y, y1 = l->row[b->last].y, middle = (b->y0 + b->y1) / 2;
        if (b->first != i) continue;
        text_add(out, "\\fill[rsvmm,opacity=0.09] (%d,%d) rectangle (%d,%d);\n", l->x[LANE_USER] - 80, b->y0, l->width - 12, b->y1);
        if (l->has[LANE_VMM]) text_add(out, "\\fill[rsvmm] (%d,%d) rectangle (%d,%d);\n", l->x[LANE_VMM] - 5, y0, l->x[LANE_VMM] + 5, y1 > y0 ? y1 : y0 + 12);
        if (!b->cost) continue;
        struct text cost = { 0 };
        text_number(&cost, b->cost);
        node(out, "anchor=east,font=\\ttfamily\\bfseries\\fontsize{9}{11}\\selectfont", l->width - 24, middle - 5, text_str(&cost));
        node(out, "anchor=east,text=gray," SMALL, l->width - 24, middle + 11, "cycles");
        text_free(&cost);
    }
}

static void causes(const struct ladder *l, uint32_t i, struct text *out)
{
    for (uint32_t k = 0; k < l->curves; k++) {
        const struct ladder_curve *c = &l->curve[k];
        int middle = (c->y0 + c->y1) / 2;
        if (c->to == i)
            text_add(out, "\\draw[densely dotted,->] (%d,%d) .. controls (%d,%d) and (%d,%d) .. (%d,%d);\n", c->x0, c->y0, c->x0 + c->bend,
                     c->bend ? c->y0 : middle, c->x1 + c->bend, c->bend ? c->y1 : middle, c->x1, c->y1);
    }
}

void ladder_tikz(const struct ladder *l, bool steps, struct text *out)
{
    head(l, out);
    lanes(l, out);
    for (uint32_t i = 0; i < l->rows; i++) {
        text_add(out, "%% event %" PRIu32 "\n", l->row[i].id);
        if (steps) text_add(out, "\\onslide<%" PRIu32 "->{%%\n", i + 1);
        visit(l, i, out);
        row(l, &l->row[i], out);
        causes(l, i, out);
        if (steps) text_add(out, "}\n");
    }
    text_add(out, "\\end{tikzpicture}\n");
}
