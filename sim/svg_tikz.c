/* See svg_tikz.h. Paths go through as they are: TikZ's library svg.path reads them. */
#include "sim/svg_tikz.h"

#include <stdlib.h>
#include <string.h>
#include "sim/svg_read.h"

#define PT 0.75

/* "#d55e00", "none", or one of the names that both know. False: nothing is painted. */
static bool colour(const struct svg_item *i, const char *name, const char *otherwise, struct text *out)
{
    size_t n;
    char word[24] = "";
    const char *at = svg_attribute(i->at, i->len, name, &n);
    if (at && n < sizeof word) memcpy(word, at, n);
    const char *c = *word ? word : otherwise;
    if (!strcmp(c, "none") || !strcmp(c, "transparent")) return false;
    if (*c == '#' && strlen(c) == 7) {
        unsigned long rgb = strtoul(c + 1, NULL, 16);
        text_add(out, "{rgb,255:red,%lu;green,%lu;blue,%lu}", rgb >> 16, rgb >> 8 & 255, rgb & 255);
    } else text_add(out, "%s", !strcmp(c, "white") || !strcmp(c, "gray") ? c : "black");
    return true;
}

static void paint(const struct svg_item *i, bool closed, struct text *out)
{
    struct text c = { 0 };
    size_t n;
    const char *dashes = svg_attribute(i->at, i->len, "stroke-dasharray", &n);
    double opacity = svg_number(i, "fill-opacity", 1), round = svg_number(i, "rx", 0);
    text_add(out, "line width=%gpt", PT * svg_number(i, "stroke-width", 1));
    if (closed && colour(i, "fill", "black", &c)) text_add(out, ",fill=%s", text_str(&c));
    text_clear(&c);
    if (colour(i, "stroke", "none", &c)) text_add(out, ",draw=%s", text_str(&c));
    if (opacity < 1) text_add(out, ",fill opacity=%g", opacity);
    if (round > 0 && svg_named(i, "rect")) text_add(out, ",rounded corners=%gpt", PT * round);
    if (dashes) {
        char *end;
        double on = strtod(dashes, &end), off = strtod(end + (*end == ','), NULL);
        if (on > 0) text_add(out, ",dash pattern=on %gpt off %gpt", PT * on, PT * (off > 0 ? off : on));
    }
    text_free(&c);
}

static const struct { const char *utf8, *tex; } letters[] = {
    { "\xC2\xB7", "\\ensuremath{\\cdot}" }, { "\xE2\x86\x92", "\\ensuremath{\\rightarrow}" }, { "\xE2\x86\x90", "\\ensuremath{\\leftarrow}" },
    { "\xE2\x86\x91", "\\ensuremath{\\uparrow}" }, { "\xE2\x86\x93", "\\ensuremath{\\downarrow}" }, { "\xE2\x96\xBA", "\\ensuremath{\\triangleright}" },
    { "\xE2\x97\x84", "\\ensuremath{\\triangleleft}" }, { "\xE2\x97\x8F", "\\ensuremath{\\bullet}" }, { "\xE2\x9C\x93", "\\ensuremath{\\surd}" },
    { "\xE2\x9C\x97", "\\ensuremath{\\times}" }, { "\xE2\x94\x81", "-" }, { "\xE2\x95\x8B", "+" }, { "\xC2\xA0", "~" }, { "\xE2\x80\xA6", "\\ldots{}" },
    { "\xE2\x80\x93", "\\textendash{}" }, { "\xE2\x80\x94", "\\textemdash{}" }, { "\xE2\x80\x98", "`" }, { "\xE2\x80\x99", "'" }, { "\xE2\x80\x9C", "``" },
    { "\xE2\x80\x9D", "''" }, { "\xC3\x97", "\\ensuremath{\\times}" }, { "\xC2\xB5", "\\ensuremath{\\mu}" }, { "\xCE\xBC", "\\ensuremath{\\mu}" },
    { "&lt;", "\\ensuremath{<}" }, { "&gt;", "\\ensuremath{>}" }, { "&amp;", "\\&" }, { "&quot;", "\"" }, { "&#45;", "-" }, { "&#160;", "~" }, { "&#39;", "'" } };

static void tex(const char *s, const char *end, struct text *out)
{
    while (s < end) {
        size_t k = 0, count = sizeof letters / sizeof *letters, n = text_utf8(s, (size_t)(end - s));
        while (k < count && strncmp(s, letters[k].utf8, strlen(letters[k].utf8))) k++;
        if (k < count) {
            text_add(out, "%s", letters[k].tex);
            s += strlen(letters[k].utf8);
            continue;
        }
        bool latin = n == 2 && (unsigned char)*s >= 0xc3 && (unsigned char)*s <= 0xc5; /* LaTeX reads those as they are */
        if (latin) text_bytes(out, s, n);
        else if (n != 1) text_char(out, '?');
        else if (strchr("#$%&_{}", *s)) text_add(out, "\\%c", *s);
        else if (*s == '\\') text_add(out, "\\textbackslash{}");
        else if (*s == '~' || *s == '^') text_add(out, "\\%c{}", *s);
        else text_char(out, *s == ' ' || *s == '\n' ? '~' : *s);
        s += n ? n : 1;
    }
}

static void words(const struct svg_item *i, double size, struct text *out)
{
    struct text c = { 0 };
    size_t n;
    const char *anchor = svg_attribute(i->at, i->len, "text-anchor", &n), *open = memchr(i->at, '>', i->len), *end = i->at + i->len;
    bool middle = anchor && !strncmp(anchor, "middle", 6), right = anchor && !strncmp(anchor, "end", 3);
    while (end > i->at && *end != '<') end--; /* of the end tag */
    if (!open || open + 1 >= end) return;
    (void)colour(i, "fill", "black", &c);
    size = PT * svg_number(i, "font-size", size);
    text_add(out, "\\node[anchor=base%s,text=%s,font=\\ttfamily%s\\fontsize{%g}{%g}\\selectfont] at (%g,%g) {", middle ? "" : right ? " east" : " west",
             c.len ? text_str(&c) : "black", svg_attribute(i->at, i->len, "font-weight", &n) ? "\\bfseries" : "", size, size * 1.2, svg_number(i, "x", 0),
             svg_number(i, "y", 0));
    tex(open + 1, end, out);
    text_add(out, "};\n");
    text_free(&c);
}

static void points(const struct svg_item *i, struct text *out)
{
    size_t n;
    const char *at = svg_attribute(i->at, i->len, "points", &n), *end = at ? at + n : NULL;
    for (unsigned k = 0; at && at < end; k++) {
        char *after;
        double x = strtod(at, &after), y = strtod(after + (*after == ','), &after);
        if (after == at) break;
        text_add(out, "%s(%g,%g)", k ? " -- " : "", x, y);
        for (at = after; at < end && (*at == ' ' || *at == '\n'); at++) {}
    }
    text_add(out, svg_named(i, "polygon") ? " -- cycle;\n" : ";\n");
}

static void shape(const struct svg *s, const struct svg_item *i, struct text *out)
{
    size_t n;
    const char *d = svg_attribute(i->at, i->len, "d", &n);
    double x = svg_number(i, "x", s->x), y = svg_number(i, "y", s->y), w = svg_number(i, "width", 0), h = svg_number(i, "height", 0);
    size_t k;
    const char *percent = svg_attribute(i->at, i->len, "width", &k);
    if (percent && memchr(percent, '%', k)) w = s->w, h = s->h;
    text_add(out, "\\path[");
    paint(i, !svg_named(i, "line") && !svg_named(i, "polyline"), out);
    if (svg_named(i, "path") && d) text_add(out, ",xscale=%g,yscale=-%g] svg \"%.*s\";\n", PT, PT, (int)n, d);
    else if (svg_named(i, "rect")) text_add(out, "] (%g,%g) rectangle (%g,%g);\n", x, y, x + w, y + h);
    else if (svg_named(i, "line")) text_add(out, "] (%g,%g) -- (%g,%g);\n", svg_number(i, "x1", 0), svg_number(i, "y1", 0), svg_number(i, "x2", 0), svg_number(i, "y2", 0));
    else if (svg_named(i, "circle") || svg_named(i, "ellipse")) {
        double r = svg_number(i, "r", 0);
        text_add(out, "] (%g,%g) ellipse [x radius=%g,y radius=%g];\n", svg_number(i, "cx", 0), svg_number(i, "cy", 0), svg_number(i, "rx", r), svg_number(i, "ry", r));
    } else text_add(out, "] "), points(i, out);
}

/* Graphviz moves all it draws. */
static void group(const struct svg_item *i, struct text *out)
{
    size_t n;
    const char *how = svg_attribute(i->at, i->len, "transform", &n), *move = how ? strstr(how, "translate(") : NULL;
    text_add(out, "\\begin{scope}");
    if (move && move < how + n) {
        char *after;
        double x = strtod(move + 10, &after), y = strtod(after + (*after == ','), NULL);
        text_add(out, "[shift={(%g,%g)}]", x, y);
    }
    text_add(out, "\n");
}

void svg_tikz_words(const char *xml, size_t n, struct text *out) { tex(xml, xml + n, out); }

bool svg_tikz(const struct text *svg, struct text *out, struct err *e)
{
    struct svg s;
    bool ok = svg_read(&s, svg) || err_set(e, EXIT_USAGE, "this picture cannot be written as TikZ; use .svg, .png or .pdf");
    struct svg_item root = { .at = s.root, .len = s.root_len };
    double size = ok ? svg_number(&root, "font-size", 12) : 12;
    if (ok)
        text_add(out, "%% Written by Ringside: \\usepackage{tikz} \\usetikzlibrary{svg.path}, then \\input this file.\n"
                      "\\begin{tikzpicture}[x=%gpt,y=-%gpt,every node/.style={inner sep=0pt,outer sep=0pt}]\n\\path[use as bounding box] (%g,%g) rectangle (%g,%g);\n",
                 PT, PT, s.x, s.y, s.x + s.w, s.y + s.h);
    for (unsigned k = 0; ok && k < s.items; k++) {
        const struct svg_item *i = &s.item[k];
        if (i->kind == SVG_OPEN) group(i, out);
        else if (i->kind == SVG_CLOSE) text_add(out, "\\end{scope}\n");
        else if (svg_named(i, "text")) words(i, size, out);
        else shape(&s, i, out);
    }
    if (ok) text_add(out, "\\end{tikzpicture}\n");
    svg_done(&s);
    return ok;
}
