/* Cycles: where they went, by cause. The bars add up, because every cycle has exactly one cause. */
#include <stdio.h>
#include "tui/view.h"

struct cycles {
    uint64_t total, insns, by[CAUSE_COUNT];
    uint64_t walks, tlb_misses;
    char model[16];
};

static void sample(struct view *v, const struct scene *s)
{
    struct cycles *c = v->state;
    const struct machine_summary *sum = s->sum;
    c->total = sum->cycles, c->insns = sum->insns, c->walks = sum->walks, c->tlb_misses = sum->tlb_misses;
    for (unsigned i = 0; i < CAUSE_COUNT; i++) c->by[i] = sum->by_cause[i];
    view_copy(c->model, sizeof c->model, machine_config(s->m)->model);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct cycles *c = v->state;
    view_copy(title, VIEW_LABEL, "5 Cycles");
    snprintf(remark, VIEW_LABEL, "model %s", c->model);
}

static unsigned role_of(unsigned cause)
{
    switch (cause) {
    case CAUSE_USER: return ROLE_USER;
    case CAUSE_KERNEL: return ROLE_KERNEL;
    case CAUSE_DEVICE: return ROLE_DEVICE;
    case CAUSE_DISPATCH:
    case CAUSE_EMULATE:
    case CAUSE_INJECT:
    case CAUSE_SHADOW: return ROLE_VMM;
    default: return ROLE_PLAIN;
    }
}

enum { BAR = 14 /* column of the bars: "walk-second" is the longest name */ };

static void draw_row(struct pane *p, int y, unsigned role, const char *name, uint64_t n, uint64_t longest)
{
    struct text t = { 0 };
    int room = p->at.w - 15 - BAR, w = longest && room > 0 ? (int)(n * (uint64_t)room / longest) : 0;
    text_number(&t, n);
    pane_fit(p, 1, y, BAR - 3, STYLE(role, 0), name);
    if (longest && room > 0) {
        pane_put(p, BAR - 1, y, STYLE(role, 0), "▏");
        pane_fill(p, (struct rect){ BAR, y, w, 1 }, STYLE(role, 0), 0x2588);
    }
    pane_putf(p, p->at.w - 14, y, STYLE(ROLE_PLAIN, 0), "%13s", text_str(&t));
    text_free(&t);
}

static void draw(struct view *v, struct pane *p)
{
    const struct cycles *c = v->state;
    int lines = 0, y = 0;
    uint64_t longest = 1;
    for (unsigned i = 1; i < CAUSE_COUNT; i++) {
        lines += c->by[i] != 0;
        if (c->by[i] > longest) longest = c->by[i];
    }
    int rows = p->at.h - 1, first = view_bound(v, lines, rows);
    if (p->at.w < 34 || p->at.h < 2) return;
    for (unsigned i = 1, k = 0; i < CAUSE_COUNT && y < rows; i++) {
        if (!c->by[i] || (int)k++ < first) continue;
        draw_row(p, y++, role_of(i), cause_name(i), c->by[i], longest);
    }
    draw_row(p, y < rows ? y : rows, ROLE_NOW, "total", c->total, 0);
    view_more(p, first + rows < lines);
    if (y + 2 < p->at.h && c->insns)
        pane_putf(p, 1, y + 2, STYLE(ROLE_PLAIN, 0), "%.1f cycles an instruction", (double)c->total / (double)c->insns);
}

const struct view_ops view_cycles = {
    "cycles", "Cycles",       "where the cycles went, by cause", sizeof(struct cycles), sample, show_label,
    draw,     view_no_command
};
