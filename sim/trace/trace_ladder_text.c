/* The ladder as plain text, at most 80 columns, in UTF-8 boxes and arrows or in ASCII.
 *
 * A line is a row of cells, each holding one glyph; words are put over lanes last. While the hypervisor has control
 * its lane is heavy. A label that does not fit into its arrow stands on the line above. */
#include "sim/trace/trace_ladder.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 80, COST_COLUMNS = 10 };

enum glyph { G_LANE, G_HEAVY, G_LINE, G_TWIN, G_LEFT, G_RIGHT, G_CROSS_LANE, G_TEE_LEFT, G_TEE_RIGHT,
             G_X, G_DOWN, G_COUNT };

static const char *const glyphs[2][G_COUNT] = {
    { "│", "┃", "─", "═", "◄", "►", "┼", "┤", "├", "✗", "⋮" },
    { "|", "#", "-", "=", "<", ">", "+", "|", "|", "x", ":" },
};

struct page {
    const struct ladder *l;
    const char *const *g;
    struct text *out;
    int lane[LANE_COUNT]; /* columns */
    const char *cell[COLUMNS];
    char ascii[COLUMNS][2];
};

static void blank(struct page *p, bool heavy)
{
    for (int i = 0; i < COLUMNS; i++) p->cell[i] = " ";
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        if (p->l->has[lane]) p->cell[p->lane[lane]] = p->g[lane == LANE_VMM && heavy ? G_HEAVY : G_LANE];
}

static void put(struct page *p, int column, const char *words)
{
    for (; *words && column < COLUMNS; words++, column++) {
        if (column < 0) continue;
        p->ascii[column][0] = *words;
        p->ascii[column][1] = 0;
        p->cell[column] = p->ascii[column];
    }
}

static void put_right(struct page *p, int end, const char *words) { put(p, end - (int)strlen(words), words); }

static void flush(struct page *p)
{
    int end = COLUMNS;
    while (end && !strcmp(p->cell[end - 1], " ")) end--;
    for (int i = 0; i < end; i++) text_add(p->out, "%s", p->cell[i]);
    text_char(p->out, '\n');
}

static void put_number(struct page *p, int end, const char *sign, uint64_t n)
{
    struct text t = { 0 };
    text_add(&t, "%s", sign);
    text_number(&t, n);
    put_right(p, end, text_str(&t));
    text_free(&t);
}

/* Lanes share what the cycle column on the left and the cost column on the right leave. */
static void place(struct page *p)
{
    size_t time = strlen("cycle");
    int lanes = 0;
    for (uint32_t i = 0; i < p->l->rows; i++) {
        struct text t = { 0 };
        text_number(&t, p->l->row[i].cycle);
        if (t.len > time) time = t.len;
        text_free(&t);
    }
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) lanes += p->l->has[lane];
    int first = (int)time + 2, gap = (COLUMNS - COST_COLUMNS - first) / (lanes - 1), n = 0;
    if (gap > 21) gap = 21;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        if (p->l->has[lane]) p->lane[lane] = first + gap * n++;
}

static int time_end(const struct page *p) { return p->lane[LANE_USER] - 2; }

/* A title or caption; those come from people and may hold any UTF-8. */
static void add_people_words(struct page *p, const char *words)
{
    bool ascii = p->g == glyphs[1];
    for (const unsigned char *s = (const unsigned char *)words; *s; s++) {
        if (!ascii || *s < 0x80) text_char(p->out, (char)*s);
        else if ((*s & 0xC0) != 0x80) text_char(p->out, '-'); /* one per character: dots, dashes, arrows mostly */
    }
}

static void draw_head(struct page *p)
{
    const struct ladder *l = p->l;
    if (l->options.title) {
        add_people_words(p, l->options.title);
        text_add(p->out, "\n\n");
    }
    for (int line = 0; line < 2; line++) {
        for (int i = 0; i < COLUMNS; i++) p->cell[i] = " ";
        if (line == 0) put_right(p, time_end(p), "cycle");
        for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
            if (!l->has[lane]) continue;
            char ring[16] = "";
            const char *word = line == 0 ? ladder_lane_title(l, lane) : ladder_lane_ring(l, lane, ring, sizeof ring);
            put(p, p->lane[lane], word);
        }
        flush(p);
    }
    blank(p, false);
    flush(p);
}

/* The free columns of the gap in which an arrow's label stands: at its guest end, as in every exporter. */
static int label_gap(const struct page *p, const struct ladder_row *r, int *room)
{
    bool right = r->to > r->from;
    unsigned at = right ? r->from : r->to, next = at + 1;
    while (next < LANE_COUNT && !p->l->has[next]) next++;
    *room = p->lane[next] - p->lane[at] - 1;
    return p->lane[at] + 1;
}

static void draw_line(struct page *p, const struct ladder_row *r)
{
    bool right = r->to > r->from, silent = r->shape == LADDER_SILENT;
    int a = p->lane[r->from], b = p->lane[r->to], low = a < b ? a : b, high = a < b ? b : a;
    const char *stroke = p->g[r->twin ? G_TWIN : G_LINE];
    for (int i = low + 1; i < high; i++) p->cell[i] = silent && (i - low) % 2 == 0 ? " " : stroke; /* dashes */
    for (unsigned lane = 0; lane < LANE_COUNT; lane++)
        if (p->l->has[lane] && p->lane[lane] > low && p->lane[lane] < high) p->cell[p->lane[lane]] = p->g[G_CROSS_LANE];
    p->cell[a] = p->g[right ? G_TEE_RIGHT : G_TEE_LEFT];
    if (silent) {
        for (int i = high - 3; i < high; i++) p->cell[i] = " ";
        p->cell[high - 3] = p->g[G_X];
    } else {
        p->cell[right ? high - 1 : low + 1] = p->g[right ? G_RIGHT : G_LEFT];
    }
}

static void draw_arrow(struct page *p, const struct ladder_row *r, bool heavy)
{
    int room, at = label_gap(p, r, &room), width = (int)strlen(r->label);
    bool inside = width + 5 + (r->shape == LADDER_SILENT ? 2 : 0) <= room;
    if (!inside) {
        char cut[LADDER_END_LABEL + 1];
        memcpy(cut, r->label, sizeof cut);
        if (width > room - 1) memcpy(cut + room - 3, "..", 3);
        blank(p, heavy && r->kind != EV_EXIT);
        put(p, at + 1, cut);
        flush(p);
    }
    blank(p, heavy);
    draw_line(p, r);
    if (inside) {
        at += r->to > r->from ? 1 : 2; /* a head pointing left takes one column more */
        put(p, at, " ");
        put(p, at + 1, r->label);
        put(p, at + 1 + width, " ");
    }
}

static bool band_ends(const struct ladder *l, uint32_t row, uint64_t *cost)
{
    for (uint32_t i = 0; i < l->bands; i++)
        if (l->band[i].last == row) {
            *cost = l->band[i].cost;
            return true;
        }
    return false;
}

/* Which earlier row a row answers, by that row's cycle; curves are for those who can draw. */
static void draw_cause(struct page *p, uint32_t row, bool heavy)
{
    for (uint32_t i = 0; i < p->l->curves; i++) {
        const struct ladder_curve *k = &p->l->curve[i];
        if (k->to != row || k->from + 1 == row) continue;
        blank(p, heavy);
        struct text t = { 0 };
        text_add(&t, "because of ");
        text_number(&t, p->l->row[k->from].cycle);
        put(p, p->lane[p->l->row[row].shape == LADDER_ARROW ? LANE_KERNEL : p->l->row[row].from] + 2, text_str(&t));
        text_free(&t);
        flush(p);
    }
}

static void draw_row(struct page *p, uint32_t i)
{
    const struct ladder *l = p->l;
    const struct ladder_row *r = &l->row[i];
    bool heavy = ladder_in_band(l, i);
    uint64_t cost = 0;
    bool ends = band_ends(l, i, &cost);
    if (i && (r->group != r[-1].group || !r->group)) {
        blank(p, false);
        flush(p);
    }
    if (r->shape == LADDER_ARROW || r->shape == LADDER_SILENT) {
        draw_arrow(p, r, heavy);
    } else if (r->shape == LADDER_NOTE) {
        blank(p, heavy);
        put(p, p->lane[r->from] + 2, r->label);
    } else {
        blank(p, heavy);
        if (r->shape == LADDER_GAP) p->cell[p->lane[r->from]] = p->g[G_DOWN];
        put(p, p->lane[r->from] + (r->shape == LADDER_GAP ? 2 : 0), r->shape == LADDER_GAP ? "" : "[");
        put(p, p->lane[r->from] + (r->shape == LADDER_GAP ? 2 : 1), r->label);
        if (r->shape == LADDER_END) put(p, p->lane[r->from] + 1 + (int)strlen(r->label), "]");
    }
    if (r->shape != LADDER_GAP) put_number(p, time_end(p), "", r->cycle);
    if (ends && cost) put_number(p, COLUMNS, "+", cost);
    flush(p);
    draw_cause(p, i, heavy && !ends);
    if (r->shape == LADDER_SILENT) {
        int room, at = label_gap(p, r, &room);
        blank(p, false);
        put(p, at + 1, r->detail);
        flush(p);
    }
}

void ladder_text(const struct ladder *l, bool ascii, struct text *out)
{
    struct page p = { .l = l, .g = glyphs[ascii], .out = out };
    place(&p);
    draw_head(&p);
    for (uint32_t i = 0; i < l->rows; i++) draw_row(&p, i);
    blank(&p, false);
    flush(&p);
    if (l->options.caption) {
        text_char(out, '\n');
        add_people_words(&p, l->options.caption);
        text_char(out, '\n');
    }
}
