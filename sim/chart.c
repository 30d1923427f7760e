/* See chart.h. */
#include "sim/chart.h"

#include <string.h>
#include "sim/trace/cause.h"

static const struct chart_theme themes[] = {
    { "light", NULL, "#1a1a1a", "#595959", "#d0d0d0", false },
    { "dark", NULL, "#f0f0f0", "#b8b8b8", "#484848", false },
    { "print", "#ffffff", "#000000", "#404040", "#c8c8c8", false },
    { "mono", "#ffffff", "#000000", "#404040", "#c8c8c8", true },
};

const struct chart_theme *chart_theme(const char *name)
{
    for (size_t i = 0; name && i < sizeof themes / sizeof themes[0]; i++)
        if (!strcmp(themes[i].name, name)) return &themes[i];
    return &themes[0];
}

const char *chart_machine(const struct chart_theme *t, const char *cpu)
{
    static const struct { const char *cpu, *light, *dark; } colours[] = {
        { "te", "#b84f00", "#ff8a3d" }, { "bt", "#0072b2", "#56b4e9" }, { "pv", "#00805d", "#2fc79b" },
        { "vtx", "#a8558a", "#e3a3c9" },
    };
    for (size_t i = 0; !t->mono && i < sizeof colours / sizeof colours[0]; i++)
        if (!strcmp(colours[i].cpu, cpu)) return strcmp(t->name, "dark") ? colours[i].light : colours[i].dark;
    return t->ink;
}

/* Dark enough for white words, or light enough for black ones; no two alike. Neighbours in cause.def differ in lightness. */
static const struct { const char *fill; bool light; } causes[CAUSE_COUNT] = {
    [CAUSE_NONE] = { "#ff0000", false },      [CAUSE_USER] = { "#0072b2", false },    [CAUSE_KERNEL] = { "#56b4e9", true },
    [CAUSE_WALK] = { "#8f6200", false },      [CAUSE_WALK_SECOND] = { "#d9b45b", true },
    [CAUSE_STALL] = { "#5a5a5a", false },     [CAUSE_MISPREDICT] = { "#b9a6e8", true },
    [CAUSE_DELIVER] = { "#f0e442", true },  [CAUSE_VMENTRY] = { "#cc79a7", true },
    [CAUSE_VMEXIT] = { "#8f4576", false },    [CAUSE_DISPATCH] = { "#e69f00", true }, [CAUSE_EMULATE] = { "#b84f00", false },
    [CAUSE_TRANSLATE] = { "#f2b9a0", true },  [CAUSE_TRANSLATED] = { "#9ad0ec", true },
    [CAUSE_INJECT] = { "#7a3b00", false },    [CAUSE_SHADOW] = { "#2fc79b", true },   [CAUSE_MEMORY] = { "#c9e265", true },
    [CAUSE_HYPERCALL] = { "#00604a", false }, [CAUSE_DEVICE] = { "#b0b0b0", true },   [CAUSE_SWITCH] = { "#b3174f", false },
    [CAUSE_MIGRATE] = { "#c2b280", true },    [CAUSE_HOST] = { "#3f51b5", false },    [CAUSE_IDLE] = { "#e8e8e8", true },
};

const char *chart_cause(const struct chart_theme *t, unsigned cause)
{
    static const char *const greys[] = { "#303030", "#f0f0f0", "#686868", "#d0d0d0", "#484848", "#b0b0b0" };
    if (t->mono) return greys[cause % 6];
    return causes[cause].fill;
}

const char *chart_on_cause(const struct chart_theme *t, unsigned cause)
{
    bool light = t->mono ? cause % 2 : causes[cause].light;
    return light ? "#000000" : "#ffffff";
}

void chart_open(struct text *out, const struct chart_theme *t, int width, int height, const char *title, const char *alt)
{
    text_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%dpx\" "
             "height=\"%dpx\" viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" "
             "role=\"img\">\n<title>", width, height, width, height);
    text_xml(out, title);
    text_add(out, "</title>\n<desc>");
    text_xml(out, alt);
    text_add(out, "</desc>\n");
    if (t->background) text_add(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"%s\"/>\n", t->background);
}

void chart_close(struct text *out) { text_add(out, "</svg>\n"); }

void chart_words(struct text *out, int x, int y, int size, const char *anchor, const char *fill, bool bold, const char *words)
{
    text_add(out, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\" fill=\"%s\"%s xml:space=\"preserve\">", x, y, size,
             anchor, fill, bold ? " font-weight=\"bold\"" : "");
    text_xml(out, words);
    text_add(out, "</text>\n");
}

void chart_line(struct text *out, int x1, int y1, int x2, int y2, const char *stroke, const char *more)
{
    text_add(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\"%s/>\n", x1, y1, x2, y2, stroke, more);
}

void chart_rect(struct text *out, int x, int y, int w, int h, const char *fill, const char *more)
{
    text_add(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"%s/>\n", x, y, w, h, fill, more);
}

uint64_t chart_step(uint64_t span, unsigned parts)
{
    static const uint64_t factors[] = { 1, 2, 5 };
    for (uint64_t ten = 1; ten <= UINT64_MAX / 50; ten *= 10)
        for (unsigned i = 0; i < 3; i++)
            if (span <= factors[i] * ten * parts) return factors[i] * ten;
    return span / parts + 1;
}

void chart_short(struct text *out, double n)
{
    static const char *const units[] = { "", " k", " M", " G", " T" };
    unsigned u = 0;
    while (n >= 999.5 && u < 4) n /= 1000, u++;
    text_add(out, n >= 99.95 ? "%.0f" : n >= 9.995 ? "%.1f" : u ? "%.2f" : "%.0f", n);
    text_add(out, "%s", units[u]);
}

void chart_tick(struct text *out, uint64_t n)
{
    static const struct { uint64_t unit; const char *word; } units[] = {
        { 1000000000000u, " T" }, { 1000000000, " G" }, { 1000000, " M" }, { 1000, " k" }, { 1, "" },
    };
    unsigned u = 0;
    while (u < 4 && n < units[u].unit) u++;
    text_add(out, "%g%s", (double)n / (double)units[u].unit, units[u].word);
}
