/* See sketch.h. */
#include "sim/sketch.h"

#include <string.h>

static const struct { const char *name, *background, *colour[SKETCH_ROLES]; } themes[] = {
    { "light", NULL, { "#1a1a1a", "#595959", "#ffffff", "#009e73", "#a8558a", "#0072b2", "#d55e00" } },
    { "dark", NULL, { "#f0f0f0", "#b8b8b8", "#1e1e1e", "#2fc79b", "#e3a3c9", "#56b4e9", "#ff8a3d" } },
    { "print", "#ffffff", { "#000000", "#404040", "#ffffff", "#00805d", "#8f4576", "#0072b2", "#b84f00" } },
    { "mono", "#ffffff", { "#000000", "#404040", "#ffffff", "#000000", "#000000", "#000000", "#000000" } },
};

void sketch_begin(struct sketch *s, struct text *out, const char *theme, int width, int height, const char *title, const char *alt)
{
    size_t t = 0;
    for (size_t i = 0; theme && i < sizeof themes / sizeof themes[0]; i++)
        if (!strcmp(themes[i].name, theme)) t = i;
    *s = (struct sketch){ out, themes[t].colour };
    text_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
             "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\">\n<title>", width, height, width, height);
    text_xml(out, title);
    text_add(out, "</title>\n<desc>");
    text_xml(out, alt);
    text_add(out, "</desc>\n");
    if (themes[t].background) text_add(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", themes[t].background);
}

void sketch_end(struct sketch *s) { text_add(s->out, "</svg>\n"); }

static void words(const struct sketch *s, int x, int y, int size, enum sketch_role role, const char *more, const char *text)
{
    text_add(s->out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" fill=\"%s\"%s xml:space=\"preserve\">", x, y, size, s->colour[role], more);
    text_xml(s->out, text);
    text_add(s->out, "</text>\n");
}

void sketch_words(const struct sketch *s, int x, int y, int size, enum sketch_role role, bool bold, const char *text)
{
    words(s, x, y, size, role, bold ? " font-weight=\"bold\"" : "", text);
}

void sketch_middle(const struct sketch *s, int x, int y, int size, enum sketch_role role, const char *text)
{
    words(s, x, y, size, role, " text-anchor=\"middle\"", text);
}

void sketch_box(const struct sketch *s, int x, int y, int w, int h, enum sketch_role role, int thick, bool dashed)
{
    text_add(s->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\" stroke=\"%s\" stroke-width=\"%d\"%s/>\n", x, y, w, h,
             s->colour[SKETCH_FILL], s->colour[role], thick, dashed ? " stroke-dasharray=\"5 3\"" : "");
}

void sketch_arrow(const struct sketch *s, int x1, int y1, int x2, int y2, enum sketch_role role, bool dashed)
{
    int dx = x2 > x1 ? 1 : x2 < x1 ? -1 : 0, dy = y2 > y1 ? 1 : y2 < y1 ? -1 : 0;
    if (dx && dy) { /* slanted: the longer way says where the head points */
        if ((x2 - x1) * dx > (y2 - y1) * dy) dy = 0;
        else dx = 0;
    }
    text_add(s->out, "<path d=\"M%d %d L%d %d\" stroke=\"%s\" stroke-width=\"1.5\"%s/>\n", x1, y1, x2, y2, s->colour[role],
             dashed ? " stroke-dasharray=\"4 3\"" : "");
    text_add(s->out, "<path d=\"M%d %d L%d %d L%d %d\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", x2 - 7 * dx - 4 * dy,
             y2 - 7 * dy - 4 * dx, x2, y2, x2 - 7 * dx + 4 * dy, y2 - 7 * dy + 4 * dx, s->colour[role]);
}
