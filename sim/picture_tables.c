/* See picture_tables.h.
 *
 * Idea 1: a row is a run of pages about which everybody says the same; neighbours differ in something. So the rows are the story:
 * here the shadow is not filled yet, there it is read-only because the guest's page is not dirty, or is a page table.
 * Idea 2: with two moments, rows of the later one that the earlier one had not are marked +, those that are gone are shown with -. */
#include "sim/picture_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/graphviz.h"
#include "sim/sketch.h"
#include "sim/picture_dress.h"
#include "sim/picture_split.h"

enum { ROWS = 48, TOP = 112, LEFT = 20, LINE = 20, P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80 };
enum column { C_MARK, C_VA, C_GUEST, C_MAP, C_REAL, C_WHY, COLUMNS };
static const uint8_t widths[COLUMNS] = { 2, 19, 28, 20, 21, 40 }; /* characters */

struct row { char mark, text[COLUMNS][64]; };
struct tables_picture {
    const struct subject *s;
    const struct tables_moment *before, *now;
    bool vmm, shadow, direct;
    unsigned rows, more;
    struct row row[ROWS];
    char title[160], caption[480], line[2][200];
};

void tables_sample(struct tables_moment *t, const struct machine *m)
{
    struct machine_summary sum;
    machine_summary(m, &sum);
    t->cycle = machine_cycles(m);
    t->runs = machine_pages(m, t->run, TABLES_RUNS);
    if (t->runs > TABLES_RUNS) t->runs = TABLES_RUNS;
    t->guest_tables = machine_tables(m, false);
    t->real_tables = machine_tables(m, true);
    t->all_tables = (unsigned)sum.shadow.tables;
}

static void rights(uint16_t bits, char *to, size_t room)
{
    snprintf(to, room, "%c %c %c %c%s", bits & W ? 'W' : '-', bits & U ? 'U' : '-', bits & A ? 'A' : 'a', bits & D ? 'D' : 'd', bits & PS ? " large" : "");
}

static void frames(uint32_t first, uint32_t pages, char *to, size_t room)
{
    if (pages == 1) snprintf(to, room, "%05X", first >> 12);
    else snprintf(to, room, "%05X-%05X", first >> 12, (first >> 12) + pages - 1);
}

/* Why the hardware's entry is not what the guest's would be. */
static const char *why(const struct machine_page *p)
{
    if (!p->real && p->no_ram) return "no RAM: each access is emulated";
    if (!p->real) return p->guest & A ? "not filled" : "not filled: never touched";
    if (!p->guest) return "not the guest's any more";
    if ((p->guest & W) && !(p->real & W)) return p->traced ? "read-only: stores must trap" : p->guest & D ? "read-only until the next store" : "read-only until dirty";
    if ((p->real & W) && !(p->guest & W)) return "CR0.WP is clear: the kernel may store";
    if (((p->real ^ p->guest) & U) != 0) return "the kernel's for now";
    return "";
}

static void fill(struct tables_picture *d, const struct machine_page *p, char mark)
{
    if (d->rows == ROWS) {
        d->more++;
        return;
    }
    struct row *r = &d->row[d->rows++];
    char at[24], bits[24];
    memset(r, 0, sizeof *r);
    r->mark = mark;
    snprintf(r->text[C_MARK], 3, "%c", mark);
    if (p->pages == 1) snprintf(r->text[C_VA], sizeof r->text[0], "%08X", p->va);
    else snprintf(r->text[C_VA], sizeof r->text[0], "%08X-%08X", p->va, p->va + (p->pages << 12) - 1);
    if (p->guest) {
        frames(p->pa, p->pages, at, sizeof at);
        rights(p->guest, bits, sizeof bits);
        snprintf(r->text[C_GUEST], sizeof r->text[0], "%-11s  %s", at, bits);
        if (p->no_ram) snprintf(at, sizeof at, "no RAM");
        else frames(p->ma, p->pages, at, sizeof at);
        snprintf(r->text[C_MAP], sizeof r->text[0], "%-11s%s", at, p->traced ? "  traps" : "");
    } else snprintf(r->text[C_GUEST], sizeof r->text[0], "-");
    if (p->real) {
        frames(p->real_ma, p->pages, at, sizeof at);
        snprintf(r->text[C_REAL], sizeof r->text[0], "%-11s  %c %c", at, p->real & W ? 'W' : '-', p->real & U ? 'U' : '-');
    } else snprintf(r->text[C_REAL], sizeof r->text[0], "-");
    if (d->shadow) snprintf(r->text[C_WHY], sizeof r->text[0], "%s", why(p));
}

static bool same(const struct machine_page *a, const struct machine_page *b)
{
    return a->va == b->va && a->pages == b->pages && a->guest == b->guest && a->real == b->real && a->pa == b->pa && a->ma == b->ma &&
           a->real_ma == b->real_ma && a->traced == b->traced && a->no_ram == b->no_ram;
}

/* Both lists are in the order of addresses. */
static void merge(struct tables_picture *d)
{
    const struct tables_moment *a = d->before, *b = d->now;
    for (unsigned i = 0, k = 0; k < b->runs || (a && i < a->runs);) {
        bool both = a && i < a->runs && k < b->runs;
        if (both && same(&a->run[i], &b->run[k])) i++, fill(d, &b->run[k++], ' ');
        else if (a && i < a->runs && (k == b->runs || a->run[i].va <= b->run[k].va)) fill(d, &a->run[i++], '-');
        else fill(d, &b->run[k++], a ? '+' : ' ');
    }
}

static unsigned long long pages(const struct tables_moment *t, bool real)
{
    unsigned long long n = 0;
    for (unsigned i = 0; i < t->runs; i++)
        if (real ? t->run[i].real : t->run[i].guest) n += t->run[i].pages;
    return n;
}

static void collect(struct tables_picture *d, const struct subject *s, const struct picture *p)
{
    const struct machine_cfg *c = &s->cfg;
    const char *dot = p->ascii ? "/" : "\xC2\xB7";
    d->s = s;
    d->vmm = machine_has_vmm(s->machine);
    d->shadow = d->vmm && !strcmp(c->mmu, "shadow");
    d->direct = !strcmp(c->mmu, "direct");
    merge(d);
    snprintf(d->title, sizeof d->title, d->shadow ? "The guest's tables, and what the CPU walks" : "The tables the CPU walks");
    snprintf(d->caption, sizeof d->caption, "%s%s%s, %s, model %s, seed %llu, cycle %llu", c->cpu, dot, c->mmu, s->name, c->model,
             (unsigned long long)c->seed, (unsigned long long)d->now->cycle);
    snprintf(d->line[0], sizeof d->line[0], "the guest maps %llu pages with %u tables", pages(d->now, false), d->now->guest_tables);
    size_t n = strlen(d->line[0]);
    if (d->vmm) snprintf(d->line[0] + n, sizeof d->line[0] - n, "; the CPU's tables map %llu with %u", pages(d->now, true), d->now->real_tables);
    n = strlen(d->line[0]);
    if (d->shadow) snprintf(d->line[0] + n, sizeof d->line[0] - n, "; %u shadow tables in all", d->now->all_tables);
    if (d->before) snprintf(d->line[1], sizeof d->line[1], "+ since cycle %llu, - gone since then", (unsigned long long)d->before->cycle);
}

static const char *const heads[COLUMNS] = { "", "linear", "guest  VA to PA", "frames  PA to MA", "shadow  VA to MA", "difference" };

/* Under direct paging a guest's entries hold machine frames. */
static const char *head(const struct tables_picture *d, unsigned c) { return c == C_GUEST && d->direct ? "guest  VA to MA" : heads[c]; }

static bool shown(const struct tables_picture *d, unsigned c)
{
    if (c == C_MARK) return d->before != NULL;
    return c == C_VA || c == C_GUEST || d->shadow;
}

/* ---- SVG */

static int column_x(const struct tables_picture *d, unsigned column)
{
    int x = LEFT;
    for (unsigned c = 0; c < column; c++)
        if (shown(d, c)) x += (widths[c] + 1) * SKETCH_CHAR;
    return x;
}

static void tables_svg(const struct tables_picture *d, const char *theme, struct text *out)
{
    static const uint8_t roles[COLUMNS] = { SKETCH_WARN, SKETCH_INK, SKETCH_GUEST, SKETCH_MAP, SKETCH_CPU, SKETCH_WARN };
    struct sketch k;
    int width = column_x(d, COLUMNS) + LEFT, height = TOP + (int)(d->rows + (d->more != 0)) * LINE + 12;
    if (width < 560) width = 560;
    sketch_begin(&k, out, theme, width, height, d->title, d->line[0]);
    sketch_words(&k, LEFT, 24, 15, SKETCH_INK, true, d->title);
    sketch_words(&k, LEFT, 42, 11, SKETCH_FAINT, false, d->caption);
    sketch_words(&k, LEFT, 60, 11, SKETCH_INK, false, d->line[0]);
    sketch_words(&k, LEFT, 76, 11, SKETCH_INK, false, d->line[1]);
    for (unsigned c = C_GUEST; c <= C_REAL; c++)
        if (shown(d, c)) sketch_box(&k, column_x(d, c) - 6, TOP - 30, widths[c] * SKETCH_CHAR + 6, height - TOP + 26, roles[c], 1, false);
    for (unsigned c = 0; c < COLUMNS; c++)
        if (shown(d, c)) sketch_words(&k, column_x(d, c), TOP - 14, 11, roles[c], true, head(d, c));
    for (unsigned r = 0; r < d->rows; r++)
        for (unsigned c = 0; c < COLUMNS; c++) {
            bool gone = d->row[r].mark == '-';
            if (shown(d, c) && d->row[r].text[c][0])
                sketch_words(&k, column_x(d, c), TOP + 6 + (int)r * LINE, 11, gone ? SKETCH_FAINT : c == C_MARK || c == C_WHY ? SKETCH_WARN : SKETCH_INK,
                             d->row[r].mark == '+', d->row[r].text[c]);
        }
    char line[64];
    snprintf(line, sizeof line, "... and %u more", d->more);
    if (d->more) sketch_words(&k, LEFT, TOP + 6 + (int)d->rows * LINE, 11, SKETCH_FAINT, false, line);
    sketch_end(&k);
}

/* ---- DOT and text */

static void tables_dot(const struct tables_picture *d, struct text *out)
{
    text_add(out, "digraph tables {\n  graph [labelloc=t, label=\"%s\\n%s\\n%s\"];\n  node [shape=plaintext, fontname=\"DejaVu Sans Mono\", fontsize=9];\n"
                  "  tables [label=<<table border=\"0\" cellborder=\"1\" cellspacing=\"0\">\n", d->title, d->line[0], d->line[1]);
    for (unsigned r = 0; r <= d->rows; r++) {
        text_add(out, "    <tr>");
        for (unsigned c = 0; c < COLUMNS; c++)
            if (shown(d, c)) text_add(out, "<td align=\"left\">%s</td>", r ? d->row[r - 1].text[c] : head(d, c));
        text_add(out, "</tr>\n");
    }
    text_add(out, "  </table>>];\n}\n");
}

static void tables_text(const struct tables_picture *d, struct text *out)
{
    text_add(out, "%s\n%s\n%s\n", d->title, d->caption, d->line[0]);
    if (d->before) text_add(out, "%s\n", d->line[1]);
    for (unsigned r = 0; r <= d->rows; r++) {
        struct text line = { 0 };
        for (unsigned c = 0; c < COLUMNS; c++)
            if (shown(d, c)) text_add(&line, "%-*s ", widths[c], r ? d->row[r - 1].text[c] : head(d, c));
        while (line.len && line.s[line.len - 1] == ' ') line.s[--line.len] = 0;
        text_add(out, "%s\n", text_str(&line));
        text_free(&line);
    }
    if (d->more) text_add(out, "... and %u more\n", d->more);
}

bool tables_write(const struct subject *s, const struct picture *p, const struct tables_moment *before, const struct tables_moment *now,
                  const char *path, struct err *e)
{
    struct text svg = { 0 }, dot = { 0 }, out = { 0 };
    struct tables_picture *d = calloc(1, sizeof *d);
    if (!d) return err_set(e, EXIT_ENVIRONMENT, "no memory for the diagram");
    d->before = before, d->now = now;
    collect(d, s, p);
    bool ok = true;
    picture_split_keep(TOP - 8, 0);
    if (p->format == PICTURE_TXT) tables_text(d, &out);
    else if (p->format == PICTURE_SVG) tables_svg(d, p->theme, &out);
    else if (p->format == PICTURE_DOT) tables_dot(d, &out);
    else {
        tables_svg(d, p->theme, &svg);
        tables_dot(d, &dot);
        ok = graphviz_convert(&svg, &dot, picture_ending(p->format), &out, e);
    }
    ok = ok && picture_put(&out, path, e);
    text_free(&svg);
    text_free(&dot);
    text_free(&out);
    free(d);
    return ok;
}
