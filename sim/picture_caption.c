/* See picture_caption.h. This file: the words, their lines, and SVG. A character of the font is taken as wider than it is, for the
 * reader's font may be another one. */
#include "sim/picture_caption.h"

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/svg_paper.h"
#include "sim/svg_read.h"

enum { MOST = 1000 /* bytes */, NARROW = 12 /* columns, the least there are */ };
enum { SIZE = 14, CHAR = 19 /* half pixels */, LINE = 20, LEFT = 24, ABOVE = 18, BELOW = 16 };
#define FONT "DejaVu Sans Mono, Menlo, Consolas, monospace"

static struct { struct text words; bool on, ascii; const char *theme; int top; } caption;

bool picture_caption(const struct options *o, struct err *e)
{
    const char *words = o->value[OPT_CAPTION], *path = o->value[OPT_OUTPUT];
    text_clear(&caption.words);
    caption.on = words != NULL;
    if (!words) return true;
    if (strlen(words) > MOST)
        return err_set(e, EXIT_USAGE, "--caption: %zu bytes; a caption has at most %d, --alt takes more", strlen(words), MOST);
    text_add(&caption.words, "%s", words);
    if (caption.words.len) text_clean(caption.words.s, true);
    if (strspn(text_str(&caption.words), " \n") == strlen(text_str(&caption.words)))
        return err_set(e, EXIT_USAGE, "--caption: no words; leave it out, or write --caption 'POPF in ring 1'");
    caption.theme = o->value[OPT_THEME];
    caption.ascii = o->value[OPT_ASCII] || (path && !strcmp(path, "-") && strcmp(nl_langinfo(CODESET), "UTF-8"));
    return true;
}

bool picture_captioned(void) { return caption.on; }
int picture_caption_top(void) { return caption.top; }

const char *caption_dark(void) { return caption.theme && !strcmp(caption.theme, "dark") ? "#f0f0f0" : "#1a1a1a"; }

/* --- lines ----------------------------------------------------------------------------------------------------------------- */

/* Columns of the character of `n` bytes at `s`: two for what Unicode calls wide, roughly. */
static unsigned columns(const char *s, size_t n)
{
    static const struct { uint32_t from, to; } wide[] = {
        { 0x1100, 0x115f }, { 0x2e80, 0xa4cf }, { 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
        { 0xffe0, 0xffe6 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd },
    };
    static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
    uint32_t c = (unsigned char)*s & first[n];
    for (size_t i = 1; i < n; i++) c = c << 6 | ((unsigned char)s[i] & 0x3f);
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c >= wide[i].from && c <= wide[i].to) return 2;
    return 1;
}

bool caption_line(const char **rest, unsigned room, struct text *line)
{
    const char *s = *rest + strspn(*rest, " "), *blank = NULL, *p = s;
    text_clear(line);
    for (unsigned at = 0; *p && *p != '\n';) {
        size_t n = text_utf8(p, strlen(p));
        unsigned wide = columns(p, n ? n : 1);
        if (*p == ' ' && at) blank = p;
        if (at && at + wide > room) { /* a blank that does not fit ends the line, too */
            if (blank) p = blank;
            break;
        }
        at += wide, p += n ? n : 1;
    }
    const char *end = p;
    while (end > s && end[-1] == ' ') end--;
    text_bytes(line, s, (size_t)(end - s));
    bool any = *s != 0;
    p += strspn(p, " ");
    *rest = *p == '\n' ? p + 1 : p;
    return any;
}

/* --- SVG ------------------------------------------------------------------------------------------------------------------- */

static const char *attribute(const struct text *svg, const char *tag, const char *name, size_t *n)
{
    const char *at = strstr(svg->s, tag), *end = at ? strchr(at, '>') : NULL;
    return end ? svg_attribute(at, (size_t)(end - at) + 1, name, n) : NULL;
}

/* A length of the root element, with its unit, `by` times as large. */
static void stretch(struct text *svg, const char *tag, const char *name, double by)
{
    size_t n;
    char words[48];
    char *unit;
    const char *at = attribute(svg, tag, name, &n);
    double now = at ? strtod(at, &unit) : 0;
    if (!at || unit == at || *unit == '%') return;
    snprintf(words, sizeof words, "%.0f%.*s", now * by, (int)(n - (size_t)(unit - at)), unit);
    svg_replace(svg, at, n, words);
}

/* Words that can be read on that colour. */
static const char *ink(const char *paper)
{
    unsigned rgb = *paper == '#' ? (unsigned)strtoul(paper + 1, NULL, 16) : 0xffffff;
    return 3 * (rgb >> 16 & 255) + 6 * (rgb >> 8 & 255) + (rgb & 255) > 1275 ? "#1a1a1a" : "#f0f0f0";
}

static unsigned lines(const char *words, unsigned room, int x, double y, const char *more, struct text *out)
{
    struct text line = { 0 };
    unsigned n = 0;
    for (; caption_line(&words, room, &line); n++) {
        text_add(out, "<text x=\"%d\" y=\"%g\" font-size=\"%d\" %s xml:space=\"preserve\">", x, y + (int)n * LINE, SIZE, more);
        text_xml(out, text_str(&line));
        text_add(out, "</text>\n");
    }
    text_free(&line);
    return n;
}

static bool below_svg(struct text *svg)
{
    struct text element = { 0 };
    double x, y, w, h;
    size_t n;
    char words[160], colour[24];
    bool graph = strstr(svg->s, "Generated by graphviz");
    const char *box = attribute(svg, "<svg", "viewBox", &n), *end;
    if (!box || sscanf(box, "%lf %lf %lf %lf", &x, &y, &w, &h) != 4 || w <= 0 || h <= 0) return false;
    bool painted = svg_paper(svg, colour, sizeof colour);
    unsigned room = w - 2 * LEFT > NARROW * CHAR / 2.0 ? (unsigned)((w - 2 * LEFT) * 2 / CHAR) : NARROW;
    int at = (int)(graph ? x + w / 2 : x + LEFT);
    snprintf(words, sizeof words, "text-anchor=\"%s\" fill=\"%s\"", graph ? "middle" : "start", painted ? ink(colour) : caption_dark());
    text_add(&element, "<g id=\"caption\" font-family=\"" FONT "\">\n");
    double higher = (int)lines(text_str(&caption.words), room, at, y + h + ABOVE, words, &element) * LINE + BELOW;
    text_add(&element, "</g>\n");
    caption.top = (int)(y + h);
    stretch(svg, "<svg", "height", (h + higher) / h);
    snprintf(words, sizeof words, graph ? "%.2f %.2f %.2f %.2f" : "%g %g %g %g", x, y, w, h + higher);
    box = attribute(svg, "<svg", "viewBox", &n);
    svg_replace(svg, box, n, words);
    svg_paper_cover(svg);
    for (end = svg->s + svg->len; end > svg->s && strncmp(end, "</svg", 5);) end--;
    if (end > svg->s) svg_replace(svg, end, 0, text_str(&element));
    text_free(&element);
    return true;
}

bool picture_caption_add(struct text *doc)
{
    if (!caption.on || !doc->len) return false;
    if (svg_is(doc)) return below_svg(doc);
    caption_form(doc, text_str(&caption.words), caption.ascii);
    return true;
}
