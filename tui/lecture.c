/* See lecture.h. From top to bottom: title and step, the view, the words, the keys. */
#include "tui/lecture.h"

#include <stdio.h>
#include <string.h>
#include "tui/app.h"

enum { MARGIN = 2, WORDS_MOST = 12, VIEW_LEAST = 8 };

static bool small(const struct app *a) { return a->layout.kind == LAYOUT_TINY; }

bool lecture_hides(const struct app *a)
{
    const struct lesson *l = a->session.lesson;
    struct lesson_step st;
    if (!a->lecture.on || !l || !l->next || !view_note_hides(&a->view[VIEW_NOTE])) return false;
    l->ops->step(l, l->next - 1, &st);
    return st.insns == machine_insns(a->session.m);
}

/* What is large: what was asked for by number, what the step's author wants if the ladder cannot show it, the ladder. */
static unsigned large(const struct app *a)
{
    const struct lesson *l = a->session.lesson;
    struct lesson_step st;
    if (a->lecture.view >= 0) return (unsigned)a->lecture.view;
    if (!l || !l->next || lecture_hides(a)) return VIEW_LADDER;
    l->ops->step(l, l->next - 1, &st);
    int view = st.show && *st.show ? view_find(st.show) : -1;
    return view < 0 || view == VIEW_RINGS || view == VIEW_EVENTS || view == VIEW_NOTE ? VIEW_LADDER : (unsigned)view;
}

static struct pane part(struct app *a, int y, int h)
{
    return pane_of(&a->frame, (struct rect){ MARGIN, y, a->frame.cols - 2 * MARGIN, h });
}

static void draw_title(struct app *a)
{
    const struct lesson *l = a->session.lesson;
    struct pane p = part(a, 0, 2);
    struct lesson_step st;
    char step[32] = "";
    const char *title = l ? l->title : a->session.name;
    if (l && l->next) {
        l->ops->step(l, l->next - 1, &st);
        title = lecture_hides(a) ? "What will happen?" : st.title;
        snprintf(step, sizeof step, "%u / %u", l->next, l->ops->steps(l));
    }
    int w = frame_width(step);
    pane_fit(&p, 0, 0, p.at.w - w - 2, STYLE(ROLE_NOW, ATTR_BOLD), title);
    if (p.at.w > w) pane_put(&p, p.at.w - w, 0, STYLE(ROLE_NOW, ATTR_BOLD), step);
}

/* The keys of this mode; the words come from the table. */
static void draw_keys(struct app *a)
{
    static const struct { const char *key, *word; } keys[] = {
        { "PgDn", "next" }, { "PgUp", "back" }, { "p", "reveal" }, { "b", "blank" }, { "+", "-" }, { "-", "detail" },
        { "i", "why?" }, { "t", "theme" }, { "Esc", "full view" }, { "?", "help" },
    };
    struct pane p = part(a, a->frame.rows - 1, 1);
    int x = 0;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        bool pair = keys[i].word[0] == '-';
        int w = frame_width(keys[i].key) + (pair ? 1 : 1 + frame_width(keys[i].word) + 2);
        if (x + w > p.at.w) break;
        int at = pane_put(&p, x, 0, STYLE(ROLE_KEY, ATTR_BOLD), keys[i].key);
        if (!pair) pane_put(&p, at + 1, 0, STYLE(ROLE_PLAIN, 0), keys[i].word);
        x += w;
    }
}

static void draw_message(struct app *a)
{
    struct pane p = part(a, a->frame.rows - 1, 1);
    const struct session *s = &a->session;
    if (s->warn) pane_put(&p, 0, 0, STYLE(ROLE_WARN, 0), "!");
    pane_fit(&p, s->warn ? 2 : 0, 0, p.at.w - 2, STYLE(s->warn ? ROLE_WARN : ROLE_NOW, 0), s->message);
}

/* What is large fills its room; only views other than the ladder have a box. */
static void draw_large(struct app *a, int y, int h)
{
    unsigned id = large(a);
    struct view *v = &a->view[id];
    struct pane p = part(a, y, h);
    char title[VIEW_LABEL] = "", remark[VIEW_LABEL] = "";
    if (id != VIEW_LADDER) {
        v->ops->label(v, h - 2, title, remark);
        p = pane_box(&a->frame, p.at, STYLE(ROLE_FRAME, 0), title, remark);
    }
    if (p.at.w > 0 && p.at.h > 0) v->ops->draw(v, &p);
}

void lecture_draw(struct app *a)
{
    struct view *note = &a->view[VIEW_NOTE];
    int w = a->frame.cols - 2 * MARGIN, room = a->frame.rows - 4;
    if (a->lecture.blank) return;
    if (small(a)) {
        chrome_tiny(a);
        return;
    }
    bool words = view_ladder_detail(&a->view[VIEW_LADDER]) > 1 || view_note_asks(note);
    int n = words ? view_note_height(note, w) : 0;
    if (n > WORDS_MOST) n = WORDS_MOST;
    if (n > room - VIEW_LEAST) n = room - VIEW_LEAST;
    draw_title(a);
    draw_large(a, 2, room - n - (n ? 1 : 0));
    struct pane p = part(a, 2 + room - n, n);
    if (n) view_note_plain(note, &p);
    if (*a->session.message) draw_message(a);
    else draw_keys(a);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

void lecture_enter(struct app *a)
{
    struct session *s = &a->session;
    a->lecture = (struct lecture){ .on = true, .view = -1 };
    a->zoom = false;
    if (s->lesson && !s->lesson->next) session_next(s);
    if (s->own_lesson && !s->lesson) session_say(s, false, "The lesson rests on this machine; < and > lead back.");
}

static unsigned leave(struct app *a)
{
    a->lecture.on = false;
    session_say(&a->session, false, "Full view. P leads back to the lecture.");
    app_follow_lesson(a);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

/* The question first, if there is one; then the step behind it. */
static unsigned forward(struct app *a)
{
    unsigned ask;
    if (lecture_hides(a)) return app_command(a, CMD_REVEAL) | ASK_SAMPLE;
    ask = app_command(a, CMD_NEXT);
    a->lecture.view = -1;
    return ask;
}

/* What was seen before is shown as it was left: with its answer. */
static unsigned backward(struct app *a)
{
    unsigned ask = app_command(a, CMD_PREVIOUS);
    a->lecture.view = -1;
    app_sample(a);
    if (lecture_hides(a)) ask |= app_command(a, CMD_REVEAL) | ASK_SAMPLE;
    return ask;
}

bool lecture_key(struct app *a, uint32_t key, unsigned *ask)
{
    int c = command_of_key(key);
    *ask = ASK_REDRAW;
    if (a->lecture.blank) {
        a->lecture.blank = false;
        return true;
    }
    switch (c) {
    case CMD_BLANK: a->lecture.blank = true; return true;
    case CMD_STOP: a->lecture.blank = true; return true; /* b, as everywhere */
    case CMD_FOLLOW:
    case CMD_NEXT: *ask = forward(a); return true;
    case CMD_PREVIOUS: *ask = backward(a); return true;
    case CMD_REVEAL: *ask = app_command(a, c) | ASK_SAMPLE; return true;
    case CMD_LECTURE: *ask = leave(a); return true;
    case CMD_CANCEL:
        if (a->lecture.view < 0) *ask = leave(a);
        a->lecture.view = -1;
        return true;
    case CMD_FOCUS:
    case CMD_ZOOM: return true;
    case CMD_UP:
    case CMD_DOWN: a->focus = large(a); return false;
    default: break;
    }
    if (c < CMD_VIEWS_FIRST || c > CMD_VIEWS_LAST) return false;
    a->lecture.view = c - CMD_VIEWS_FIRST;
    return true;
}
