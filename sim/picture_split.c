/* See picture_split.h. */
#include "sim/picture_split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/graphviz.h"
#include "sim/picture.h"
#include "sim/picture_deal.h"
#include "sim/picture_dress.h"
#include "sim/svg_read.h"

enum { SLIDES = 99, NUMBER = 28 /* pixels at the bottom, for the slide's number */, AIR = 8 };

static struct { bool on, named; int width, height, head, foot; enum picture_format format; char first[600], last[600]; unsigned slides; } split;

bool picture_split(const struct options *o, int width, int height, struct err *e)
{
    const char *path = o->value[OPT_OUTPUT];
    memset(&split, 0, sizeof split);
    if (!o->value[OPT_SPLIT]) return true;
    split.on = true, split.named = path != NULL, split.width = width, split.height = height;
    if (o->value[OPT_FRAMES]) return err_set(e, EXIT_USAGE, "--split with --frames: frames grow on one canvas; leave one of them out");
    if (!height) return err_set(e, EXIT_USAGE, "--split --size %s: that is no slide's shape; use 16x9 or 4x3", o->value[OPT_SIZE]);
    if (!picture_format(o, path, &split.format, e)) return false;
    if (split.format != PICTURE_SVG && split.format != PICTURE_PNG && split.format != PICTURE_PDF)
        return err_set(e, EXIT_USAGE, "--split: slides are written as .svg, .png or .pdf; a text is as long as it is");
    return true;
}

bool picture_splits(void) { return split.on; }
void picture_split_keep(int head, int foot) { split.head = head, split.foot = foot; }
void picture_split_foot(int foot) { if (!split.foot) split.foot = foot; }

/* --- where to cut ---------------------------------------------------------------------------------------------------------- */

struct cutting {
    struct svg svg;
    int height, head, foot, room;   /* pixels: of the picture; where the body begins and ends; of a slide's body */
    double wide, high;              /* of the canvas, in the picture's pixels */
    unsigned char *taken;           /* for each line of pixels: TORN, WORDS */
    int cut[SLIDES + 1];            /* slide i has the lines from cut[i] to cut[i + 1] */
    unsigned slides;
    bool whole;                     /* fits on one, or must */
};
enum { TORN = 1, WORDS = 2 };

static void take(struct cutting *c, const struct svg_item *i, unsigned char what)
{
    for (int y = (int)floor(i->y0); y < i->y1 && y < c->height; y++)
        if (y >= 0) c->taken[y] |= what;
}

/* What is higher than a slide is cut anyway: lanes, columns. A curve alone is, too: it goes from one thing to another. */
static void take_all(struct cutting *c)
{
    for (unsigned k = 0; k < c->svg.items; k++) {
        const struct svg_item *i = &c->svg.item[k];
        bool words = i->kind == SVG_LEAF && svg_named(i, "text"), curve = i->kind == SVG_LEAF && svg_named(i, "path");
        if (i->kind == SVG_CLOSE || i->y0 > i->y1) continue;
        if (words) take(c, i, WORDS | TORN);
        else if (!curve && i->y1 - i->y0 < c->room) take(c, i, TORN);
    }
}

/* The line to cut at, at most `room` below `from`: the lowest one where nothing stands, with some air above what follows. */
static int cut_behind(const struct cutting *c, int from, int room)
{
    if (from + room >= c->foot) return c->foot;
    for (unsigned char bad = TORN; bad <= WORDS; bad++)
        for (int y = from + room; y > from + room / 3; y--) {
            if (c->taken[y] & bad) continue;
            for (int air = 0; air < AIR && !(c->taken[y - 1] & bad) && y - 1 > from + room / 3; air++) y--;
            return y;
        }
    return from + room;
}

static unsigned cut(struct cutting *c, int room)
{
    unsigned n = 0;
    c->cut[0] = c->head;
    while (n < SLIDES && c->cut[n] < c->foot) c->cut[n + 1] = cut_behind(c, c->cut[n], room), n++;
    return c->cut[n] < c->foot ? 0 : n;
}

/* As few slides as it takes, and about as much on each. */
static bool cut_evenly(struct cutting *c)
{
    unsigned least = cut(c, c->room);
    int room = c->room;
    while (least > 1 && room > c->room / 3 && cut(c, room - 8) == least) room -= 8;
    c->slides = cut(c, room);
    int most = 0;
    for (unsigned i = 0; i < c->slides; i++)
        if (c->cut[i + 1] - c->cut[i] > most) most = c->cut[i + 1] - c->cut[i];
    double shape = c->wide / c->high, high = c->head + most + c->height - c->foot + NUMBER;
    if (high < c->svg.w / shape) high = c->svg.w / shape; /* all of them as large as the fullest allows */
    if (high < c->high) c->high = high, c->wide = high * shape;
    return least != 0;
}

/* The canvas is a slide of the picture's own pixels; a wider picture has a larger one. */
static bool prepare(struct cutting *c, const struct text *doc, struct err *e)
{
    if (!svg_read(&c->svg, doc)) return err_set(e, EXIT_USAGE, "--split: this is no picture; use -o NAME-%%02d.svg, .png or .pdf");
    double shape = (double)split.width / split.height;
    c->height = (int)ceil(c->svg.h);
    c->head = split.head > 0 && split.head < c->height ? split.head : 0;
    c->foot = split.foot > c->head && split.foot < c->height ? split.foot : c->height;
    c->wide = c->svg.w > split.width ? c->svg.w : split.width;
    c->high = c->wide / shape;
    c->room = (int)c->high - NUMBER - c->head - (c->height - c->foot);
    c->whole = strstr(doc->s, "Generated by graphviz") || c->height <= c->high;
    c->slides = 1;
    if (c->whole) return true;
    if (c->room < 60) return err_set(e, EXIT_USAGE, "--split: what each slide must repeat leaves no room on one; use --size 16x9 without --split");
    c->taken = calloc((size_t)c->height + 1, 1);
    if (!c->taken) return err_set(e, EXIT_ENVIRONMENT, "no memory for the slides");
    take_all(c);
    return cut_evenly(c) || err_set(e, EXIT_USAGE, "--split: more than %d slides; --from and --to draw a part", SLIDES);
}

/* --- a slide --------------------------------------------------------------------------------------------------------------- */

static bool background(const struct svg_item *i)
{
    size_t n;
    const char *x = svg_attribute(i->at, i->len, "x", &n), *w = svg_attribute(i->at, i->len, "width", &n);
    return i->kind == SVG_LEAF && svg_named(i, "rect") && !x && w;
}

/* Colour of the first words: the theme's ink. */
static void ink(const struct svg *s, struct text *out)
{
    size_t n = 0;
    const char *at = NULL;
    for (unsigned k = 0; k < s->items && !at; k++)
        if (svg_named(&s->item[k], "text")) at = svg_attribute(s->item[k].at, s->item[k].len, "fill", &n);
    text_add(out, "%.*s", at ? (int)n : 7, at ? at : "#808080");
}

/* Elements that stand between lines y0 and y1, moved down by `down` and clipped. */
static void part(const struct cutting *c, const char *name, int y0, int y1, int down, struct text *out)
{
    if (y0 >= y1) return;
    text_add(out, "<clipPath id=\"clip-%s\"><rect x=\"0\" y=\"%d\" width=\"%g\" height=\"%d\"/></clipPath>\n<g id=\"%s\" transform=\"translate(0 %d)\">"
                  "<g clip-path=\"url(#clip-%s)\">\n", name, y0, c->svg.w, y1 - y0, name, down, name);
    for (unsigned k = 0; k < c->svg.items; k++) {
        const struct svg_item *i = &c->svg.item[k], *g = i->kind == SVG_CLOSE ? &c->svg.item[i->match] : i;
        if (background(i) || !(g->y0 < y1 && g->y1 > y0)) continue;
        double middle = (i->y0 + i->y1) / 2;
        if (i->kind == SVG_LEAF && svg_named(i, "text") && !(middle >= y0 && middle < y1)) continue; /* words are in one place */
        text_bytes(out, i->at, i->len);
        text_add(out, "\n");
    }
    text_add(out, "</g></g>\n");
}

static void words_of(const struct text *doc, const char *tag, struct text *out)
{
    char open[16], close[16];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *at = strstr(doc->s, open), *end = at ? strstr(at, close) : NULL;
    if (end) text_bytes(out, at + strlen(open), (size_t)(end - at) - strlen(open));
}

static void root(const struct cutting *c, const struct text *doc, unsigned slide, struct text *out)
{
    static const char *const tags[] = { "title", "desc" };
    size_t n;
    const char *font = svg_attribute(c->svg.root, c->svg.root_len, "font-family", &n);
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
                  "width=\"%dpx\" height=\"%dpx\" viewBox=\"%.2f 0 %.2f %.2f\"", split.width, split.height, (c->svg.w - c->wide) / 2, c->wide, c->high);
    if (font) text_add(out, " font-family=\"%.*s\"", (int)n, font);
    text_add(out, " role=\"img\">\n");
    for (unsigned i = 0; i < 2; i++) {
        text_add(out, "<%s>", tags[i]);
        words_of(doc, tags[i], out);
        text_add(out, "%s%u of %u", i ? " Slide " : ", ", slide + 1, c->slides);
        text_add(out, "</%s>\n", tags[i]);
    }
    for (unsigned k = 0; k < c->svg.items; k++) {
        const char *fill = svg_attribute(c->svg.item[k].at, c->svg.item[k].len, "fill", &n);
        if (!background(&c->svg.item[k]) || !fill) continue;
        text_add(out, "<rect x=\"%.2f\" y=\"0\" width=\"%.2f\" height=\"%.2f\" fill=\"%.*s\"/>\n", (c->svg.w - c->wide) / 2, c->wide, c->high, (int)n, fill);
        break;
    }
}

static void page(const struct cutting *c, const struct text *doc, unsigned slide, struct text *out)
{
    int from = c->cut[slide], to = c->cut[slide + 1];
    if (c->whole) {
        text_bytes(out, doc->s, doc->len);
        picture_resize(out);
        return;
    }
    root(c, doc, slide, out);
    part(c, "head", 0, c->head, 0, out);
    part(c, "body", from, to, c->head - from, out);
    part(c, "foot", c->foot, c->height, c->head + to - from - c->foot, out);
    text_add(out, "<text x=\"%.0f\" y=\"%.0f\" font-size=\"14\" text-anchor=\"end\" fill=\"", (c->svg.w + c->wide) / 2 - 24, c->high - 12);
    ink(&c->svg, out);
    text_add(out, "\">%u of %u</text>\n</svg>\n", slide + 1, c->slides);
}

/* --- into files ------------------------------------------------------------------------------------------------------------ */

/* "popf-ladder.svg" -> "popf-ladder-%02d.svg" */
static bool numbered(const char *path, char *to, size_t n, struct err *e)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    bool given = strchr(path, '%') || split.named;
    size_t head = dot ? (size_t)(dot - path) : strlen(path);
    if (snprintf(to, n, "%.*s%s%s", given ? (int)strlen(path) : (int)head, path, given ? "" : "-%02d", given || !dot ? "" : dot) < (int)n) return true;
    return err_set(e, EXIT_USAGE, "-o %.60s...: the path is too long", path);
}

static bool put(const struct text *bytes, const char *path, struct err *e)
{
    if (!text_write(bytes, path, e)) return false;
    picture_note(path, bytes);
    if (!split.slides++) snprintf(split.first, sizeof split.first, "%s", path);
    snprintf(split.last, sizeof split.last, "%s", path);
    return true;
}

static bool put_each(struct text *pages, unsigned n, const char *path, struct err *e)
{
    char pattern[600], name[600];
    if (!numbered(path, pattern, sizeof pattern, e)) return false;
    for (unsigned i = 0; i < n; i++) {
        struct text made = { 0 };
        bool ok = strcmp(path, "-") ? picture_frame_path(pattern, i + 1, name, sizeof name, e)
                                    : n == 1 || err_set(e, EXIT_USAGE, "-o -: %u slides do not go into one stream; use --format pdf, or -o NAME-%%02d.svg", n);
        if (ok && split.format == PICTURE_PNG) ok = graphviz_pages(&pages[i], 1, "png", &made, e);
        if (ok && picture_outlined()) ok = graphviz_outline(&pages[i], &made, e);
        ok = ok && put(made.len ? &made : &pages[i], strcmp(path, "-") ? name : path, e);
        text_free(&made);
        if (!ok) return false;
    }
    return true;
}

bool picture_split_put(const struct text *doc, const char *path, struct err *e)
{
    static struct text pages[SLIDES];
    struct cutting c = { .head = 0 };
    struct text made = { 0 };
    split.slides = 0;
    bool ok = prepare(&c, doc, e);
    for (unsigned i = 0; ok && i < c.slides; i++) page(&c, doc, i, &pages[i]);
    if (ok && split.format == PICTURE_PDF && !strchr(path, '%')) {
        ok = graphviz_pages(pages, c.slides, "pdf", &made, e) && put(&made, path, e);
        split.slides = c.slides;
    } else if (ok) ok = put_each(pages, c.slides, path, e);
    for (unsigned i = 0; i < SLIDES; i++) text_free(&pages[i]);
    text_free(&made);
    free(c.taken);
    svg_done(&c.svg);
    split.head = split.foot = 0;
    return ok;
}

void picture_tell(const char *path)
{
    if (!split.on) fprintf(stderr, "diagram: %s\n", path);
    else if (split.slides == 1 || !strcmp(split.first, split.last)) fprintf(stderr, "diagram: %s (%u slide%s)\n", split.first, split.slides, split.slides == 1 ? "" : "s");
    else fprintf(stderr, "diagram: %s to %s (%u slides)\n", split.first, split.last, split.slides);
}
