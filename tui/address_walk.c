/* The walks of the address view. Three columns of shadow paging, what the guest wrote, where its frames lie, what the CPU walks; two
 * dimensions as a grid, a row for each entry of the guest's; else one column. See address.h. */
#include <stdio.h>
#include <string.h>
#include "tui/address.h"

enum { COLS_FRAMES = 78, MARK = 8 };

/* Rights as letters in their order of appearance in the entry; a small letter is a 0. */
static void entry_text(const struct xlat_ref *r, bool leaf, char *to, size_t room)
{
    uint32_t e = r->entry;
    if (!(e & 1)) snprintf(to, room, "not present");
    else
        snprintf(to, room, "P %c %c %c %s%s", e & 2 ? 'W' : 'w', e & 4 ? 'U' : 'u', e & 0x20 ? 'A' : 'a', leaf ? e & 0x40 ? "D"
                 : "d" : "-",
                 leaf && r->level > 1 ? " large" : "");
}

/* Short for where a line is; a small star stands before what a cache of walks makes needless. */
static const char *mark(const struct xlat_ref *r, bool narrow)
{
    static const char *const names[] = { "", "L1", "L2", "L3", "mem" };
    return r->cached ? "*" : narrow && r->home == HOME_MEMORY ? "M" : names[r->home];
}

static unsigned style_of(const struct address *a, unsigned n)
{
    return a->step == n ? STYLE(ROLE_NOW, ATTR_BOLD | ATTR_REVERSE) : STYLE(ROLE_PLAIN, 0);
}

/* One set of tables, of which the CPU (or its hypervisor) reads the references `first` + 1 on. */
struct column {
    const char *head, *space;
    uint32_t cr3, to, code;
    const struct xlat *x;
    bool ok, numbered;
    unsigned first;
    enum walk_whose whose;
};

static void ref_line(const struct column *c, unsigned i, unsigned step, struct pane *p, int x, int y, unsigned style)
{
    const struct xlat_ref *r = &c->x->ref[i];
    char name[24], number[8] = "", bits[32], line[96];
    unsigned n = c->first + i + 1;
    walk_short(r, c->whose, name, sizeof name);
    entry_text(r, i + 1u == c->x->refs && (r->level == 1 || c->x->large), bits, sizeof bits);
    if (c->numbered) snprintf(number, sizeof number, "%u ", n);
    if (step && c->numbered && n > step) snprintf(line, sizeof line, "%s%s", number, name);
    else snprintf(line, sizeof line, "%s%-9s %05X %s %s", number, name, r->entry >> PAGE_SHIFT, bits, mark(r, false));
    unsigned role = !(r->entry & 1) && !(step && n != step) ? STYLE(ROLE_WARN, style >> 8) : style;
    int w = p->at.w - x < 34 ? p->at.w - x : 34;
    pane_fit(p, x, y, w, role, line);
}

/* How many rows below `y` there is room for. */
static int draw_column(const struct address *a, const struct column *c, struct pane *p, int x, int y, int rows)
{
    int end = y + rows;
    if (y < end) pane_put(p, x, y++, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), c->head);
    if (y < end) pane_putf(p, x, y++, STYLE(ROLE_PLAIN, 0), "%s%-9s %05X", c->numbered ? "  " : "", "CR3", c->cr3 >> PAGE_SHIFT);
    for (unsigned i = 0; i < c->x->refs && y < end; i++, y++)
        ref_line(c, i, a->step, p, x, y, c->numbered ? style_of(a, c->first + i + 1) : STYLE(ROLE_PLAIN, 0));
    if (!c->x->refs && y < end) pane_put(p, x, y++, STYLE(ROLE_PLAIN, 0), "paging is off");
    bool shown = !c->numbered || !a->step || a->step >= c->first + c->x->refs;
    if (y < end && shown && c->ok) pane_putf(p, x, y, STYLE(ROLE_NOW, ATTR_BOLD), "%s%s %08X", c->numbered ? "  " : "", c->space,
                                             c->to);
    else if (y < end && shown) pane_putf(p, x, y, STYLE(ROLE_WARN, 0), "%s! #PF(%X)", c->numbered ? "  " : "", c->code);
    return y + 1;
}

static void draw_frames(const struct address *a, struct pane *p, int x, int y, int rows)
{
    int end = y + rows;
    unsigned refs = a->x.guest.refs < ADDRESS_GUEST_REFS ? a->x.guest.refs : ADDRESS_GUEST_REFS;
    pane_put(p, x, y++, STYLE(ROLE_PLAIN, ATTR_UNDERLINE), "frames  PA→MA");
    for (unsigned i = 0; i <= refs && y < end; i++, y++) {
        const struct address_frame *f = &a->frame[i];
        bool has = i == 0 || a->x.guest.ref[i - 1].entry & 1;
        if (!has || (i == 0 && !refs)) continue;
        if (!f->there) pane_put(p, x, y, STYLE(ROLE_WARN, 0), "→ no RAM");
        else pane_putf(p, x, y, STYLE(ROLE_PLAIN, 0), "→ %05X%s", f->ma >> PAGE_SHIFT, f->traced ? " traced" : "");
    }
    if (!a->x.guest_ok || y >= end) return;
    const struct address_frame *f = &a->frame[ADDRESS_GUEST_REFS + 1];
    if (f->there) pane_putf(p, x, y, STYLE(ROLE_NOW, ATTR_BOLD), "MA %08X", f->ma);
}

static int most(int a, int b) { return a > b ? a : b; }

static int draw_shadow(const struct address *a, struct pane *p, int y)
{
    bool room = p->at.w >= COLS_FRAMES;
    int rows = p->at.h - y;
    const struct column guest = { "guest tables  VA→PA", "PA", a->cr3_guest, a->x.pa.v, a->x.guest_code, &a->x.guest, a->x.guest_ok,
                                  false, 0, WALK_OWN };
    const struct column real = { "shadow tables  VA→MA", "MA", a->cr3_real, a->x.real.at.v, a->x.real_code, &a->x.real,
                                 a->x.real_ok, true, 0, WALK_SHADOW };
    struct column software = guest;
    software.numbered = a->step > a->x.real.refs; /* a hidden or a true fault: the hypervisor looks itself */
    software.first = a->x.real.refs;
    int left = draw_column(a, &software, p, 1, y, rows);
    if (room) draw_frames(a, p, software.numbered ? 32 : 30, y, rows);
    int right = draw_column(a, &real, p, room ? 45 : p->at.w / 2, y, rows);
    return most(left, right);
}

static int draw_one(const struct address *a, struct pane *p, int y)
{
    const struct column c = { a->direct ? "the guest's own tables, of machine frames  VA→MA" : "the CPU's tables  VA→MA", "MA",
                              a->cr3_real, a->x.real.at.v, a->x.real_code,
                              &a->x.real, a->x.real_ok, true, 0, WALK_OWN };
    return draw_column(a, &c, p, 1, y, p->at.h - y);
}

/* ---- two dimensions ---- */

static void grid_cell(const struct address *a, struct pane *p, int x, int y, int w, unsigned n)
{
    const struct xlat_ref *r = &a->x.real.ref[n - 1];
    char name[24], line[48];
    if (w >= 18 || !r->dim) walk_short(r, WALK_OWN, name, sizeof name);
    else snprintf(name, sizeof name, "n%u[%03X]", r->level, xlat_slot(r));
    if (a->step && n > a->step) snprintf(line, sizeof line, "%2u %s", n, name);
    else snprintf(line, sizeof line, "%2u %s %s", n, name, mark(r, w < 15));
    unsigned style = style_of(a, n);
    if (!r->dim && a->step != n) style = STYLE(ROLE_KERNEL, ATTR_BOLD);
    bool absent = r->dim ? !(r->entry & 7) : !(r->entry & 1);
    if (absent) style = STYLE(ROLE_WARN, a->step == n ? ATTR_REVERSE : 0);
    pane_fit(p, x, y, w - 1, style, line);
}

/* Each row: the second level's references for one address, then the guest's entry there. */
static int draw_two(const struct address *a, struct pane *p, int y)
{
    const struct xlat *x = &a->x.real;
    int columns = 1, c = 0, w;
    for (unsigned i = 0; i < x->refs; i++)
        if (x->ref[i].dim && x->ref[i].level + 1 > columns) columns = x->ref[i].level + 1;
    w = (p->at.w - 2) / columns < 20 ? (p->at.w - 2) / columns : 20;
    pane_fit(p, 1, y++, p->at.w - 2, STYLE(ROLE_PLAIN, ATTR_UNDERLINE),
             "the second level's tables (n) for each address, then the guest's entry there");
    for (unsigned i = 0; i < x->refs && y < p->at.h; i++) {
        const struct xlat_ref *r = &x->ref[i];
        if (r->dim && (!i || !x->ref[i - 1].dim)) c = 0;
        grid_cell(a, p, 1 + w * (r->dim ? c++ : columns - 1), y, w, i + 1);
        if (!r->dim) y++, c = 0;
    }
    if (y >= p->at.h) return y;
    if (a->step && a->step < x->refs) return y + 1;
    int at = 1 + w * (columns - 1);
    if (a->x.real_ok) pane_putf(p, at, y, STYLE(ROLE_NOW, ATTR_BOLD), "MA %08X", x->at.v);
    else pane_put(p, at, y, STYLE(ROLE_WARN, 0), a->x.guest_ok ? "! an exit" : "! #PF");
    return y + 1;
}

/* ---- in words ---- */

static void step_line(const struct address *a, char *to, size_t room)
{
    bool software = a->step > a->x.real.refs;
    const struct xlat *x = software ? &a->x.guest : &a->x.real;
    unsigned i = a->step - 1 - (software ? a->x.real.refs : 0u);
    const struct xlat_ref *r = &x->ref[i];
    char name[24], bits[48];
    walk_short(r, a->kind == ADDRESS_SHADOW && !software ? WALK_SHADOW : WALK_OWN, name, sizeof name);
    walk_bits(r, i + 1u == x->refs, bits, sizeof bits);
    const char *home = walk_home(r);
    snprintf(to, room, "%u of %u: %s at %s %08X holds %08X  %s%s%s", a->step, address_steps(a), name, software ? "PA" : "MA",
             r->at.v, r->entry, bits,
             *home ? "; " : "", software ? "; read by the hypervisor" : r->cached ? "known, not read" : home);
}

/* What a miss takes here, and on other machines. */
static void count_line(const struct address *a, char *to, size_t room)
{
    unsigned cached = walk_cached(&a->x.real), here = a->x.real.refs - cached, own = a->x.guest.refs;
    int n = snprintf(to, room, "references on a miss: %u", here);
    if (cached) n += snprintf(to + n, room - (size_t)n, " (%u more are in caches of walks, *)", cached);
    if (a->kind == ADDRESS_SHADOW && a->x.guest_ok && !a->x.real_ok) n += snprintf(to + n, room - (size_t)n, " + an exit");
    if (a->vmm && a->kind != ADDRESS_ONE) n += snprintf(to + n, room - (size_t)n, "   native %u", own);
    if (a->kind != ADDRESS_TWO && own) snprintf(to + n, room - (size_t)n, "   two-level (%u+1)(4+1)-1 = %u", own,
                                                (own + 1) * 5 - 1);
}

int address_draw_walk(const struct address *a, struct pane *p, int y)
{
    char line[192];
    y = a->kind == ADDRESS_SHADOW ? draw_shadow(a, p, y) : a->kind == ADDRESS_TWO ? draw_two(a, p, y) : draw_one(a, p, y);
    bool whole = !a->step || a->step == address_steps(a);
    if (y < p->at.h) pane_fit(p, 1, y++, p->at.w - 2, STYLE(ROLE_NOW, 0), whole ? a->verdict : "");
    if (a->step) step_line(a, line, sizeof line);
    else count_line(a, line, sizeof line);
    if (y < p->at.h) pane_fit(p, 1, y++, p->at.w - 2, STYLE(a->step ? ROLE_NOW : ROLE_PLAIN, 0), line);
    return y;
}
