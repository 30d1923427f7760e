/* Events: what happened, newest below; a visit to the hypervisor is one event with its cost where room is short. Nothing is cut: what is
 * too long for its line goes on in the next. */
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

static bool folds(const struct events *e, int rows) { return rows < FEW && !*e->filter; }

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

/* A line's columns: id, cycle, warning, word, what, cost. Where `what` is too long for its column it goes on below, further to the left. */
struct columns {
    int id, wide; /* of number and cycle */
    bool rings;   /* there is a column for the ring */
    int w;        /* of the pane */
};
enum { ID = 4, CYCLE = 7, WORD = 8, CONTINUED = 7, LINES = 6 /* of one event, at most */ };

static int what_at(const struct columns *c, const struct words *w)
{
    int word = frame_width(w->word);
    return c->id + 1 + c->wide + 1 + (c->rings ? 2 : 0) + (w->warn || c->rings ? 2 : 0) + (word > WORD ? word : WORD) + 1;
}

static int cost_width(const struct words *w)
{
    char cost[32];
    if (!w->has_cost) return 0;
    number(w->cost, "+", cost, sizeof cost);
    return frame_width(cost) + 1;
}

struct piece { const char *s; int bytes; };
static void first_line(void *self, int i, const char *s, int n)
{
    if (!i) *(struct piece *)self = (struct piece){ s, n };
}

/* The text in pieces, one for each line; how many. */
static int pieces(const struct columns *c, const struct words *w, struct piece *list)
{
    const char *s = w->what;
    int n = 0, room = c->w - what_at(c, w) - 1 - cost_width(w);
    while (*s && n < LINES) {
        list[n] = (struct piece){ s, (int)strlen(s) };
        frame_wrap(s, room, first_line, &list[n]);
        s = list[n].s + list[n].bytes;
        while (*s == ' ') s++;
        room = c->w - CONTINUED - 1;
        n++;
    }
    return n ? n : 1;
}

/* At most so many lines: where there is no more room for an old event, its last one ends in an ellipsis. */
static void draw_row(struct pane *p, int y, const struct words *w, const struct columns *c, int most, bool newest)
{
    char cycle[32], cost[32] = "", text[sizeof w->what];
    unsigned plain = STYLE(newest ? ROLE_NOW : ROLE_PLAIN, newest ? ATTR_BOLD : 0);
    unsigned style = w->warn ? STYLE(ROLE_WARN, 0) : STYLE(w->role, newest ? ATTR_BOLD : 0);
    struct piece list[LINES] = { { "", 0 } };
    int lines = pieces(c, w, list);
    if (lines > most) lines = most, list[most - 1].bytes = (int)strlen(list[most - 1].s);
    number(w->cycle, "", cycle, sizeof cycle);
    if (w->has_cost) number(w->cost, "+", cost, sizeof cost);
    int x = pane_putf(p, 0, y, plain, "%*u %*s ", c->id, w->id, c->wide, cycle);
    if (c->rings) x = pane_putf(p, x, y, plain, "%u ", w->ring);
    if (w->warn) pane_put(p, x, y, style, "!");
    pane_put(p, x + (w->warn || c->rings ? 2 : 0), y, style, w->word);
    if (*cost) pane_put(p, c->w - frame_width(cost) - 1, y, plain, cost);
    for (int i = 0; i < lines; i++, y++) {
        snprintf(text, sizeof text, "%.*s", list[i].bytes, list[i].s);
        x = i ? CONTINUED : what_at(c, w);
        pane_fit(p, x, y, c->w - x - (i ? 1 : 1 + cost_width(w)), style, text);
    }
}

/* From the lowest row up, as many as there is room for. */
static void draw_list(const struct view *v, struct pane *p, const struct words *list, unsigned n, int rows)
{
    struct columns c = { .rings = p->at.w >= 70, .w = p->at.w, .wide = CYCLE, .id = ID };
    struct piece unused[LINES];
    unsigned first = n;
    char cycle[32];
    int used = 0, y = 0;
    if (!n) return;
    number(list[n - 1].cycle, "", cycle, sizeof cycle);
    if (frame_width(cycle) > c.wide) c.wide = frame_width(cycle);
    for (uint32_t id = list[n - 1].id; id >= 10000; id /= 10) c.id++;
    while (first && used < rows) used += pieces(&c, &list[--first], unused);
    for (unsigned i = first; i < n; i++) {
        int lines = pieces(&c, &list[i], unused), most = i == first && used > rows ? lines - (used - rows) : LINES;
        draw_row(p, y, &list[i], &c, most, i + 1 == n && !v->scroll);
        y += lines < most ? lines : most;
    }
}

static void draw(struct view *v, struct pane *p)
{
    const struct events *e = v->state;
    bool few = folds(e, p->at.h), rate = e->exits > 0 && !*e->filter && p->at.h >= 5;
    int rows = p->at.h - (rate ? 1 : 0);
    if (p->at.w < 40) return;
    if (few) draw_list(v, p, e->folded, e->folds, rows);
    else draw_list(v, p, e->all, e->alls, rows);
    if (!(few ? e->folds : e->alls))
        pane_fit(p, 1, 0, p->at.w - 2, STYLE(ROLE_PLAIN, 0),
                 *e->filter ? "no event matches; / and Enter shows all" : "nothing has happened yet: s, x or n");
    if (rate && rows >= 0)
        pane_putf(p, 1, p->at.h - 1, STYLE(ROLE_PLAIN, 0), "trap rate 1/%llu instr",
                  (unsigned long long)(e->insns / e->exits));
}

uint32_t view_events_lowest(const struct view *v, int rows)
{
    const struct events *e = v->state;
    if (folds(e, rows)) return e->folds ? e->folded[e->folds - 1].id : 0;
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
