/* See layout.h. The numbers are those of the model screens: 80x24, and a dashboard of 160x45. */
#include "tui/layout.h"

enum { NOTE_ROWS = 4, RINGS_ROWS = 7, SIDE_COLS = 30, WIDE_COLS = 40 };

static void place(struct layout *l, unsigned view, int x, int y, int w, int h)
{
    l->pane[l->panes].view = view;
    l->pane[l->panes++].at = (struct rect){ x, y, w, h };
}

/* Code and CPU, rings and events, the note; rows beyond 24 go to all of them. A note of three lines takes one row from
 * rings and events, which say in their titles what was there. */
static void step(struct layout *l, int w, int y, int h, const struct layout_wish *wish)
{
    int extra = h - 21;
    int note = NOTE_ROWS + (extra / 4 < 4 ? extra / 4 : 4);
    int low = RINGS_ROWS + (extra - (note - NOTE_ROWS)) / 2;
    if (wish->note + 2 > note) note++, low--;
    int high = h - note - low;
    int side = w >= 120 ? WIDE_COLS : SIDE_COLS;
    place(l, VIEW_CODE, 0, y, w - side, high);
    place(l, VIEW_CPU, w - side, y, side, high);
    place(l, VIEW_RINGS, 0, y + high, side, low);
    place(l, VIEW_EVENTS, side, y + high, w - side, low);
    place(l, VIEW_NOTE, 0, y + high + low, w, note);
}

static void wide(struct layout *l, int w, int y, int h, const struct layout_wish *wish)
{
    (void)wish;
    int note = 5, body = h - note, left = w - WIDE_COLS;
    int code = (body + 1) / 2, cpu = body * 13 / 32, rings = RINGS_ROWS;
    place(l, VIEW_CODE, 0, y, left, code);
    place(l, VIEW_EVENTS, 0, y + code, left, body - code);
    place(l, VIEW_CPU, left, y, WIDE_COLS, cpu);
    place(l, VIEW_RINGS, left, y + cpu, WIDE_COLS, rings);
    place(l, VIEW_CYCLES, left, y + cpu + rings, WIDE_COLS, body - cpu - rings);
    place(l, VIEW_NOTE, 0, y + body, w, note);
}

static void dashboard(struct layout *l, int w, int y, int h, const struct layout_wish *wish)
{
    int note = 5, body = h - note;
    int high = body * 15 / 38, middle = body * 13 / 38, low = body - high - middle;
    int right = w * 58 / 160, code = w - right - WIDE_COLS, left = w - right;
    place(l, VIEW_CODE, 0, y, code, high);
    place(l, VIEW_CPU, code, y, WIDE_COLS, high);
    place(l, VIEW_RINGS, left, y, right, high);
    place(l, VIEW_ADDRESS, 0, y + high, left, middle);
    place(l, VIEW_CYCLES, left, y + high, right, middle);
    place(l, VIEW_EVENTS, 0, y + high + middle, left, low);
    place(l, wish->many ? VIEW_VMS : VIEW_DEVICES, left, y + high + middle, right, low);
    place(l, VIEW_NOTE, 0, y + body, w, note);
}

/* The chosen view and Code; Code has the registers beside it. Side by side where there is width for it. */
static void two(struct layout *l, int w, int y, int h, const struct layout_wish *wish)
{
    int note = wish->focus == VIEW_NOTE ? 0 : NOTE_ROWS, body = h - note;
    unsigned other = wish->focus == VIEW_CODE ? VIEW_CPU : VIEW_CODE;
    unsigned first = wish->focus == VIEW_CODE ? VIEW_CODE : other, second = wish->focus == VIEW_CODE ? other : wish->focus;
    bool beside = w >= 120;
    place(l, first, 0, y, beside ? w / 2 : w, beside ? body : body / 2);
    place(l, second, beside ? w / 2 : 0, beside ? y : y + body / 2, beside ? w - w / 2 : w, beside ? body : body - body / 2);
    if (note) place(l, VIEW_NOTE, 0, y + body, w, note);
}

bool layout_shows(const struct layout *l, unsigned view)
{
    for (unsigned i = 0; i < l->panes; i++)
        if (l->pane[i].view == view) return true;
    return false;
}

static enum layout_kind kind_of(int cols, int rows)
{
    if (cols < LAYOUT_LEAST_COLS || rows < LAYOUT_LEAST_ROWS) return LAYOUT_TINY;
    if (cols < 80 || rows < 24) return LAYOUT_SINGLE;
    if (cols < 120 || rows < 40) return LAYOUT_STEP;
    return cols < 150 ? LAYOUT_WIDE : LAYOUT_DASHBOARD;
}

void layout_make(struct layout *l, int cols, int rows, const struct layout_wish *wish)
{
    static void (*const arrange[])(struct layout *, int, int, int, const struct layout_wish *) = {
        [LAYOUT_STEP] = step, [LAYOUT_WIDE] = wide, [LAYOUT_DASHBOARD] = dashboard
    };
    *l = (struct layout){ .kind = kind_of(cols, rows) };
    if (l->kind == LAYOUT_TINY) return;
    int foot = l->kind == LAYOUT_SINGLE ? 1 : 2;
    l->title = (struct rect){ 0, 0, cols, 1 };
    l->keys = (struct rect){ 0, rows - 1, cols, 1 };
    if (foot == 2) l->timeline = (struct rect){ 0, rows - 2, cols, 1 };
    int body = rows - 1 - foot;
    if (l->kind != LAYOUT_SINGLE && wish->two && !wish->zoom) {
        two(l, cols, 1, body, wish);
        return;
    }
    if (l->kind != LAYOUT_SINGLE && !wish->zoom) arrange[l->kind](l, cols, 1, body, wish);
    if (layout_shows(l, wish->focus)) return;
    /* A view without a place here gets that of all others; the note stays, because the lesson goes on. */
    int note = l->kind == LAYOUT_SINGLE || wish->zoom ? 0 : l->pane[l->panes - 1].at.h;
    l->panes = 0;
    place(l, wish->focus, 0, 1, cols, body - note);
    if (note) place(l, VIEW_NOTE, 0, 1 + body - note, cols, note);
}
