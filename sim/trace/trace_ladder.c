/* See trace_ladder.h: puts the stages together and gives every row its place.
 *
 * Lanes stand LANE_GAP apart, which holds the longest label at 12 % more than its nominal width; rows are spaced by
 * what they carry above and below their line. */
#include "sim/trace/ladder_rows.h"
#include "sim/core/fatal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MARGIN = 24, LANE_GAP = 230, LANE_HALF = 80, HEAD = 48, COST_WIDTH = 112,
    ARROW_ABOVE = 32, ARROW_BELOW = 10, DETAIL_BELOW = 16, NOTE_HALF = 20, GROUP_SPACE = 14,
};

void *ladder_grow(void *p, size_t bytes)
{
    p = realloc(p, bytes);
    if (!p) {
        fatal(EXIT_ENVIRONMENT, "out of memory for the diagram; give a smaller range of events");
    }
    return p;
}

const char *ladder_lane_title(const struct ladder *l, unsigned lane)
{
    static const char *const titles[][LANE_COUNT] = { { "guest user", "guest kernel", "hypervisor", "devices" },
                                                      { "guest+host user", "guest+host kernel", "hypervisor", "devices" } };
    return titles[l->options.hosted][lane];
}

const char *ladder_lane_ring(const struct ladder *l, unsigned lane, char *buf, size_t n)
{
    if (lane == LANE_DEVICE) return "";
    snprintf(buf, n, "ring %u", lane == LANE_USER ? 3u : lane == LANE_VMM ? 0u : l->options.kernel_ring);
    return buf;
}

/* In the gap next to the arrow's left end, so that no label crosses a lane. */
int ladder_label_x(const struct ladder *l, const struct ladder_row *r)
{
    return (l->x[r->to] > l->x[r->from] ? l->x[r->from] : l->x[r->to]) + LANE_GAP / 2;
}

int ladder_note_width(const struct ladder_row *r) { return (int)strlen(r->label) * 19 / 2 + 16; }

const char *ladder_alt(const struct ladder *l)
{
    if (l->options.alt) return l->options.alt;
    return l->options.title ? l->options.title : "Ladder diagram of a trace";
}

bool ladder_in_band(const struct ladder *l, uint32_t row)
{
    for (uint32_t i = 0; i < l->bands; i++)
        if (row >= l->band[i].first && row <= l->band[i].last) return true;
    return false;
}

static bool uses(const struct ladder *l, unsigned lane)
{
    for (uint32_t i = 0; i < l->rows; i++)
        if (l->row[i].from == lane || l->row[i].to == lane) return true;
    return false;
}

/* The boxes beside the last lane, and what visits cost beside those. */
static void make_room(struct ladder *l)
{
    for (uint32_t i = 0; i < l->rows; i++) {
        const struct ladder_row *r = &l->row[i];
        int right = l->x[r->from] + 12 + ladder_note_width(r) + (l->bands ? COST_WIDTH : MARGIN);
        if (r->shape == LADDER_NOTE && right > l->width) l->width = right;
    }
}

/* Lanes that the machine has are always shown, so that frames of one lecture look alike. */
static void place_lanes(struct ladder *l)
{
    size_t digits = strlen("cycle");
    for (uint32_t i = 0; i < l->rows; i++) {
        struct text t = { 0 };
        text_number(&t, l->row[i].cycle);
        if (t.len > digits) digits = t.len;
        text_free(&t);
    }
    l->time_x = MARGIN + (int)digits * 8;
    int x = l->time_x + 28 + LANE_HALF;
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        l->has[lane] = lane == LANE_VMM ? l->options.hypervisor : lane != LANE_DEVICE || !l->options.spare || uses(l, LANE_DEVICE);
        if (!l->has[lane]) continue;
        l->x[lane] = x;
        x += LANE_GAP;
    }
    l->cost_x = x - LANE_GAP + 24;
    l->width = x - LANE_GAP + LANE_HALF + MARGIN;
    if (l->bands && l->width < l->cost_x + COST_WIDTH) l->width = l->cost_x + COST_WIDTH;
    if (!l->has[LANE_DEVICE]) make_room(l);
}

void ladder_row_room(const struct ladder *l, uint32_t i, int *above, int *below)
{
    const struct ladder_row *r = &l->row[i];
    bool line = r->shape == LADDER_ARROW || r->shape == LADDER_SILENT;
    *above = line ? ARROW_ABOVE : NOTE_HALF;
    if (i && (r->group != r[-1].group || !r->group)) *above += GROUP_SPACE;
    *below = !line ? NOTE_HALF : r->detail[0] ? ARROW_BELOW + DETAIL_BELOW : ARROW_BELOW;
}

static void place_rows(struct ladder *l)
{
    l->head_y = l->options.title ? MARGIN + 40 : MARGIN;
    l->top = l->head_y + HEAD;
    int y = l->top + GROUP_SPACE;
    for (uint32_t i = 0; i < l->rows; i++) {
        int above, below;
        ladder_row_room(l, i, &above, &below);
        l->row[i].y = y + above;
        y += above + below;
    }
    l->bottom = y + 2 * GROUP_SPACE;
    l->height = l->bottom + MARGIN + (l->options.caption ? 28 : 0);
}

static void make_bands(struct ladder *l)
{
    l->band = ladder_grow(NULL, (l->rows + 1) * sizeof *l->band);
    for (uint32_t i = 0; i < l->rows; i++) {
        const struct ladder_row *r = &l->row[i];
        if (!r->episode || r->shape == LADDER_END) continue;
        bool more = i && l->bands && l->band[l->bands - 1].last == i - 1 && r[-1].episode == r->episode;
        if (!more) l->band[l->bands++] = (struct ladder_band){ .first = i, .count = r->count };
        struct ladder_band *b = &l->band[l->bands - 1];
        b->last = i;
        b->cost += r->cost;
    }
}

static void place_bands(struct ladder *l)
{
    for (uint32_t i = 0; i < l->bands; i++) {
        struct ladder_band *b = &l->band[i];
        const struct ladder_row *last = &l->row[b->last];
        bool line = last->shape == LADDER_ARROW || last->shape == LADDER_SILENT;
        b->y0 = l->row[b->first].y - (l->row[b->first].shape == LADDER_NOTE ? NOTE_HALF : ARROW_ABOVE) + 4;
        b->y1 = last->y + (line && !last->detail[0] ? ARROW_BELOW + 4 : NOTE_HALF + 6);
    }
}

static bool touches(const struct ladder_row *r, unsigned lane)
{
    if (r->shape == LADDER_SILENT) return r->from == lane; /* it never arrives */
    return r->from == lane || r->to == lane;
}

/* An arrow from the recorded cause to its effect, unless both are of one visit anyway. */
static void make_curves(struct ladder_maker *m)
{
    struct ladder *l = m->l;
    l->curve = ladder_grow(NULL, (l->rows + 1) * sizeof *l->curve);
    for (uint32_t i = 0; i < l->rows; i++) {
        const struct ladder_row *r = &l->row[i];
        if (r->shape == LADDER_GAP || r->cause < m->from || r->cause > m->to) continue;
        uint32_t owner = m->owner[r->cause - m->from];
        if (!owner || owner - 1 >= i) continue;
        const struct ladder_row *c = &l->row[owner - 1];
        if (c->group && c->group == r->group) continue;
        if (r->shape == LADDER_END && owner == i) continue; /* the box below says it already */
        l->curve[l->curves++] = (struct ladder_curve){ .from = owner - 1, .to = i };
    }
}

/* A curve keeps to one lane if both rows touch one; the guest kernel's first, since that is where things go wrong. */
static void place_curves(struct ladder *l)
{
    static const uint8_t order[LANE_COUNT] = { LANE_KERNEL, LANE_VMM, LANE_DEVICE, LANE_USER };
    for (uint32_t i = 0; i < l->curves; i++) {
        struct ladder_curve *k = &l->curve[i];
        const struct ladder_row *c = &l->row[k->from], *r = &l->row[k->to];
        unsigned lane = LANE_COUNT;
        for (unsigned o = LANE_COUNT; o-- > 0;)
            if (touches(c, order[o]) && touches(r, order[o])) lane = order[o];
        int side = lane == LANE_DEVICE ? 7 : -7, bend = (r->y - c->y) / 6 + 10;
        k->y0 = c->y + (c->shape == LADDER_NOTE ? 0 : 5);
        k->y1 = r->y - (r->shape == LADDER_END ? 22 : r->to == lane && r->from != lane && !r->twin ? 11 : 5);
        k->x0 = l->x[lane == LANE_COUNT ? c->from : lane] + side;
        k->x1 = l->x[lane == LANE_COUNT ? r->from : lane] + side;
        k->bend = lane == LANE_COUNT ? 0 : (bend > 34 ? 34 : bend) * (side / 7);
    }
}

void ladder_move(struct ladder *l, int right, int down, const int *y, int bottom)
{
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) l->x[lane] += right;
    l->time_x += right;
    l->cost_x += right;
    l->width += right;
    l->head_y += down;
    l->top += down;
    for (uint32_t i = 0; i < l->rows; i++) l->row[i].y = y[i];
    l->bottom = bottom;
    l->height = bottom + MARGIN;
    place_bands(l);
    place_curves(l);
}

struct ladder *ladder_new(const struct trace *t, const struct ladder_options *o)
{
    struct ladder *l = ladder_grow(NULL, sizeof *l);
    *l = (struct ladder){ .options = *o };
    struct ladder_maker m = { .trace = t, .l = l, .from = o->from ? o->from : 1, .to = o->to };
    if (!m.to || m.to > trace_last(t)) m.to = trace_last(t);
    if (m.from <= m.to) {
        size_t n = m.to - m.from + 1;
        m.owner = ladder_grow(NULL, n * sizeof *m.owner);
        m.claimed = ladder_grow(NULL, n);
        memset(m.owner, 0, n * sizeof *m.owner);
        memset(m.claimed, 0, n);
        ladder_rows_make(&m);
        ladder_fold(&m);
        ladder_cut(&m);
        make_bands(l);
        make_curves(&m);
    }
    place_lanes(l);
    place_rows(l);
    place_bands(l);
    place_curves(l);
    free(m.owner);
    free(m.claimed);
    return l;
}

void ladder_free(struct ladder *l)
{
    if (!l) return;
    free(l->row);
    free(l->band);
    free(l->curve);
    free(l);
}
