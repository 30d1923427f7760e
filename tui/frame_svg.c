/* A frame as a vector picture: real text in a grid, colours by role. See frame.h.
 *
 * Characters of one look are one <text> whose length is said, so that a viewer's own monospace font keeps the columns; not every viewer heeds that, so
 * after some blanks another one begins. Frames and bars are lines and boxes, not letters: those of two lines need not meet. */
#include <string.h>
#include "tui/frame.h"

enum { CELL_W = 9, CELL_H = 18, BASE = 14 };

/* The colour cube of 256-colour terminals: 6 levels a channel from 16 on, then greys. */
static unsigned rgb(int index)
{
    static const unsigned levels[] = { 0, 95, 135, 175, 215, 255 };
    static const unsigned base[16] = { 0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
                                       0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF };
    if (index < 16) return base[index < 0 ? 0 : index];
    if (index >= 232) return (unsigned)(8 + 10 * (index - 232)) * 0x10101u;
    index -= 16;
    return levels[index / 36] << 16 | levels[index / 6 % 6] << 8 | levels[index % 6];
}

enum { LEFT = 1, RIGHT = 2, UP = 4, DOWN = 8, FULL = 16 };

/* Where a character of frames has arms; 0: it is none. */
static unsigned arms(uint32_t ch)
{
    static const struct { uint16_t ch; uint8_t arms; } table[] = {
        { 0x2500, LEFT | RIGHT }, { 0x2502, UP | DOWN }, { 0x250C, RIGHT | DOWN }, { 0x2510, LEFT | DOWN }, { 0x2514, RIGHT | UP }, { 0x2518, LEFT | UP },
        { 0x2524, LEFT | UP | DOWN }, { 0x251C, RIGHT | UP | DOWN }, { 0x253C, LEFT | RIGHT | UP | DOWN }, { 0x2588, FULL } };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].ch == ch) return table[i].arms;
    return 0;
}

static unsigned ink_of(const struct cell *c, unsigned theme, unsigned ink)
{
    struct style s = theme_style(theme, c->role, 256);
    return s.fg < 0 ? ink : rgb(s.fg);
}

/* The frames' lines of one direction, each as long as it goes on in one colour: `across` from left to right, else from top to bottom. */
static void lines_svg(const struct frame *f, bool across, unsigned theme, unsigned ink, struct text *out)
{
    unsigned near = across ? LEFT : UP, far = across ? RIGHT : DOWN;
    int lines = across ? f->rows : f->cols, length = across ? f->cols : f->rows, unit = across ? CELL_W : CELL_H;
    for (int k = 0; k < lines; k++)
        for (int i = 0; i < length; i++) {
            const struct cell *c = &f->cell[across ? k * f->cols + i : i * f->cols + k];
            unsigned a = arms(c->ch), fg = ink_of(c, theme, ink);
            if (!(a & (near | far))) continue;
            int from = 2 * i + !(a & near), last = i;
            for (const struct cell *n = c; last + 1 < length && arms(n->ch) & far; last++) {
                n += across ? 1 : f->cols;
                if (!(arms(n->ch) & near) || ink_of(n, theme, ink) != fg) break;
            }
            c = &f->cell[across ? k * f->cols + last : last * f->cols + k];
            int to = 2 * last + 1 + !!(arms(c->ch) & far), middle = k * (across ? CELL_H : CELL_W) + (across ? CELL_H : CELL_W) / 2;
            if (across) text_add(out, "<path d=\"M%g %d H%g\"", from * unit / 2.0, middle, to * unit / 2.0);
            else text_add(out, "<path d=\"M%d %g V%g\"", middle, from * unit / 2.0, to * unit / 2.0);
            text_add(out, " stroke=\"#%06x\" stroke-linecap=\"square\"/>\n", fg);
            i = last;
        }
}

static void escape(const char *s, struct text *out)
{
    for (; *s; s++) {
        if (*s == '<') text_add(out, "&lt;");
        else if (*s == '>') text_add(out, "&gt;");
        else if (*s == '&') text_add(out, "&amp;");
        else text_char(out, *s);
    }
}

static bool blank(const struct cell *c) { return c->ch == ' ' || arms(c->ch); }

/* How many of `n` cells are one <text>: up to where nothing is written for a while. */
static int words_of(const struct cell *c, int n)
{
    int last = 0;
    for (int i = 1; i < n && i - last < 3; i++)
        if (!blank(&c[i])) last = i;
        else if (arms(c[i].ch)) break;
    return last + 1;
}

static void run_svg(const struct frame *f, int x, int y, int n, unsigned theme, unsigned ink, unsigned paper, struct text *out)
{
    const struct cell *c = &f->cell[y * f->cols + x];
    struct style s = theme_style(theme, c->role, 256);
    unsigned attr = s.attr | c->attr, fg = s.fg < 0 ? ink : rgb(s.fg), bg = s.bg < 0 ? paper : rgb(s.bg);
    if (attr & ATTR_REVERSE) {
        text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", x * CELL_W, y * CELL_H, n * CELL_W, CELL_H, fg);
        unsigned keep = fg;
        fg = bg, bg = keep;
    }
    for (int i = 0, w; i < n; i += w) {
        struct text words = { 0 };
        if (arms(c[i].ch) & FULL)
            text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", (x + i) * CELL_W, y * CELL_H, CELL_W, CELL_H, fg);
        w = 1;
        if (blank(&c[i])) continue;
        w = words_of(c + i, n - i);
        for (int k = 0; k < w; k++) frame_encode(c[i + k].ch, &words);
        text_add(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"#%06x\"%s%s>", (x + i) * CELL_W,
                 y * CELL_H + BASE, w * CELL_W, fg, attr & ATTR_BOLD ? " font-weight=\"bold\"" : "",
                 attr & ATTR_UNDERLINE ? " text-decoration=\"underline\"" : "");
        escape(text_str(&words), out);
        text_add(out, "</text>\n");
        text_free(&words);
    }
}

void frame_svg(const struct frame *f, unsigned theme, struct text *out)
{
    bool dark = theme == THEME_DARK;
    unsigned ink = dark ? 0xF0F0F0 : 0x000000, paper = dark ? 0x101010 : 0xFFFFFF;
    int w = f->cols * CELL_W, h = f->rows * CELL_H;
    text_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"\n"
                  "  font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\">\n<title>Ringside on a terminal</title>\n<desc>The screen, %d columns by %d lines, as text.</desc>\n"
                  "<rect width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", w, h, w, h, f->cols, f->rows, w, h, paper);
    for (int y = 0; y < f->rows; y++)
        for (int x = 0, n; x < f->cols; x += n) {
            const struct cell *c = &f->cell[y * f->cols + x];
            for (n = 1; x + n < f->cols && c[n].role == c->role && c[n].attr == c->attr; n++) { }
            run_svg(f, x, y, n, theme, ink, paper, out);
        }
    lines_svg(f, true, theme, ink, out);
    lines_svg(f, false, theme, ink, out);
    text_add(out, "</svg>\n");
}
