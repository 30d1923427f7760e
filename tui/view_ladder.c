/* Ladder: who had control when, as lanes and arrows; what lecture mode shows large, and what this step has added stands out.
 *
 * Rows are those of the diagrams (sim/trace/trace_ladder.h), so a slide and the screen tell the same. The newest are at the
 * bottom; a row takes one line, and more where its label or its second line wants room. While a question waits for its
 * answer, what its step did is not shown. `+` and `-` choose how much is said: arrows, what they carry, when and at what cost. */
#include <stdio.h>
#include <string.h>
#include "sim/trace/trace_ladder.h"
#include "tui/command.h"
#include "tui/view.h"

enum { ROWS = 160, EVENTS = 1000 /* looked at */, CONTEXT = 60 /* events before a step that may stand above it */ };
enum { LEAST_COLS = 40, LEFT = 3, CYCLE_COLS = 13, COST_COLS = 11, RIGHT_WORDS = 12, GAP_MOST = 30, HEAD = 2 };

struct lines {
    bool vmm, hidden, more;
    uint8_t kernel_ring, detail; /* detail: 0 as at first, which is 2; else 1 to 3 */
    enum machine_place place;
    unsigned rows;
    uint32_t step_from; /* id of the first event of the step at hand */
    struct ladder_row row[ROWS];
};

static unsigned detail_of(const struct lines *l) { return l->detail ? l->detail : 2; }

static const char *name_symbol(void *self, uint32_t eip, char *buf, size_t n) { return machine_symbol(self, eip, buf, n); }

/* The newest event that happened before moment `insns`; 0: none. Moments of events never go down. */
static uint32_t last_before(const struct trace *t, uint64_t insns)
{
    size_t low = 0, high = trace_count(t);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trace_at(t, middle)->insns < insns) low = middle + 1;
        else high = middle;
    }
    return low ? trace_at(t, low - 1)->id : 0;
}

/* The last event before the lesson's present step began; where no lesson is, before the newest few. */
static uint32_t before_step(const struct scene *s, uint32_t last)
{
    struct lesson_step st;
    if (!s->lesson || !s->lesson->next) return last > CONTEXT / 4 ? last - CONTEXT / 4 : 0;
    if (s->lesson->next == 1) return 0;
    s->lesson->ops->step(s->lesson, s->lesson->next - 2, &st);
    return st.insns == UINT64_MAX ? 0 : last_before(machine_trace_of(s->m), st.insns);
}

static void keep_newest(struct lines *l, const struct ladder *ladder)
{
    uint32_t first = ladder->rows > ROWS ? ladder->rows - ROWS : 0;
    l->rows = ladder->rows - first;
    l->more = first != 0;
    memcpy(l->row, ladder->row + first, sizeof *l->row * l->rows);
}

static void sample(struct view *v, const struct scene *s)
{
    struct lines *l = v->state;
    const struct trace *t = machine_trace_of(s->m);
    if (!s->moved && l->hidden == s->hidden) return;
    uint32_t last = trace_last(t), step = before_step(s, last);
    l->hidden = s->hidden;
    if (s->hidden) last = step;
    l->step_from = s->hidden ? last + 1 : step + 1;
    l->vmm = machine_has_vmm(s->m);
    l->kernel_ring = machine_kernel_ring(s->m);
    l->place = machine_place(s->m);
    l->rows = 0;
    v->scroll = 0;
    uint32_t from = last > CONTEXT && step > last - CONTEXT ? last - CONTEXT : step;
    if (last > EVENTS && from < last - EVENTS) from = last - EVENTS;
    const struct event *oldest = trace_count(t) ? trace_at(t, 0) : NULL;
    if (!oldest || !last) return;
    const struct ladder_options o = { .from = from < oldest->id ? oldest->id : from, .to = last, .kernel_ring = l->kernel_ring,
                                      .hypervisor = l->vmm, .symbol = name_symbol, .self = (void *)(uintptr_t)s->m };
    struct ladder *ladder = ladder_new(t, &o);
    keep_newest(l, ladder);
    ladder_free(ladder);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct lines *l = v->state;
    static const char *const words[] = { "", "arrows", "arrows and more", "with times" };
    view_copy(title, VIEW_LABEL, l->hidden ? "0 Ladder  up to the question" : "0 Ladder");
    view_copy(remark, VIEW_LABEL, words[detail_of(l)]);
}

/* ---- where things stand ------------------------------------------------------------------------------------------ */

struct sheet {
    struct pane *p;
    const struct lines *l;
    int lane[LANE_COUNT]; /* columns; -1: there is no such lane */
    bool times;
};

static void place(struct sheet *s)
{
    int lanes = s->l->vmm ? 4 : 3, k = 0;
    s->times = detail_of(s->l) == 3 && s->p->at.w >= 76;
    int left = s->times ? CYCLE_COLS : LEFT, right = s->times ? COST_COLS : RIGHT_WORDS;
    int gap = (s->p->at.w - left - right) / (lanes - 1);
    if (gap > GAP_MOST) gap = GAP_MOST;
    int spare = s->p->at.w - left - right - gap * (lanes - 1);
    for (unsigned i = 0; i < LANE_COUNT; i++)
        s->lane[i] = i == LANE_VMM && !s->l->vmm ? -1 : left + spare / 2 + gap * k++;
}

static unsigned lane_role(unsigned lane)
{
    static const uint8_t roles[LANE_COUNT] = { ROLE_USER, ROLE_KERNEL, ROLE_VMM, ROLE_DEVICE };
    return roles[lane];
}

static void draw_head(struct sheet *s)
{
    static const char *const who[LANE_COUNT] = { "app", "guest OS", "VMM", "device" };
    struct lane_ring { unsigned n; bool any; } ring[LANE_COUNT] = { { 3, true }, { s->l->kernel_ring, true }, { 0, true }, { 0, false } };
    for (unsigned i = 0; i < LANE_COUNT; i++) {
        if (s->lane[i] < 0) continue;
        const char *word = i == LANE_KERNEL && !s->l->vmm ? "kernel" : who[i];
        pane_fit(s->p, s->lane[i] - 2, 0, s->p->at.w, STYLE(lane_role(i), ATTR_BOLD), word);
        if (ring[i].any) pane_putf(s->p, s->lane[i] - 2, 1, STYLE(lane_role(i), 0), "ring %u", ring[i].n);
    }
}

static void draw_lanes(struct sheet *s, int y)
{
    for (unsigned i = 0; i < LANE_COUNT; i++)
        if (s->lane[i] >= 0) pane_put(s->p, s->lane[i], y, STYLE(lane_role(i), 0), "│");
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static bool is_line(const struct ladder_row *r) { return r->shape == LADDER_ARROW || r->shape == LADDER_SILENT; }

/* The gap next to the arrow's left end, where its words stand. */
static int gap_of(const struct sheet *s, const struct ladder_row *r, int *room)
{
    unsigned at = r->to > r->from ? r->from : r->to, next = at + 1;
    while (next + 1 < LANE_COUNT && s->lane[next] < 0) next++;
    *room = s->lane[next] - s->lane[at] - 1;
    return s->lane[at] + 1;
}

static bool words_inside(const struct sheet *s, const struct ladder_row *r)
{
    int room;
    gap_of(s, r, &room);
    return (int)strlen(r->label) + 6 <= room;
}

static int height_of(const struct sheet *s, const struct ladder_row *r)
{
    bool second = detail_of(s->l) > 1 && *r->detail;
    return 1 + (is_line(r) && !words_inside(s, r)) + (is_line(r) && second);
}

static unsigned style_of(const struct sheet *s, const struct ladder_row *r)
{
    if (r->id < s->l->step_from) return STYLE(ROLE_PLAIN, 0); /* told before */
    if (r->shape == LADDER_SILENT) return STYLE(ROLE_WARN, ATTR_BOLD);
    if (r->from == LANE_DEVICE || r->to == LANE_DEVICE) return STYLE(ROLE_DEVICE, ATTR_BOLD);
    if (r->from == LANE_VMM || r->to == LANE_VMM) return STYLE(ROLE_VMM, ATTR_BOLD);
    return STYLE(ROLE_NOW, ATTR_BOLD);
}

static void draw_arrow(struct sheet *s, int y, const struct ladder_row *r, unsigned style)
{
    bool right = r->to > r->from, silent = r->shape == LADDER_SILENT;
    int a = s->lane[r->from], b = s->lane[r->to], low = a < b ? a : b, high = a < b ? b : a;
    for (int x = low + 1; x < high; x++) {
        bool lane = false;
        for (unsigned i = 0; i < LANE_COUNT; i++) lane |= s->lane[i] == x;
        if (silent && (x > high - 3 || (x - low) % 2 == 0)) continue;
        pane_put(s->p, x, y, style, lane ? "┼" : r->twin ? "═" : "─");
    }
    pane_put(s->p, a, y, style, right ? "├" : "┤");
    if (!silent) pane_put(s->p, right ? high - 1 : low + 1, y, style, right ? "►" : "◄");
}

static void draw_words(struct sheet *s, int y, const struct ladder_row *r, unsigned style, const char *words, bool inside)
{
    int room, x = gap_of(s, r, &room);
    if (!inside) {
        pane_fit(s->p, x + 1, y, s->p->at.w - x - 1, style, words);
        return;
    }
    char boxed[80];
    snprintf(boxed, sizeof boxed, " %s ", words);
    pane_put(s->p, x + (r->to > r->from ? 2 : 3), y, style, boxed);
}

static void draw_times(struct sheet *s, int y, const struct ladder_row *r, unsigned style)
{
    struct text t = { 0 };
    if (!s->times) return;
    text_number(&t, r->cycle);
    pane_putf(s->p, 0, y, style, "%11.11s", text_str(&t));
    text_clear(&t);
    text_char(&t, '+');
    text_number(&t, r->cost);
    if (r->cost) pane_putf(s->p, s->p->at.w - COST_COLS, y, style, "%10.10s", text_str(&t));
    text_free(&t);
}

/* A row's lines from `y` on; returns the line behind them. */
static int draw_row(struct sheet *s, int y, const struct ladder_row *r)
{
    unsigned style = style_of(s, r);
    int last = y + height_of(s, r);
    for (int i = y; i < last; i++) draw_lanes(s, i);
    if (!is_line(r)) {
        int x = r->shape == LADDER_GAP ? s->lane[LANE_USER] : s->lane[r->from];
        draw_times(s, y, r, style);
        pane_fit(s->p, x + 2, y, s->p->at.w - x - 2, style, r->label);
        return last;
    }
    bool inside = words_inside(s, r);
    if (!inside) draw_words(s, y++, r, style, r->label, false);
    draw_times(s, y, r, style);
    draw_arrow(s, y, r, style);
    if (inside) draw_words(s, y, r, style, r->label, true);
    if (r->shape == LADDER_SILENT) pane_put(s->p, (r->to > r->from ? s->lane[r->to] : s->lane[r->from]) - 2, y, style, "✗"); /* over a long word's end */
    if (detail_of(s->l) > 1 && *r->detail) draw_words(s, y + 1, r, style, r->detail, false);
    return last;
}

/* Between groups there is a free line, where there is room for it. */
static bool apart(const struct sheet *s, unsigned i, bool roomy)
{
    const struct ladder_row *r = &s->l->row[i];
    return roomy && i && (r->group != r[-1].group || !r->group);
}

static int height_from(const struct sheet *s, unsigned first, unsigned end, bool roomy)
{
    int h = 0;
    for (unsigned i = first; i < end; i++) h += height_of(s, &s->l->row[i]) + (i > first && apart(s, i, roomy));
    return h;
}

static void draw_rows(struct sheet *s, unsigned end, int y, int rows)
{
    static const unsigned lanes[] = { [PLACE_USER] = LANE_USER, [PLACE_KERNEL] = LANE_KERNEL, [PLACE_VMM] = LANE_VMM };
    unsigned first = end;
    while (first && height_from(s, first - 1, end, true) <= rows - 1) first--;
    bool roomy = first == 0 || s->l->row[first - 1].id < s->l->step_from; /* the step's rows are all there, even so */
    while (!roomy && first && height_from(s, first - 1, end, false) <= rows - 1) first--;
    int bottom = y + rows;
    for (unsigned i = first; i < end; i++) {
        if (i > first && apart(s, i, roomy)) draw_lanes(s, y++);
        y = draw_row(s, y, &s->l->row[i]);
    }
    bool newest = end == s->l->rows && !s->l->hidden;
    for (bool now = newest; y < bottom; y++, now = false) {
        draw_lanes(s, y);
        if (now) pane_put(s->p, s->lane[lanes[s->l->place]], y, STYLE(ROLE_NOW, ATTR_BOLD), "●");
    }
}

static void draw(struct view *v, struct pane *p)
{
    struct lines *l = v->state;
    struct sheet s = { .p = p, .l = l };
    if (p->at.w < LEAST_COLS || p->at.h < HEAD + 3) return;
    place(&s);
    draw_head(&s);
    int back = -v->scroll; /* rows newer than those shown */
    if (back > (int)l->rows - 1) back = l->rows ? (int)l->rows - 1 : 0;
    if (back < 0) back = 0;
    v->scroll = -back;
    draw_rows(&s, l->rows - (unsigned)back, HEAD, p->at.h - HEAD);
    if (back) view_more(p, true);
}

static unsigned command(struct view *v, int command, const char *arg)
{
    struct lines *l = v->state;
    (void)arg;
    unsigned now = detail_of(l);
    if (command == CMD_MORE && now < 3) l->detail = (uint8_t)(now + 1);
    else if (command == CMD_LESS && now > 1) l->detail = (uint8_t)(now - 1);
    else return command == CMD_MORE || command == CMD_LESS ? ASK_REDRAW : ASK_NONE;
    return ASK_REDRAW;
}

unsigned view_ladder_detail(const struct view *v) { return detail_of(v->state); }

const struct view_ops view_ladder = { "ladder",
                                      "Ladder",
                                      "who had control when; what the lesson's step added stands out",
                                      sizeof(struct lines),
                                      sample,
                                      show_label,
                                      draw,
                                      command };
