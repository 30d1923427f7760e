/* Note: what the lesson says at this step, its question, and what it expected and did not get. */
#include <stdio.h>
#include <string.h>
#include "tui/command.h"
#include "tui/view.h"

enum { NOTE_TEXT = 4000, LINES = 200 };

struct note {
    bool lesson;
    unsigned step, steps;       /* step: number of the step last done; 0: none */
    char title[200], text[NOTE_TEXT];
    unsigned head;              /* lines of text that come from the note, for the space before the question */
    bool asks, revealed, failed, ended;
    unsigned revealed_step;
    char question[600], answer[300], end[320];
    int lines;                  /* as drawn last */
};

static void ask_of(struct note *n, const struct lesson_step *st)
{
    size_t len = (size_t)snprintf(n->question, sizeof n->question, "%s", st->ask);
    for (unsigned i = 0; i < st->choices && i < LESSON_CHOICES && len < sizeof n->question; i++)
        len += (size_t)snprintf(n->question + len, sizeof n->question - len, "  %c %s", (int)('A' + i), st->choice[i]);
    if (st->answer >= 1 && st->answer <= st->choices)
        snprintf(n->answer, sizeof n->answer, "%c %s", (int)('A' + st->answer - 1), st->choice[st->answer - 1]);
    else view_copy(n->answer, sizeof n->answer, "see for yourself: step on");
}

static void failures(struct note *n, const struct lesson *l, unsigned step)
{
    for (unsigned i = 0; i < l->ops->checks(l); i++) {
        const struct lesson_check *c = l->ops->check(l, i);
        size_t len = strlen(n->text);
        if (c->passed || c->step != step) continue;
        n->failed = true;
        snprintf(n->text + len, sizeof n->text - len, "%s✗ %s", len ? "\n" : "", c->text);
    }
}

static void sample(struct view *v, const struct scene *s)
{
    struct note *n = v->state;
    const struct lesson *l = s->lesson;
    struct lesson_step st;
    struct machine_end end = machine_end(s->m);
    unsigned before = n->step;
    n->lesson = l != NULL;
    n->asks = n->failed = false;
    *n->text = *n->title = *n->end = 0;
    n->step = 0;
    if (end.fate != FATE_RUNNING) view_copy(n->end, sizeof n->end, end.why);
    if (!l) return;
    n->steps = l->ops->steps(l);
    n->step = l->next < n->steps ? l->next : n->steps;
    if (n->step != before || n->step != n->revealed_step) n->revealed = false, v->scroll = 0;
    if (!n->step) {
        view_copy(n->title, sizeof n->title, l->title);
        snprintf(n->text, sizeof n->text, "%s%s%u steps. Press n for the first one.", l->lecture, *l->lecture ? ". " : "", n->steps);
        return;
    }
    l->ops->step(l, n->step - 1, &st);
    view_copy(n->title, sizeof n->title, st.title ? st.title : "");
    view_copy(n->text, sizeof n->text, st.note ? st.note : "");
    failures(n, l, n->step - 1);
    n->asks = st.ask != NULL;
    if (n->asks) ask_of(n, &st);
}

static void show_label(const struct view *v, char *title, char *remark)
{
    const struct note *n = v->state;
    if (!n->lesson) view_copy(title, VIEW_LABEL, "8 Note");
    else if (!n->step) snprintf(title, VIEW_LABEL, "8 Note  \"%.120s\"", n->title);
    else snprintf(title, VIEW_LABEL, "8 Note  %u/%u  \"%.110s\"", n->step, n->steps, n->title);
    (void)remark;
}

/* Lines are collected first, because what must stay visible (the question) is at the end of what may be cut. */
struct sheet { struct { const char *s; int n; unsigned style; } line[LINES]; int lines; unsigned style; };

static void take(void *self, int i, const char *s, int n)
{
    struct sheet *sh = self;
    (void)i;
    if (sh->lines == LINES) return;
    sh->line[sh->lines].s = s, sh->line[sh->lines].n = n, sh->line[sh->lines].style = sh->style;
    sh->lines++;
}

static void wrap(struct sheet *s, unsigned style, const char *text, int w)
{
    s->style = style;
    frame_wrap(text, w, take, s);
}

static void draw_lines(struct pane *p, const struct sheet *s, int first, int y, int rows)
{
    for (int i = 0; i < rows && first + i < s->lines; i++) {
        char buf[1024];
        snprintf(buf, sizeof buf, "%.*s", s->line[first + i].n, s->line[first + i].s);
        pane_fit(p, 1, y + i, p->at.w - 2, s->line[first + i].style, buf);
    }
}

static void draw(struct view *v, struct pane *p)
{
    struct note *n = v->state;
    struct sheet text = { 0 }, question = { 0 };
    char ask[700], answer[400];
    int w = p->at.w - 2, h = p->at.h;
    if (w < 1 || h < 1) return;
    wrap(&text, STYLE(n->failed ? ROLE_WARN : ROLE_PLAIN, 0), n->text, w);
    if (*n->end) wrap(&text, STYLE(ROLE_NOW, ATTR_BOLD), n->end, w);
    if (!n->lesson && !*n->end) wrap(&text, STYLE(ROLE_PLAIN, 0), "No lesson: s steps, x goes to the next exit, c runs, r goes back.", w);
    if (n->asks) {
        snprintf(ask, sizeof ask, "Predict: %s%s", n->question, n->revealed ? "" : "   [p] reveal");
        wrap(&question, STYLE(ROLE_NOW, ATTR_BOLD), ask, w);
        snprintf(answer, sizeof answer, "Answer: %s", n->answer);
        if (n->revealed) question.lines = 0, wrap(&question, STYLE(ROLE_NOW, ATTR_BOLD), answer, w);
    }
    int q = question.lines < h ? question.lines : h, rows = h - q;
    int first = view_bound(v, text.lines, rows);
    draw_lines(p, &text, first, 0, rows);
    draw_lines(p, &question, 0, text.lines - first < rows ? text.lines - first : rows, q);
    if (first + rows < text.lines && rows > 0)
        pane_put(p, p->at.w - 1, rows - 1, STYLE(ROLE_KEY, ATTR_BOLD), "↓");
    n->lines = text.lines;
}

static unsigned command(struct view *v, int cmd, const char *arg)
{
    struct note *n = v->state;
    (void)arg;
    if (cmd != CMD_REVEAL || !n->asks) return ASK_NONE;
    n->revealed = !n->revealed;
    n->revealed_step = n->step;
    return ASK_REDRAW;
}

const struct view_ops view_note = { "note", "Note", "the lesson's words for this step, its question, failed expectations",
                                    sizeof(struct note), sample, show_label, draw, command };
