/* See picture_dress.h. Idea: the root element's width, height and viewBox are three attributes that all our SVG documents, and Graphviz's,
 * have; a larger viewBox around the same drawing is a canvas of another shape, and nothing in it but the paper moves. */
#include "sim/picture_dress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/graphviz.h"
#include "sim/picture.h"
#include "sim/picture_caption.h"
#include "sim/picture_deal.h"
#include "sim/picture_split.h"
#include "sim/svg_paper.h"
#include "sim/svg_read.h"

/* Pixels: of a slide, and of a column of text, whose height follows. */
static const struct size { const char *name; int width, height; } sizes[] = { { "16x9", 1280, 720 }, { "4x3", 960, 720 }, { "column", 480, 0 } };
enum { SIZES = sizeof sizes / sizeof *sizes };
static const struct size *size;
static const char *alt;
static double scale = 1;
static bool outline;
static struct { int width, height; } canvas;

static bool read_scale(const struct options *o, struct err *e)
{
    const char *word = o->value[OPT_SCALE];
    enum picture_format f;
    char *end;
    scale = 1;
    if (!word) return true;
    scale = strtod(word, &end);
    bool number = end != word && !*end && strspn(word, "0123456789.") == strlen(word);
    if (!number || scale < 0.1 || scale > 10) return err_set(e, EXIT_USAGE, "--scale %s: a number from 0.1 to 10, like 2 or 1.5", word);
    if (!picture_format(o, o->value[OPT_OUTPUT], &f, e)) return false;
    return f == PICTURE_PNG || err_set(e, EXIT_USAGE, "--scale: only PNG has pixels; use -o NAME.png, or --size for a canvas of another shape");
}

double picture_scale(void) { return scale; }

static bool read_outline(const struct options *o, struct err *e)
{
    enum picture_format f;
    outline = o->value[OPT_OUTLINE];
    if (!outline) return true;
    if (!picture_format(o, o->value[OPT_OUTPUT], &f, e)) return false;
    return f == PICTURE_SVG || err_set(e, EXIT_USAGE, "--outline-text: for SVG; PDF has its fonts in it, PNG has pixels, a text is words");
}

bool picture_outlined(void) { return outline; }

bool picture_dress(const struct options *o, struct err *e)
{
    const char *words[SIZES];
    for (unsigned i = 0; i < SIZES; i++) words[i] = sizes[i].name;
    int i = o->value[OPT_SIZE] ? options_choice(o, OPT_SIZE, words, SIZES, e) : -1;
    if (o->value[OPT_SIZE] && i < 0) return false;
    size = i < 0 ? NULL : &sizes[i];
    alt = o->value[OPT_ALT];
    if (!size && o->value[OPT_SPLIT]) size = &sizes[0];
    return read_scale(o, e) && read_outline(o, e) && picture_caption(o, e) && picture_split(o, size ? size->width : 0, size ? size->height : 0, e);
}

bool picture_dressed(void) { return size || alt || picture_captioned() || scale < 0.999 || scale > 1.001; }

/* The value of an attribute of the root element: where it begins, and its length; NULL: it has none. */
static char *attribute(const struct text *svg, const char *name, size_t *n)
{
    char *root = svg->s ? strstr(svg->s, "<svg") : NULL, *end = root ? strchr(root, '>') : NULL, *at = root ? strstr(root, name) : NULL;
    if (!at || at > end) return NULL;
    at += strlen(name);
    *n = strcspn(at, "\"");
    return at;
}

void picture_resize(struct text *svg)
{
    double x, y, w, h;
    size_t n;
    char words[128], *at = attribute(svg, " viewBox=\"", &n);
    if (!at || sscanf(at, "%lf %lf %lf %lf", &x, &y, &w, &h) != 4 || w <= 0 || h <= 0) return;
    double shape = size->height ? (double)size->width / size->height : w / h;
    if (w / h < shape) x -= (h * shape - w) / 2, w = h * shape;
    else y -= (w / shape - h) / 2, h = w / shape;
    snprintf(words, sizeof words, "%.2f %.2f %.2f %.2f", x, y, w, h);
    svg_replace(svg, at, n, words);
    snprintf(words, sizeof words, "%dpx", size->width);
    if ((at = attribute(svg, " width=\"", &n))) svg_replace(svg, at, n, words);
    snprintf(words, sizeof words, "%dpx", size->height ? size->height : (int)(size->width / shape + 0.5));
    if ((at = attribute(svg, " height=\"", &n))) svg_replace(svg, at, n, words);
    svg_paper_cover(svg);
}

/* <desc> is what screen readers say; where there is none it goes behind the root's <title>. */
static void describe(struct text *svg)
{
    struct text words = { 0 };
    char *at = strstr(svg->s, "<desc>"), *end = at ? strstr(at, "</desc>") : NULL;
    text_xml(&words, alt);
    if (end) svg_replace(svg, at + 6, (size_t)(end - at - 6), text_str(&words));
    else if ((at = strstr(svg->s, "</title>"))) {
        struct text element = { 0 };
        text_add(&element, "\n<desc>%s</desc>", text_str(&words));
        svg_replace(svg, at + 8, 0, text_str(&element));
        text_free(&element);
    }
    text_free(&words);
}

/* In the units of viewBox, which for our drawings are pixels. */
static void measure(const struct text *svg)
{
    double w, h;
    size_t n;
    const char *at = attribute(svg, " viewBox=\"", &n);
    if (at && sscanf(at, "%*f %*f %lf %lf", &w, &h) == 2) canvas.width = (int)w, canvas.height = (int)h;
}

bool picture_tall(int *width, int *height)
{
    *width = canvas.width, *height = canvas.height;
    return canvas.height > canvas.width;
}

void picture_dress_svg(struct text *svg)
{
    bool captioned = picture_caption_add(svg);
    if (!svg_is(svg)) return;
    if (captioned && picture_splits()) picture_split_foot(picture_caption_top());
    if (size && !picture_splits()) picture_resize(svg);
    if (alt) describe(svg);
    measure(svg);
}

bool picture_put(const struct text *t, const char *path, struct err *e)
{
    struct text dressed = { 0 };
    text_bytes(&dressed, text_str(t), t->len);
    picture_dress_svg(&dressed);
    if (outline && !picture_splits() && svg_is(&dressed)) {
        struct text letters = dressed;
        dressed = (struct text){ 0 };
        bool good = graphviz_outline(&letters, &dressed, e);
        text_free(&letters);
        if (!good) return text_free(&dressed), false;
    }
    bool ok = picture_splits() ? picture_split_put(&dressed, path, e) : text_write(&dressed, path, e);
    if (ok && !picture_splits()) picture_note(path, &dressed);
    text_free(&dressed);
    return ok;
}
