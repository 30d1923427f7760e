/* What the TLBs and caches of walks remember, as the address view shows it. See address.h. */
#include <stdio.h>
#include "tui/address.h"

enum { CELL = 38, SETS_SHOWN = 2 };

static const char *const truths[KNOWN_TRUTH_COUNT] = { "", "! stale: gone", "! stale: moved", "! too generous", "narrower",
                                                       "other space" };

static bool bad(const struct known_page *k) { return k->truth == KNOWN_GONE || k->truth == KNOWN_MOVED || k->truth == KNOWN_WIDER; }

static void cell_text(const struct known_page *k, char *to, size_t room)
{
    uint32_t r = k->rights;
    char tag[8] = "";
    if (k->vpid) snprintf(tag, sizeof tag, " t%u", k->vpid);
    snprintf(to, room, "%s%u %05X→%05X %c %c %c %c%s%s %s", k->serves ? "►" : " ", k->way, k->va >> 12, k->frame >> 12, r & 2 ? 'W'
             : 'w',
             r & 4 ? 'U' : 'u', r & 0x40 ? 'D' : 'd', r & 0x100 ? 'G' : 'g', r & 0x80 ? " L" : "", tag, truths[k->truth]);
}

static void draw_cell(const struct known_page *k, struct pane *p, int x, int y)
{
    char text[64];
    cell_text(k, text, sizeof text);
    int w = p->at.w - x - 1 < CELL - 1 ? p->at.w - x - 1 : CELL - 1;
    pane_fit(p, x, y, w, bad(k) ? STYLE(ROLE_WARN, 0) : k->serves ? STYLE(ROLE_NOW, ATTR_BOLD) : STYLE(ROLE_PLAIN, 0), text);
}

int address_draw_set(const struct address *a, struct pane *p, int y)
{
    int x = 1, columns = (p->at.w - 2) / CELL;
    unsigned last = KNOWN_WHERE_COUNT;
    if (!a->n_set && y < p->at.h) {
        pane_fit(p, 1, y, p->at.w - 2, STYLE(ROLE_PLAIN, 0), "the TLB's set for this page is empty");
        return y + 1;
    }
    for (unsigned i = 0; i < a->n_set && y < p->at.h; i++) {
        const struct known_page *k = &a->set[i];
        if (k->where != last) {
            if (x > 1) y++;
            x = 1;
            last = k->where;
            if (y < p->at.h) {
                int end = pane_putf(p, x, y, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "%s, set %u", walk_tlb(k->where), k->set);
                pane_fit(p, end, y++, p->at.w - end - 1, STYLE(ROLE_PLAIN, 0), "  way VA→MA, Write User Dirty Global");
            }
        }
        if (y >= p->at.h) return y;
        draw_cell(k, p, x, y);
        x += CELL;
        if (x + CELL > columns * CELL + 1) x = 1, y++;
    }
    return x > 1 ? y + 1 : y;
}

/* ---- all ---- */

struct list {
    struct pane *p;
    int y, top, at; /* the row of the next line; the first row; the number of that line less what is scrolled away */
};

static void line(struct list *l, unsigned style, const char *text)
{
    int y = l->top + l->at++;
    if (y >= l->top && y < l->p->at.h) pane_fit(l->p, 1, y, l->p->at.w - 2, style, text);
}

static void page_line(struct list *l, const struct known_page *k)
{
    char rights[24], tag[40] = "", text[160];
    walk_rights_text(k->rights, rights, sizeof rights);
    if (k->vpid && k->second) snprintf(tag, sizeof tag, "  tag %u root %05X", k->vpid, k->root >> 12);
    else if (k->vpid) snprintf(tag, sizeof tag, "  tag %u", k->vpid);
    snprintf(text, sizeof text, "  set %2u.%u  %08X → %08X  %s%s%s%s%s", k->set, k->way, k->va, k->frame, rights, k->recent
             ? " recent" : "",
             k->truth == KNOWN_SAME ? "" : "  ", walk_truth(k->truth), tag);
    line(l, bad(k) ? STYLE(ROLE_WARN, 0) : k->truth == KNOWN_ELSEWHERE ? STYLE(ROLE_FRAME, 0) : STYLE(ROLE_PLAIN, 0), text);
}

static void walk_line(struct list *l, const struct known_walk *k)
{
    char text[160];
    const char *what = k->truth == KNOWN_SAME ? "" : walk_truth(k->truth);
    if (k->kind == KNOWN_NESTED_PAGE) snprintf(text, sizeof text, "  nested TLB  PA %08X → MA %08X  %s", k->at, k->entry, what);
    else
        snprintf(text, sizeof text, "  %s entry at MA %08X = %08X  %s", k->kind == KNOWN_FIRST ? "first-level " : "second-level",
                 k->at, k->entry,
                 k->truth == KNOWN_SAME ? "" : "stale: memory has another value");
    line(l, k->truth == KNOWN_SAME ? STYLE(ROLE_PLAIN, 0) : STYLE(ROLE_WARN, 0), text);
}

static int lines_of(const struct address *a)
{
    unsigned n = a->n_all, last = KNOWN_WHERE_COUNT;
    for (unsigned i = 0; i < a->n_all; last = a->all[i++].where) n += a->all[i].where != last;
    return (int)(n + (a->n_walks ? a->n_walks + 1 : 0) + (a->n_all || a->n_walks ? 0 : 1));
}

void address_draw_all(struct view *v, struct pane *p, int y)
{
    const struct address *a = v->state;
    int lines = lines_of(a), rows = p->at.h - y;
    struct list l = { .p = p, .top = y, .at = -view_bound(v, lines, rows) };
    unsigned last = KNOWN_WHERE_COUNT;
    for (unsigned i = 0; i < a->n_all; i++) {
        const struct known_page *k = &a->all[i];
        char head[64];
        unsigned n = 0;
        if (k->where != last) {
            for (unsigned j = i; j < a->n_all && a->all[j].where == k->where; j++) n++;
            snprintf(head, sizeof head, "%s: %u entr%s; set.way, VA → MA", walk_tlb(k->where), n, n == 1 ? "y" : "ies");
            line(&l, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), head);
            last = k->where;
        }
        page_line(&l, k);
    }
    if (a->n_walks) line(&l, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "caches of page walks");
    for (unsigned i = 0; i < a->n_walks; i++) walk_line(&l, &a->walk[i]);
    if (!a->n_all && !a->n_walks) line(&l, STYLE(ROLE_PLAIN, 0), "the TLBs are empty");
    view_more(p, v->scroll + rows < lines);
}
