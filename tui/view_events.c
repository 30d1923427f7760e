/* Events: what happened, newest below; a visit to the hypervisor is one line with its cost where room is short. */
#include <stdio.h>
#include <string.h>
#include "tui/command.h"
#include "tui/view.h"
#include "tui/words.h"

enum { ROWS = 72, FEW = 9 /* fewer rows than this: visits are folded */ };

struct events {
    struct words folded[ROWS], all[ROWS];
    unsigned folds, alls;
    bool more_folded, more_all;
    uint64_t exits, insns;
    char filter[48];
    bool partial;   /* the filter did not look at everything */
};

static void sample(struct view *v, const struct scene *s)
{
    struct events *e = v->state;
    if (s->moved || v->scroll < 0) v->scroll = 0;
    unsigned skip = (unsigned)v->scroll;
    e->folds = words_tail(s->m, true, e->filter, skip, e->folded, ROWS, &e->more_folded);
    e->alls = words_tail(s->m, false, e->filter, skip, e->all, ROWS, &e->more_all);
    if (skip && e->folds == 0 && e->alls == 0) { /* scrolled beyond the oldest */
        v->scroll = 0;
        sample(v, s);
        return;
    }
    e->partial = *e->filter && trace_count(machine_trace_of(s->m)) > WORDS_SEARCH;
    e->exits = s->sum->exits;
    e->insns = s->sum->guest_insns;
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    const struct events *e = v->state;
    if (*e->filter)
        snprintf(title, VIEW_LABEL, "6 Events  /%s%s", e->filter, e->partial ? "  in the newest 100,000" : "");
    else
        view_copy(title, VIEW_LABEL, "6 Events");
    if (v->scroll)
        snprintf(remark, VIEW_LABEL, "%d newer below", v->scroll);
    else if (rows < 5 && e->exits)
        snprintf(remark, VIEW_LABEL, "trap rate 1/%llu  x=next exit", (unsigned long long)(e->insns / e->exits));
    else
        view_copy(remark, VIEW_LABEL, "x=next exit");
}

static void number(uint64_t n, const char *sign, char *to, size_t room)
{
    struct text t = { 0 };
    text_number(&t, n);
    snprintf(to, room, "%s%s", sign, text_str(&t));
    text_free(&t);
}

/* Columns: id, cycle, warning, word, what, cost. `wide`: of the cycle column. */
static void draw_row(struct pane *p, int y, const struct words *w, int wide, bool newest, bool rings)
{
    char cycle[32], cost[32] = "";
    unsigned plain = STYLE(newest ? ROLE_NOW : ROLE_PLAIN, newest ? ATTR_BOLD : 0);
    unsigned style = w->warn ? STYLE(ROLE_WARN, 0) : STYLE(w->role, newest ? ATTR_BOLD : 0);
    number(w->cycle, "", cycle, sizeof cycle);
    if (w->has_cost) number(w->cost, "+", cost, sizeof cost);
    int x = pane_putf(p, 0, y, plain, "%4u %*s ", w->id, wide, cycle);
    if (rings) x = pane_putf(p, x, y, plain, "%u ", w->ring);
    if (w->warn) pane_put(p, x, y, style, "!");
    x = pane_putf(p, x + (w->warn || rings ? 2 : 0), y, style, "%-8s ", w->word);
    int cw = frame_width(cost);
    pane_fit(p, x, y, p->at.w - x - (cw ? cw + 2 : 1), style, w->what);
    if (cw) pane_put(p, p->at.w - cw - 1, y, plain, cost);
}

static void draw(struct view *v, struct pane *p)
{
    const struct events *e = v->state;
    bool few = p->at.h < FEW && !*e->filter, rate = e->exits > 0 && !*e->filter && p->at.h >= 5;
    int rows = p->at.h - (rate ? 1 : 0);
    const struct words *list = few ? e->folded : e->all;
    unsigned n = few ? e->folds : e->alls;
    unsigned first = n > (unsigned)(rows > 0 ? rows : 0) ? n - (unsigned)rows : 0;
    char cycle[32] = "";
    if (n) number(list[n - 1].cycle, "", cycle, sizeof cycle);
    int wide = frame_width(cycle) < 7 ? 7 : frame_width(cycle);
    if (p->at.w < 40) return;
    for (unsigned i = first; i < n; i++)
        draw_row(p, (int)(i - first), &list[i], wide, i + 1 == n && !v->scroll, p->at.w >= 70);
    if (!n)
        pane_fit(p, 1, 0, p->at.w - 2, STYLE(ROLE_PLAIN, 0),
                 *e->filter ? "no event matches; / and Enter shows all" : "nothing has happened yet: s, x or n");
    if (rate && rows >= 0)
        pane_putf(p, 1, p->at.h - 1, STYLE(ROLE_PLAIN, 0), "trap rate 1/%llu instr",
                  (unsigned long long)(e->insns / e->exits));
}

uint32_t view_events_lowest(const struct view *v)
{
    const struct events *e = v->state;
    return e->alls ? e->all[e->alls - 1].id : 0;
}

static unsigned command(struct view *v, int cmd, const char *arg)
{
    struct events *e = v->state;
    if (cmd != CMD_FIND) return ASK_NONE;
    view_copy(e->filter, sizeof e->filter, arg);
    v->scroll = 0;
    return ASK_SAMPLE | ASK_REDRAW;
}

const struct view_ops view_events = { "events",
                                      "Events",
                                      "what happened and what it cost; / shows only what matches",
                                      sizeof(struct events),
                                      sample,
                                      show_label,
                                      draw,
                                      command };
