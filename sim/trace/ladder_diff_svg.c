/* Two ladders as one SVG: each by trace_svg.c in its half, between them what each line is. See ladder_diff.h.
 *
 * A line that is not the same is marked by words in the middle and by a shade behind its rows, never by colour alone. */
#include "sim/trace/ladder_diff.h"

#include <string.h>

#define FONT "DejaVu Sans Mono, Menlo, Consolas, monospace"

static void words(struct text *out, int x, int y, int size, const char *anchor, const char *fill, bool bold, const char *text)
{
    text_add(out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\" fill=\"%s\"%s xml:space=\"preserve\">", x, y, size, anchor, fill,
             bold ? " font-weight=\"bold\"" : "");
    text_xml(out, text);
    text_add(out, "</text>\n");
}

static uint32_t shown(const struct ladder_diff *d) { return d->shown ? d->shown : d->lines; }

static void head(const struct ladder_diff *d, const struct ladder_ink *ink, struct text *out)
{
    struct text alt = { 0 };
    if (d->alt) text_add(&alt, "%s", d->alt);
    else ladder_diff_words(d, &alt);
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dpx\" height=\"%dpx\" "
             "viewBox=\"0 0 %d %d\" font-family=\"" FONT "\" role=\"img\">\n<title>", d->width, d->height, d->width, d->height);
    text_xml(out, d->title);
    text_add(out, "</title>\n<desc>");
    text_xml(out, text_str(&alt));
    text_add(out, "</desc>\n");
    if (ink->background) text_add(out, "<rect width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", d->width, d->height, ink->background);
    words(out, 24, 40, 22, "start", ink->ink, true, d->title);
    for (unsigned side = 0; side < 2; side++) words(out, (side ? d->x : 0) + 24, 72, 15, "start", ink->ink, true, d->name[side]);
    text_free(&alt);
}

static void shade(const struct ladder_diff *d, const struct ladder_ink *ink, struct text *out)
{
    for (uint32_t i = 0; i < shown(d); i++) {
        const struct ladder_pair *p = &d->pair[i];
        int above = p->above > 34 ? 34 : p->above - 2;
        for (unsigned side = 0; p->how != PAIR_SAME && side < 2; side++)
            if (p->row[side] != LADDER_NONE)
                text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" fill=\"%s\" fill-opacity=\"0.16\"/>\n", (side ? d->x : 0) + 12,
                         p->y - above, d->l[side]->width - (side ? d->x : 0) - 16, above + p->below - 1, ink->mark);
    }
}

/* "+1,204 cycles" where both sides of a line are a visit to the hypervisor. */
static void other_cost(const struct ladder_diff *d, const struct ladder_pair *p, struct text *out)
{
    if (p->row[0] == LADDER_NONE || p->row[1] == LADDER_NONE) return;
    uint64_t a = d->l[0]->row[p->row[0]].cost, b = d->l[1]->row[p->row[1]].cost;
    if (!a || !b || a == b) return;
    text_add(out, b > a ? "+" : "-");
    text_number(out, b > a ? b - a : a - b);
    text_add(out, " cycles");
}

static void middle(const struct ladder_diff *d, const struct ladder_ink *ink, uint32_t i, struct text *out)
{
    static const char *const signs[PAIR_COUNT] = { "=", "another way", "only left", "only right" };
    const struct ladder_pair *p = &d->pair[i];
    int left = d->l[0]->width, x = (left + d->x) / 2;
    struct text cost = { 0 };
    text_add(out, "<g id=\"line%u\">\n", i + 1);
    if (i == d->first) {
        int y = p->y - p->above + 10;
        text_add(out, "<path d=\"M12 %d H%d M%d %d H%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"8 5\"/>\n", y, left,
                 d->x, y, d->width - 12, ink->mark);
        words(out, x, y + 4, 11, "middle", ink->ink, true, "here they part");
    }
    words(out, x, p->y + 4, p->how == PAIR_SAME ? 14 : 12, "middle", p->how == PAIR_SAME ? ink->faint : ink->ink, p->how != PAIR_SAME, signs[p->how]);
    if (p->how == PAIR_LEFT) text_add(out, "<path d=\"M%d %d l10 -5 v10 z\" fill=\"%s\"/>\n", left + 4, p->y, ink->mark);
    if (p->how == PAIR_RIGHT) text_add(out, "<path d=\"M%d %d l-10 -5 v10 z\" fill=\"%s\"/>\n", d->x - 4, p->y, ink->mark);
    other_cost(d, p, &cost);
    if (cost.len) words(out, x, p->y + 19, 11, "middle", ink->faint, false, text_str(&cost));
    text_add(out, "</g>\n");
    text_free(&cost);
}

void ladder_diff_svg(struct ladder_diff *d, struct text *out)
{
    struct ladder_ink ink = ladder_ink(d->theme);
    head(d, &ink, out);
    shade(d, &ink, out);
    for (unsigned side = 0; side < 2; side++) {
        struct ladder *l = d->l[side];
        uint32_t rows = 0;
        for (uint32_t i = 0; i < shown(d); i++) rows += d->pair[i].row[side] != LADDER_NONE;
        l->options.shown = rows ? rows : LADDER_NONE;
        l->options.prefix = side ? "right-" : "left-";
        ladder_svg_body(l, out);
    }
    for (uint32_t i = 0; i < shown(d); i++) middle(d, &ink, i, out);
    if (d->more && shown(d) == d->lines) {
        struct text more = { 0 };
        text_add(&more, "%u more lines", d->more);
        words(out, (d->l[0]->width + d->x) / 2, d->height - 66, 12, "middle", ink.faint, false, text_str(&more));
        text_free(&more);
    }
    words(out, 24, d->height - 22, 13, "start", ink.faint, false, d->caption);
    text_add(out, "</svg>\n");
}
