/* See svg_read.h. */
#include "sim/svg_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool svg_is(const struct text *t) { return t->s && (!strncmp(t->s, "<svg", 4) || !strncmp(t->s, "<?xml", 5)); }

const char *svg_attribute(const char *at, size_t len, const char *name, size_t *n)
{
    const char *end = memchr(at, '>', len);
    size_t k = strlen(name);
    for (const char *p = at; end && p + k + 3 < end; p++) {
        if ((p[0] != ' ' && p[0] != '\n') || strncmp(p + 1, name, k) || p[k + 1] != '=' || p[k + 2] != '"') continue;
        *n = strcspn(p + k + 3, "\"");
        return p + k + 3;
    }
    return NULL;
}

double svg_number(const struct svg_item *i, const char *name, double otherwise)
{
    size_t n;
    const char *at = svg_attribute(i->at, i->len, name, &n);
    char *end;
    double x = at ? strtod(at, &end) : 0;
    return at && end != at ? x : otherwise;
}

bool svg_named(const struct svg_item *i, const char *name)
{
    size_t n = strlen(name);
    return i->len > n + 1 && !strncmp(i->at + 1, name, n) && strchr(" >/\n\t", i->at[n + 1]);
}

void svg_replace(struct text *svg, const char *at, size_t n, const char *by)
{
    struct text out = { 0 };
    size_t before = (size_t)(at - svg->s);
    text_bytes(&out, svg->s, before);
    text_add(&out, "%s", by);
    text_bytes(&out, at + n, svg->len - before - n);
    text_free(svg);
    *svg = out;
}

static void reach(struct svg_item *i, double y)
{
    if (y < i->y0) i->y0 = y;
    if (y > i->y1) i->y1 = y;
}

/* --- the numbers of a path: every point that it names, control points among them, since our curves do not leave those ---- */

static unsigned arguments(char c)
{
    switch (c | 0x20) {
    case 'm': case 'l': case 't': return 2;
    case 'h': case 'v': return 1;
    case 's': case 'q': return 4;
    case 'c': return 6;
    case 'a': return 7;
    default: return 0;
    }
}

static void path_reach(struct svg_item *i, const char *p, const char *end)
{
    double y = 0, start = 0, v[7];
    char command = 0;
    while (p < end) {
        if (strchr(" ,\n\t", *p)) { p++; continue; }
        if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') command = *p++;
        if ((command | 0x20) == 'z') { y = start; continue; }
        unsigned n = arguments(command), k = 0;
        for (; n && k < n; k++) {
            char *after;
            while (p < end && strchr(" ,\n\t", *p)) p++;
            v[k] = strtod(p, &after);
            if (after == p || after > end) return;
            p = after;
        }
        if (!n) return;
        bool relative = command >= 'a';
        if ((command | 0x20) == 'h') continue;
        if (n == 1) reach(i, y = relative ? y + v[0] : v[0]);
        else {
            double from = y;
            for (k = n == 7 ? 6 : 1; k < n; k += 2) reach(i, y = relative ? from + v[k] : v[k]);
        }
        if ((command | 0x20) == 'm') start = y, command = relative ? 'l' : 'L';
    }
}

static void points_reach(struct svg_item *i, const char *p, const char *end)
{
    for (unsigned k = 0; p < end; k++) {
        char *after;
        while (p < end && strchr(" ,\n\t", *p)) p++;
        double v = strtod(p, &after);
        if (after == p || after > end) return;
        if (k % 2) reach(i, v);
        p = after;
    }
}

static void measure(struct svg_item *i)
{
    size_t n;
    const char *at;
    double y = svg_number(i, "y", 0);
    i->y0 = HUGE_VAL, i->y1 = -HUGE_VAL;
    if (svg_named(i, "text")) {
        double size = svg_number(i, "font-size", 12);
        reach(i, y - size), reach(i, y + size * 0.3);
    } else if (svg_named(i, "rect") || svg_named(i, "image")) reach(i, y), reach(i, y + svg_number(i, "height", 0));
    else if (svg_named(i, "line")) reach(i, svg_number(i, "y1", 0)), reach(i, svg_number(i, "y2", 0));
    else if (svg_named(i, "circle") || svg_named(i, "ellipse")) {
        double r = svg_number(i, svg_named(i, "circle") ? "r" : "ry", 0), cy = svg_number(i, "cy", 0);
        reach(i, cy - r), reach(i, cy + r);
    } else if (svg_named(i, "path") && (at = svg_attribute(i->at, i->len, "d", &n))) path_reach(i, at, at + n);
    else if ((at = svg_attribute(i->at, i->len, "points", &n))) points_reach(i, at, at + n);
}

/* --- the list ----------------------------------------------------------------------------------------------------------- */

static bool add(struct svg *s, unsigned *room, struct svg_item i)
{
    if (s->items == *room) {
        unsigned more = *room ? *room * 2 : 256;
        struct svg_item *grown = realloc(s->item, more * sizeof *grown);
        if (!grown) return false;
        s->item = grown, *room = more;
    }
    s->item[s->items++] = i;
    return true;
}

/* The element that begins at `at`, with its end tag if it has one; NULL: the document ends inside it. */
static const char *element_end(const char *at)
{
    char close[40] = "</";
    const char *end = strchr(at, '>');
    if (!end) return NULL;
    if (end[-1] == '/' || at[1] == '!' || at[1] == '?') return end + 1;
    size_t n = strcspn(at + 1, " >/\n\t");
    if (n > sizeof close - 4) return NULL;
    memcpy(close + 2, at + 1, n);
    memcpy(close + 2 + n, ">", 2);
    end = strstr(end, close);
    return end ? end + n + 3 : NULL;
}

static void close_group(struct svg *s, unsigned open)
{
    struct svg_item *g = &s->item[open];
    g->match = s->items - 1;
    g->y0 = HUGE_VAL, g->y1 = -HUGE_VAL;
    for (unsigned k = open + 1; k < g->match; k++)
        if (s->item[k].y0 <= s->item[k].y1) reach(g, s->item[k].y0), reach(g, s->item[k].y1);
}

enum { DEEP = 32 };

static bool read_children(struct svg *s, const char *p)
{
    unsigned open[DEEP], depth = 0, room = 0;
    while ((p = strchr(p, '<'))) {
        if (!strncmp(p, "</svg", 5)) return depth == 0;
        if (!strncmp(p, "</g>", 4)) {
            if (!depth || !add(s, &room, (struct svg_item){ .kind = SVG_CLOSE, .at = p, .len = 4, .match = open[--depth], .y0 = HUGE_VAL, .y1 = -HUGE_VAL })) return false;
            close_group(s, open[depth]);
            p += 4;
            continue;
        }
        bool group = !strncmp(p, "<g ", 3) || !strncmp(p, "<g>", 3);
        const char *end = group ? strchr(p, '>') : !strncmp(p, "<!--", 4) ? strstr(p, "-->") : element_end(p);
        if (!end) return false;
        if (group) end++;
        struct svg_item i = { .kind = group ? SVG_OPEN : SVG_LEAF, .at = p, .len = (size_t)(end - p) };
        bool skip = p[1] == '!' || svg_named(&i, "title") || svg_named(&i, "desc");
        if (!skip && !group) measure(&i);
        if (!skip && !add(s, &room, i)) return false;
        if (group && depth == DEEP) return false;
        if (group) open[depth++] = s->items - 1;
        p = end;
    }
    return false;
}

bool svg_read(struct svg *s, const struct text *t)
{
    size_t n;
    *s = (struct svg){ .x = 0 };
    const char *root = svg_is(t) ? strstr(t->s, "<svg") : NULL, *end = root ? strchr(root, '>') : NULL;
    if (!end) return false;
    s->root = root, s->root_len = (size_t)(end - root) + 1;
    const char *box = svg_attribute(root, s->root_len, "viewBox", &n);
    double v[4];
    for (unsigned i = 0; i < 4; i++) {
        char *after;
        if (!box) return false;
        v[i] = strtod(box, &after);
        if (after == box) return false;
        box = after;
    }
    s->x = v[0], s->y = v[1], s->w = v[2], s->h = v[3];
    return read_children(s, end + 1);
}

void svg_done(struct svg *s)
{
    free(s->item);
    *s = (struct svg){ .x = 0 };
}
