/* A frame as a vector picture: real text in a grid, colours by role. See frame.h.
 *
 * Characters of one look are one <text> whose length is said, so that a viewer's own monospace font keeps the columns. */
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

static void escape(const char *s, struct text *out)
{
    for (; *s; s++) {
        if (*s == '<') text_add(out, "&lt;");
        else if (*s == '>') text_add(out, "&gt;");
        else if (*s == '&') text_add(out, "&amp;");
        else text_char(out, *s);
    }
}

static void run_svg(const struct frame *f, int x, int y, int n, unsigned theme, unsigned ink, unsigned paper, struct text *out)
{
    const struct cell *c = &f->cell[y * f->cols + x];
    struct style s = theme_style(theme, c->role, 256);
    unsigned attr = s.attr | c->attr, fg = s.fg < 0 ? ink : rgb(s.fg), bg = s.bg < 0 ? paper : rgb(s.bg);
    struct text words = { 0 };
    bool blank = true;
    for (int i = 0; i < n; i++) frame_encode(c[i].ch, &words), blank &= c[i].ch == ' ';
    if (attr & ATTR_REVERSE) {
        text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n", x * CELL_W, y * CELL_H, n * CELL_W, CELL_H, fg);
        unsigned keep = fg;
        fg = bg, bg = keep;
    }
    if (!blank) {
        text_add(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" fill=\"#%06x\"%s%s>", x * CELL_W,
                 y * CELL_H + BASE, n * CELL_W, fg, attr & ATTR_BOLD ? " font-weight=\"bold\"" : "",
                 attr & ATTR_UNDERLINE ? " text-decoration=\"underline\"" : "");
        escape(text_str(&words), out);
        text_add(out, "</text>\n");
    }
    text_free(&words);
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
    text_add(out, "</svg>\n");
}
