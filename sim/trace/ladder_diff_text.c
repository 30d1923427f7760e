/* Two ladders as lists beside each other: as plain text of at most 80 columns, and as DOT with pinned places. See ladder_diff.h. */
#include "sim/trace/ladder_diff.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 37 };

/* "      1,204 U>K int 80h": when, from lane to lane, what. */
static void cell(const struct ladder *l, uint32_t row, int digits, char *buf, size_t n)
{
    static const char lanes[] = "UKHD";
    *buf = 0;
    if (row == LADDER_NONE) return;
    const struct ladder_row *r = &l->row[row];
    bool line = r->shape == LADDER_ARROW || r->shape == LADDER_SILENT;
    struct text cycle = { 0 };
    text_number(&cycle, r->cycle);
    snprintf(buf, n, "%*s %c%c%c %.*s", digits, text_str(&cycle), lanes[r->from], !line ? ' ' : r->shape == LADDER_SILENT ? 'x' : '>',
             line ? lanes[r->to] : ' ', SIDE - digits - 5, r->label);
    text_free(&cycle);
}

static int digits_of(const struct ladder_diff *d)
{
    size_t most = 5;
    for (unsigned side = 0; side < 2; side++)
        for (uint32_t i = 0; i < d->l[side]->rows; i++) {
            struct text t = { 0 };
            text_number(&t, d->l[side]->row[i].cycle);
            if (t.len > most) most = t.len;
            text_free(&t);
        }
    return most > 16 ? 16 : (int)most;
}

/* A title; ASCII: other characters become dashes. */
static void people(const char *s, bool ascii, struct text *out)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (!ascii || c < 0x80) text_char(out, *s);
        else if ((c & 0xC0) != 0x80) text_char(out, '-');
    }
}

static void add_line(const char *left, const char *sign, const char *right, struct text *out)
{
    char line[128];
    int n = snprintf(line, sizeof line, "%-*s  %s  %s", SIDE, left, sign, right);
    while (n > 0 && line[n - 1] == ' ') n--;
    text_add(out, "%.*s\n", n, line);
}

void ladder_diff_text(const struct ladder_diff *d, bool ascii, struct text *out)
{
    static const char *const signs[PAIR_COUNT] = { "=", "!", "<", ">" };
    char left[64], right[64];
    int digits = digits_of(d);
    people(d->title, ascii, out);
    for (unsigned side = 0; side < 2; side++) {
        text_add(out, side ? "\nright: " : "\n\nleft:  ");
        people(d->name[side], ascii, out);
    }
    text_add(out, "\n\n");
    for (uint32_t i = 0; i < d->lines; i++) {
        const struct ladder_pair *p = &d->pair[i];
        if (i == d->first) text_add(out, "%.*s here they part %.*s\n", 29, "-----------------------------", 30, "------------------------------");
        cell(d->l[0], p->row[0], digits, left, sizeof left);
        cell(d->l[1], p->row[1], digits, right, sizeof right);
        add_line(left, signs[p->how], right, out);
        for (unsigned side = 0; side < 2; side++)
            if (p->row[side] != LADDER_NONE && d->l[side]->row[p->row[side]].shape == LADDER_SILENT) {
                snprintf(left, sizeof left, "%*s     %s", digits, "", d->l[side]->row[p->row[side]].detail);
                add_line(side ? "" : left, " ", side ? left : "", out);
            }
    }
    if (d->more) text_add(out, "%u more lines\n", d->more);
    text_add(out, "\nU user, K guest kernel, H hypervisor, D devices\n= the same, ! in another way, < > only on that side\n");
    people(d->caption, ascii, out);
    text_char(out, '\n');
}

/* --- DOT: a list on each side, lines between what is the same ------------------------------------------------------- */

static void quoted(struct text *out, const char *s)
{
    text_char(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') text_char(out, '\\');
        text_char(out, *s == '\n' ? ' ' : *s);
    }
    text_char(out, '"');
}

static void node(const char *name, uint32_t n, int x, int y, const char *more, const char *label, struct text *out)
{
    text_add(out, "  %s%u [pos=\"%d,%d!\", %s, label=", name, n, x, y, more);
    quoted(out, label);
    text_add(out, "]\n");
}

void ladder_diff_dot(const struct ladder_diff *d, struct text *out)
{
    enum { LEFT = 190, RIGHT = 620, STEP = 30 };
    int y = (int)(d->lines + 3) * STEP, digits = digits_of(d);
    char label[64];
    text_add(out, "// neato -n2 -Tsvg diff.dot > diff.svg\ngraph diff {\n  graph [bgcolor=transparent, pad=\"0.3\", splines=line, label=\"\"]\n"
             "  node [fontname=\"DejaVu Sans Mono\", fontsize=12, shape=box, fixedsize=true, width=4.6, height=0.32, style=filled, fillcolor=white]\n");
    node("title", 0, (LEFT + RIGHT) / 2, y, "shape=plaintext, fixedsize=false, style=\"\", fontsize=18", d->title, out);
    node("name", 0, LEFT, y - STEP, "shape=plaintext, fixedsize=false, style=\"\"", d->name[0], out);
    node("name", 1, RIGHT, y - STEP, "shape=plaintext, fixedsize=false, style=\"\"", d->name[1], out);
    for (uint32_t i = 0; i < d->lines; i++) {
        const struct ladder_pair *p = &d->pair[i];
        for (unsigned side = 0; side < 2; side++) {
            cell(d->l[side], p->row[side], digits, label, sizeof label);
            if (*label)
                node(side ? "right" : "left", i + 1, side ? RIGHT : LEFT, y - (int)(i + 2) * STEP,
                     p->how == PAIR_SAME ? "color=\"#595959\"" : "color=\"#e69f00\", penwidth=2, style=\"filled,dashed\"", label, out);
        }
        if (p->how == PAIR_SAME || p->how == PAIR_OTHER)
            text_add(out, "  left%u -- right%u [%s]\n", i + 1, i + 1, p->how == PAIR_SAME ? "color=\"#595959\"" : "color=\"#e69f00\", style=dashed, penwidth=2");
    }
    text_add(out, "}\n");
}
