/* Note: what the lesson says at this step, its question, and what it expected and did not get.
 *
 * A question comes before its answer: until p is pressed the note, which tells, is covered by the question. */
#include <stdio.h>
#include <string.h>
#include "tui/command.h"
#include "tui/view.h"

enum { NOTE_TEXT = 4000, LINES = 200 };

struct note {
    bool lesson;
    unsigned step, steps; /* step: number of the step last done; 0: none */
    char title[200], text[NOTE_TEXT];
    bool asks, revealed, failed;
    unsigned revealed_step;
    char question[700], answer[160], end[320];
    char asked[400], line[2][LESSON_CHOICES][164]; /* lecture mode: the question alone; choices, without and with the answer */
    unsigned choices, right;
};

/* Authors break lines for their editor, we for the pane: within a paragraph a newline is a space. */
static void unwrap(const char *from, char *to, size_t room)
{
    size_t n = 0;
    while (*from == '\n' || *from == ' ') from++;
    for (; *from && n + 1 < room; from++) {
        bool joins = *from == '\n' && from[1] && from[1] != '\n' && from[1] != ' ' && n && to[n - 1] != '\n';
        to[n++] = joins ? ' ' : *from;
    }
    while (n && (to[n - 1] == '\n' || to[n - 1] == ' ')) n--;
    to[n] = 0;
}

static void ask_of(struct note *n, const struct lesson_step *st)
{
    struct text t = { 0 };
    text_add(&t, "Q %s\n", st->ask);
    for (unsigned i = 0; i < st->choices && i < LESSON_CHOICES; i++)
        text_add(&t, "%s%c\u00A0%s", i ? "   " : "", (int)('A' + i), st->choice[i]);
    view_copy(n->question, sizeof n->question, text_str(&t));
    text_free(&t);
    view_copy(n->asked, sizeof n->asked, st->ask);
    n->choices = st->choices < LESSON_CHOICES ? st->choices : LESSON_CHOICES;
    n->right = st->answer;
    for (unsigned i = 0; i < n->choices; i++) {
        snprintf(n->line[0][i], sizeof n->line[0][i], "  %c\u00A0 %.150s", (int)('A' + i), st->choice[i]);
        snprintf(n->line[1][i], sizeof n->line[1][i], "%s %c\u00A0 %.150s", i + 1 == st->answer ? "►" : " ", (int)('A' + i), st->choice[i]);
    }
    *n->answer = 0;
    if (st->answer >= 1 && st->answer <= st->choices)
        snprintf(n->answer, sizeof n->answer, "%c %s", (int)('A' + st->answer - 1), st->choice[st->answer - 1]);
}

static void failures(struct note *n, const struct lesson *l, unsigned step)
{
    for (unsigned i = 0; i < l->ops->checks(l); i++) {
        const struct lesson_check *c = l->ops->check(l, i);
        size_t len = strlen(n->text);
        if (c->passed || c->step != step) continue;
        n->failed |= !c->elsewhere;
        snprintf(n->text + len, sizeof n->text - len, "%s%s %s", len ? "\n" : "", c->elsewhere ? "-" : "✗", c->text);
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
        snprintf(n->text, sizeof n->text, "%s%s%u steps. Press n for the first one.", l->lecture,
                 *l->lecture ? ". " : "", n->steps);
        return;
    }
    l->ops->step(l, n->step - 1, &st);
    view_copy(n->title, sizeof n->title, st.title ? st.title : "");
    unwrap(st.note ? st.note : "", n->text, sizeof n->text);
    failures(n, l, n->step - 1);
    n->asks = st.ask != NULL;
    if (n->asks) ask_of(n, &st);
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    (void)rows;
    const struct note *n = v->state;
    if (!n->lesson)
        view_copy(title, VIEW_LABEL, "8 Note");
    else if (!n->step)
        snprintf(title, VIEW_LABEL, "8 Note  \"%.120s\"", n->title);
    else
        snprintf(title, VIEW_LABEL, "8 Note  %u/%u  \"%.110s\"", n->step, n->steps, n->title);
    if (n->asks && !n->failed)
        snprintf(remark, VIEW_LABEL, n->revealed && *n->answer ? "answer %c" : "p=reveal", *n->answer);
}

/* Lines are collected first, because what must stay visible (the question) is at the end of what may be cut. */
struct sheet {
    struct {
        const char *s;
        int n;
        unsigned style;
    } line[LINES];
    int lines;
    unsigned style;
};

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

static void collect(const struct note *n, struct sheet *s, int w, int rows, char *answer, size_t room)
{
    unsigned now = STYLE(ROLE_NOW, ATTR_BOLD), plain = STYLE(ROLE_PLAIN, 0);
    if (!n->lesson && !*n->end) wrap(s, plain, "No lesson: s steps, x goes to the next exit, c runs, r goes back.", w);
    if (n->asks && !n->revealed && !n->failed) {
        wrap(s, now, n->question, w);
    } else {
        wrap(s, n->failed ? STYLE(ROLE_WARN, 0) : plain, n->text, w);
        snprintf(answer, room, "Answer: %s", n->answer);
        if (n->asks && *n->answer && s->lines < rows) wrap(s, now, answer, w); /* else only in the title */
    }
    if (*n->end && s->lines < rows) wrap(s, now, n->end, w);
}

static void draw(struct view *v, struct pane *p)
{
    const struct note *n = v->state;
    struct sheet s = { 0 };
    char answer[200];
    if (p->at.w < 3) return;
    collect(n, &s, p->at.w - 2, p->at.h, answer, sizeof answer);
    int first = view_bound(v, s.lines, p->at.h);
    draw_lines(p, &s, first, 0, p->at.h);
    view_more(p, first + p->at.h < s.lines);
}

int view_note_lines(const struct lesson_step *st, int w)
{
    struct note n;
    unwrap(st->note ? st->note : "", n.text, sizeof n.text);
    int note = frame_wrap(n.text, w, NULL, NULL), question = 0;
    if (st->ask) ask_of(&n, st), question = frame_wrap(n.question, w, NULL, NULL);
    return question > note ? question : note;
}

/* ---- lecture mode ------------------------------------------------------------------------------------------------- */

bool view_note_asks(const struct view *v) { return ((const struct note *)v->state)->asks; }

bool view_note_hides(const struct view *v)
{
    const struct note *n = v->state;
    return n->asks && !n->revealed && !n->failed;
}

/* The question with a line for each choice, the right one marked once it is revealed; or the words. */
static void collect_plain(const struct note *n, struct sheet *s, int w)
{
    unsigned now = STYLE(ROLE_NOW, ATTR_BOLD), plain = STYLE(ROLE_PLAIN, 0);
    bool hides = n->asks && !n->revealed && !n->failed;
    if (n->asks) wrap(s, now, n->asked, w);
    for (unsigned i = 0; n->asks && i < n->choices; i++) /* once it is revealed, the words need the room of the wrong ones */
        if (hides || i + 1 == n->right) wrap(s, now, n->line[hides ? 0 : 1][i], w);
    if (!hides && *n->text) {
        if (n->asks) wrap(s, plain, " ", w);
        wrap(s, n->failed ? STYLE(ROLE_WARN, 0) : plain, n->text, w);
    }
    if (*n->end && !hides) wrap(s, now, n->end, w);
}

int view_note_height(const struct view *v, int w)
{
    struct sheet s = { 0 };
    collect_plain(v->state, &s, w - 2);
    return s.lines;
}

void view_note_plain(const struct view *v, struct pane *p)
{
    struct sheet s = { 0 };
    collect_plain(v->state, &s, p->at.w - 2);
    draw_lines(p, &s, s.lines > p->at.h ? s.lines - p->at.h : 0, 0, p->at.h);
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

const struct view_ops view_note = { "note",
                                    "Note",
                                    "the lesson's words for this step, its question, failed expectations",
                                    sizeof(struct note),
                                    sample,
                                    show_label,
                                    draw,
                                    command };
