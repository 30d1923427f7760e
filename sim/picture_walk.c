/* See picture_walk.h.
 *
 * Idea 1: one row per level. On shadow tables three columns: what the guest wrote, where its frames really lie, what the CPU walks;
 * the last row is the address in each of the three address spaces. On two dimensions the row of a guest's level begins with the
 * second level's references that its address costs, and the last row is those of the address itself.
 * Idea 2: SVG, DOT and text are three renderings of one list of cells. */
#include "sim/picture_walk.h"

#include <stdio.h>
#include <string.h>
#include "sim/graphviz.h"
#include "sim/sketch.h"
#include "sim/picture_dress.h"

enum { TOP = 150, LEFT = 20, ROW = 66, BOX_W = 268, BOX_H = 44, MAP_W = 186, GAP = 34, NARROW_W = 176, NARROW_GAP = 16, ROWS_MOST = 8, COLUMNS_MOST = 7, SET_MOST = 64 };

struct cell {
    char head[48], mid[40], tail[64]; /* "2 PT[04A]", "at 00123128", "00456067  P W U A D" */
    bool there, absent, result;
    uint8_t role;
};
struct walk_picture {
    const struct subject *s;
    const struct walk_what *what;
    struct machine_xlat x;
    bool vmm, two, shadow, wide;
    unsigned rows, columns;
    struct cell cell[ROWS_MOST][COLUMNS_MOST];
    const char *column[3];
    char title[160], caption[480], bits[4][40], line[2][160];
    unsigned parts;
};

/* ---- what is in it */

static void fill(struct cell *c, const struct xlat_ref *r, unsigned n, bool leaf, enum walk_whose whose, uint8_t role)
{
    char name[32], bits[32];
    walk_short(r, whose, name, sizeof name);
    walk_bits(r, leaf, bits, sizeof bits);
    snprintf(c->head, sizeof c->head, r->cached ? "%u %s cached" : *walk_home(r) ? "%u %s (%s)" : "%u %s", n, name, walk_home(r));
    snprintf(c->mid, sizeof c->mid, "at %08X", r->at.v);
    snprintf(c->tail, sizeof c->tail, "%08X  %s", r->entry, bits);
    c->there = true;
    c->absent = !(r->entry & 1) && !r->dim;
    if (r->dim && !(r->entry & 7)) c->absent = true;
    c->role = role;
}

static void result(struct cell *c, const char *space, bool ok, uint32_t at, uint32_t code, uint8_t role)
{
    if (ok) snprintf(c->head, sizeof c->head, "%s %08X", space, at);
    else snprintf(c->head, sizeof c->head, "#PF, error code %X", code);
    c->there = c->result = true;
    c->absent = !ok;
    c->role = ok ? role : SKETCH_WARN;
}

static void map(const struct walk_picture *d, struct cell *c, uint32_t at)
{
    hpa_t ma;
    bool traced, there = machine_frame(d->s->machine, gpa(at), &ma, &traced);
    if (there) snprintf(c->head, sizeof c->head, "%05X \xE2\x86\x92 %05X", at >> 12, ma.v >> 12);
    else snprintf(c->head, sizeof c->head, "%05X: no RAM", at >> 12);
    snprintf(c->tail, sizeof c->tail, "%s", traced ? "stores trap" : "");
    c->there = true;
    c->absent = !there;
    c->role = SKETCH_MAP;
}

/* Guest tables, frame map, the CPU's tables. */
static void columns_of_shadow(struct walk_picture *d)
{
    const struct xlat *g = &d->x.guest, *r = &d->x.real;
    unsigned most = g->refs > r->refs ? g->refs : r->refs;
    d->column[0] = "guest tables  VA to PA";
    d->column[1] = "frame map  PA to MA";
    d->column[2] = "shadow tables  VA to MA: what the CPU walks";
    d->columns = 3;
    d->rows = most + 1;
    for (unsigned i = 0; i < g->refs; i++) {
        fill(&d->cell[i][0], &g->ref[i], i + 1, i + 1u == g->refs, WALK_OWN, SKETCH_GUEST);
        map(d, &d->cell[i][1], g->ref[i].at.v);
    }
    for (unsigned i = 0; i < r->refs; i++) fill(&d->cell[i][2], &r->ref[i], i + 1, i + 1u == r->refs, WALK_SHADOW, SKETCH_CPU);
    result(&d->cell[most][0], "PA", d->x.guest_ok, d->x.pa.v, d->x.guest_code, SKETCH_GUEST);
    if (d->x.guest_ok) map(d, &d->cell[most][1], d->x.pa.v);
    result(&d->cell[most][2], "MA", d->x.real_ok, r->at.v, d->x.real_code, SKETCH_CPU);
}

static void column_of_one(struct walk_picture *d)
{
    const struct xlat *r = &d->x.real;
    d->column[0] = d->vmm ? "the guest's own tables: what the CPU walks" : "the tables the CPU walks";
    d->columns = 1;
    d->rows = r->refs + 1u;
    for (unsigned i = 0; i < r->refs; i++) fill(&d->cell[i][0], &r->ref[i], i + 1, i + 1u == r->refs, WALK_OWN, SKETCH_CPU);
    result(&d->cell[r->refs][0], d->vmm ? "MA" : "PA", d->x.real_ok, r->at.v, d->x.real_code, SKETCH_CPU);
}

/* Two dimensions: a row ends with the guest's reference that it was for. */
static void rows_of_two(struct walk_picture *d)
{
    const struct xlat *r = &d->x.real;
    unsigned row = 0, column = 0, last_own = 0;
    for (unsigned i = 0; i < r->refs; i++)
        if (!r->ref[i].dim) last_own = i;
    for (unsigned i = 0; i < r->refs && row < ROWS_MOST; i++) {
        const struct xlat_ref *q = &r->ref[i];
        if (column >= COLUMNS_MOST) continue;
        bool leaf = q->dim ? i + 1u == r->refs || !r->ref[i + 1].dim || r->ref[i + 1].level > q->level : i == last_own;
        fill(&d->cell[row][column], q, i + 1, leaf, WALK_OWN, q->dim ? SKETCH_CPU : SKETCH_GUEST);
        column++;
        if (column > d->columns) d->columns = column;
        if (!q->dim) row++, column = 0;
    }
    if (row >= ROWS_MOST) row = ROWS_MOST - 1;
    result(&d->cell[row][column < COLUMNS_MOST ? column : COLUMNS_MOST - 1], "MA", d->x.real_ok, r->at.v, d->x.real_code, SKETCH_CPU);
    if (column + 1 > d->columns) d->columns = column + 1;
    d->rows = row + 1;
    d->column[0] = "each row: the second level's references for one address of the first, then the guest's entry there";
}

/* The parts of the address, as its tables are numbered. */
static void split(struct walk_picture *d)
{
    uint32_t va = d->what->va;
    const struct xlat *x = d->two ? &d->x.real : d->shadow ? &d->x.guest : &d->x.real;
    bool pae = false, large = x->large;
    for (unsigned i = 0; i < x->refs; i++) pae |= x->ref[i].wide && !x->ref[i].dim;
    d->wide = pae;
    d->parts = 0;
    if (!x->refs) snprintf(d->bits[d->parts++], sizeof d->bits[0], "31-0 no paging %08X", va);
    else if (pae) {
        snprintf(d->bits[d->parts++], sizeof d->bits[0], "31-30 PDPTE %X", va >> 30);
        snprintf(d->bits[d->parts++], sizeof d->bits[0], "29-21 directory %03X", va >> 21 & 511);
        if (!large) snprintf(d->bits[d->parts++], sizeof d->bits[0], "20-12 table %03X", va >> 12 & 511);
        snprintf(d->bits[d->parts++], sizeof d->bits[0], large ? "20-0 offset %06X" : "11-0 offset %03X", va & (large ? 0x1FFFFFu : 0xFFFu));
    } else {
        snprintf(d->bits[d->parts++], sizeof d->bits[0], "31-22 directory %03X", va >> 22);
        if (!large) snprintf(d->bits[d->parts++], sizeof d->bits[0], "21-12 table %03X", va >> 12 & 1023);
        snprintf(d->bits[d->parts++], sizeof d->bits[0], large ? "21-0 offset %06X" : "11-0 offset %03X", va & (large ? 0x3FFFFFu : 0xFFFu));
    }
}

static const struct known_page *served(const struct machine *m, const struct walk_what *what)
{
    static struct known_page list[SET_MOST];
    const gva_t at = gva(what->va);
    unsigned n = machine_known(m, &at, what->access | (what->ring == 3 ? ACCESS_USER : 0u), list, SET_MOST);
    return walk_served(list, n < SET_MOST ? n : SET_MOST);
}

static void collect(struct walk_picture *d, const struct subject *s, const struct picture *p, const struct walk_what *what)
{
    const struct machine_cfg *c = &s->cfg;
    const char *dot = p->ascii ? "/" : "\xC2\xB7";
    d->s = s;
    d->what = what;
    machine_translate(s->machine, gva(what->va), what->access | (what->ring == 3 ? ACCESS_USER : 0u), &d->x);
    d->vmm = machine_has_vmm(s->machine);
    d->two = walk_second(&d->x.real) != 0;
    bool all = d->x.real.refs && d->x.real.ref[d->x.real.refs - 1].shadow; /* agile paging, and nothing switched */
    d->shadow = d->vmm && !d->two && (!strcmp(c->mmu, "shadow") || all);
    if (d->two) rows_of_two(d);
    else if (d->shadow) columns_of_shadow(d);
    else column_of_one(d);
    split(d);
    const struct known_page *hit = served(s->machine, what);
    snprintf(d->title, sizeof d->title, "VA %08X: a %s in ring %u; %s", what->va, walk_access(what), what->ring, hit ? "the TLB knows it" : "the TLB does not know it");
    snprintf(d->caption, sizeof d->caption, "%s%s%s, %s, model %.120s, seed %llu, cycle %llu", c->cpu, dot, c->mmu, s->name, c->label,
             (unsigned long long)c->seed, (unsigned long long)machine_cycles(s->machine));
    snprintf(d->line[0], sizeof d->line[0], "%s", walk_verdict(s->machine, &d->x));
    unsigned n = d->x.guest.refs, second = walk_second(&d->x.real), cached = walk_cached(&d->x.real);
    if (cached)
        snprintf(d->line[1], sizeof d->line[1], "references on a TLB miss: %u; %u more are in caches of walks now", d->x.real.refs - cached, cached);
    else if (second) snprintf(d->line[1], sizeof d->line[1], "references on a TLB miss: %u, of them %u by the second level; %u bare", d->x.real.refs, second, d->x.real.refs - second);
    else if (!n) snprintf(d->line[1], sizeof d->line[1], "references on a TLB miss: %u; bare none, for paging is off", d->x.real.refs);
    else snprintf(d->line[1], sizeof d->line[1], "references on a TLB miss: %u; bare %u, over a second level of 4 tables (%u+1)(4+1)-1 = %u", d->x.real.refs, n, n, (n + 1) * 5 - 1);
}

/* ---- SVG */

static int cell_w(const struct walk_picture *d, unsigned column) { return d->two ? NARROW_W : d->columns == 3 && column == 1 ? MAP_W : BOX_W; }

static int cell_x(const struct walk_picture *d, unsigned column)
{
    int x = LEFT;
    for (unsigned i = 0; i < column; i++) x += cell_w(d, i) + (d->two ? NARROW_GAP : GAP);
    return x;
}

static int box_h(const struct walk_picture *d) { return d->two ? BOX_H + 16 : BOX_H; }
static int row_h(const struct walk_picture *d) { return d->two ? ROW + 14 : ROW; }

static void draw_cell(const struct sketch *k, const struct walk_picture *d, unsigned row, unsigned column)
{
    const struct cell *c = &d->cell[row][column];
    int x = cell_x(d, column), y = TOP + (int)row * row_h(d), w = cell_w(d, column), h = c->result ? 30 : box_h(d);
    bool is_map = d->columns == 3 && column == 1;
    if (is_map) h = c->tail[0] ? BOX_H : 26;
    sketch_box(k, x, y, w, h, c->role, c->result ? 3 : 1, c->absent);
    sketch_words(k, x + 8, y + 18, c->result ? 13 : 11, c->absent && c->result ? SKETCH_WARN : SKETCH_INK, !is_map, c->head);
    if (c->result) return;
    if (is_map) {
        sketch_words(k, x + 8, y + 36, 11, SKETCH_WARN, false, c->tail);
        return;
    }
    if (d->two) {
        sketch_words(k, x + 8, y + 35, 11, SKETCH_FAINT, false, c->mid);
        sketch_words(k, x + 8, y + 52, 11, c->absent ? SKETCH_WARN : SKETCH_INK, false, c->tail);
        return;
    }
    sketch_words(k, x + w - 8 - SKETCH_CHAR * (int)strlen(c->mid), y + 18, 11, SKETCH_FAINT, false, c->mid);
    sketch_words(k, x + 8, y + 36, 11, c->absent ? SKETCH_WARN : SKETCH_INK, false, c->tail);
}

static void draw_arrows(const struct sketch *k, const struct walk_picture *d, unsigned row, unsigned column)
{
    const struct cell *c = &d->cell[row][column];
    int x = cell_x(d, column), y = TOP + (int)row * row_h(d), w = cell_w(d, column);
    bool right = column + 1 < d->columns && d->cell[row][column + 1].there;
    unsigned below = row + 1;
    while (below < d->rows && !d->cell[below][column].there) below++;
    if (d->two) {
        if (right) sketch_arrow(k, x + w, y + 20, x + w + NARROW_GAP - 1, y + 20, c->role, false);
        else if (row + 1 < d->rows) /* the guest's entry: on to the next row's first */
            sketch_arrow(k, x, y + box_h(d), LEFT + NARROW_W / 2, y + row_h(d) - 1, c->role, true);
        return;
    }
    if (right && d->columns == 3 && column == 0) sketch_arrow(k, x + w, y + 13, x + w + GAP - 1, y + 13, SKETCH_FAINT, true);
    if (d->columns == 3 && column == 1) {
        if (row + 1 == d->rows && d->cell[row][2].there) sketch_arrow(k, x + w, y + 13, x + w + GAP - 1, y + 13, SKETCH_FAINT, true);
        return;
    }
    if (below < d->rows && !c->absent) sketch_arrow(k, x + 30, y + BOX_H, x + 30, TOP + (int)below * ROW - 2, c->role, false);
}

static void draw_address(const struct sketch *k, const struct walk_picture *d)
{
    int x = LEFT;
    for (unsigned i = 0; i < d->parts; i++) {
        int w = (int)strlen(d->bits[i]) * SKETCH_CHAR + 16;
        sketch_box(k, x, 56, w, 24, SKETCH_INK, 1, false);
        sketch_middle(k, x + w / 2, 72, 11, SKETCH_INK, d->bits[i]);
        x += w;
    }
}

static void walk_svg(const struct walk_picture *d, const char *theme, struct text *out)
{
    struct sketch k;
    int width = cell_x(d, d->columns) + LEFT, height = TOP + (int)d->rows * row_h(d) - 10;
    if (width < 700) width = 700;
    sketch_begin(&k, out, theme, width, height, d->title, d->line[0]);
    sketch_words(&k, LEFT, 24, 15, SKETCH_INK, true, d->title);
    sketch_words(&k, LEFT, 42, 11, SKETCH_FAINT, false, d->caption);
    draw_address(&k, d);
    sketch_words(&k, LEFT, 100, 12, SKETCH_INK, true, d->line[0]);
    sketch_words(&k, LEFT, 117, 11, SKETCH_FAINT, false, d->line[1]);
    for (unsigned c = 0; c < 3; c++)
        if (d->column[c]) sketch_words(&k, cell_x(d, c), TOP - 10, 11, c == 2 || d->columns == 1 ? SKETCH_CPU : c ? SKETCH_MAP : SKETCH_GUEST, true, d->column[c]);
    for (unsigned r = 0; r < d->rows; r++)
        for (unsigned c = 0; c < d->columns; c++)
            if (d->cell[r][c].there) {
                draw_cell(&k, d, r, c);
                draw_arrows(&k, d, r, c);
            }
    sketch_end(&k);
}

/* ---- DOT and text */

static void walk_dot(const struct walk_picture *d, struct text *out)
{
    static const char *const colours[SKETCH_ROLES] = { [SKETCH_GUEST] = "#009e73", [SKETCH_MAP] = "#a8558a", [SKETCH_CPU] = "#0072b2", [SKETCH_WARN] = "#d55e00" };
    text_add(out, "digraph walk {\n  // pinned: neato -n2\n  graph [labelloc=t, label=\"%s\\n%s\\n%s\"];\n"
                  "  node [shape=box, fontname=\"DejaVu Sans Mono\", fontsize=9];\n", d->title, d->line[0], d->line[1]);
    for (unsigned r = 0; r < d->rows; r++)
        for (unsigned c = 0; c < d->columns; c++) {
            const struct cell *q = &d->cell[r][c];
            if (!q->there) continue;
            text_add(out, "  n%u_%u [pos=\"%d,%d!\", color=\"%s\"%s, label=\"%s\\l%s%s%s%s\"];\n", r, c, cell_x(d, c) + cell_w(d, c) / 2,
                     (int)(d->rows - r) * row_h(d), colours[q->role], q->absent ? ", style=dashed" : "", q->head, q->mid, q->mid[0] ? "\\l" : "", q->tail, q->tail[0] ? "\\l" : "");
            if (c + 1 < d->columns && d->cell[r][c + 1].there && (d->two || c == 0)) text_add(out, "  n%u_%u -> n%u_%u%s;\n", r, c, r, c + 1, d->two ? "" : " [style=dashed]");
            if (!d->two && r + 1 < d->rows && d->cell[r + 1][c].there && c != 1) text_add(out, "  n%u_%u -> n%u_%u;\n", r, c, r + 1, c);
            if (d->two && r + 1 < d->rows && (c + 1 == d->columns || !d->cell[r][c + 1].there)) text_add(out, "  n%u_%u -> n%u_0 [style=dashed];\n", r, c, r + 1);
        }
    text_add(out, "}\n");
}

static void text_cell(const struct cell *c, bool ascii, struct text *out)
{
    const char *arrow = strstr(c->head, "\xE2\x86\x92");
    if (arrow && ascii) text_add(out, "%.*s->%s", (int)(arrow - c->head), c->head, arrow + 3);
    else text_add(out, "%s", c->head);
    if (c->mid[0]) text_add(out, " %s", c->mid);
    if (c->tail[0]) text_add(out, ": %s", c->tail);
}

static void walk_text(const struct walk_picture *d, bool ascii, struct text *out)
{
    text_add(out, "%s\n%s\n  ", d->title, d->caption);
    for (unsigned i = 0; i < d->parts; i++) text_add(out, "%s[%s]", i ? " " : "", d->bits[i]);
    text_add(out, "\n%s\n%s\n", d->line[0], d->line[1]);
    for (unsigned c = 0; c < (d->two ? 1 : d->columns); c++) {
        text_add(out, "\n%s\n", d->column[c]);
        for (unsigned r = 0; r < d->rows; r++)
            for (unsigned k = d->two ? 0 : c; k < (d->two ? d->columns : c + 1); k++) {
                if (!d->cell[r][k].there) continue;
                text_add(out, "  ");
                text_cell(&d->cell[r][k], ascii, out);
                text_add(out, "\n");
            }
    }
}

bool walk_write(const struct subject *s, const struct picture *p, const struct walk_what *what, const char *path, struct err *e)
{
    static struct walk_picture d; /* large */
    struct text svg = { 0 }, dot = { 0 }, out = { 0 };
    memset(&d, 0, sizeof d);
    collect(&d, s, p, what);
    bool ok = true;
    if (p->format == PICTURE_TXT) walk_text(&d, p->ascii, &out);
    else if (p->format == PICTURE_SVG) walk_svg(&d, p->theme, &out);
    else if (p->format == PICTURE_DOT) walk_dot(&d, &out);
    else {
        walk_svg(&d, p->theme, &svg);
        walk_dot(&d, &dot);
        ok = graphviz_convert(&svg, &dot, picture_ending(p->format), &out, e);
    }
    ok = ok && picture_put(&out, path, e);
    text_free(&svg);
    text_free(&dot);
    text_free(&out);
    return ok;
}
