/* Serial: what the guest has written to its first serial port, the newest below. */
#include <stdio.h>
#include <string.h>
#include "tui/view.h"

enum { KEPT = 16000 };

struct serial {
    char text[KEPT + 1];
    size_t total;
};

static void sample(struct view *v, const struct scene *s)
{
    struct serial *t = v->state;
    size_t n;
    const char *all = machine_serial(s->m, &n);
    size_t skip = n > KEPT ? n - KEPT : 0, k = 0;
    if (n != t->total) v->scroll = 0;
    t->total = n;
    for (size_t i = skip; i < n; i++)
        if (all[i] && all[i] != '\r') t->text[k++] = all[i]; /* a NUL would end the text, a CR is half a line end */
    t->text[k] = 0;
}

static void show_label(const struct view *v, int rows, char *title, char *remark)
{
    const struct serial *t = v->state;
    (void)rows;
    view_copy(title, VIEW_LABEL, "9 Serial  what the guest printed");
    snprintf(remark, VIEW_LABEL, "%zu bytes", t->total);
}

struct place {
    struct pane *p;
    int first;
};

static void put(void *self, int i, const char *s, int n)
{
    struct place *at = self;
    char buf[1024];
    int y = i - at->first;
    if (y < 0 || y >= at->p->at.h) return;
    snprintf(buf, sizeof buf, "%.*s", n, s);
    pane_fit(at->p, 1, y, at->p->at.w - 2, STYLE(ROLE_PLAIN, 0), buf);
}

static void draw(struct view *v, struct pane *p)
{
    const struct serial *t = v->state;
    int lines = frame_wrap(t->text, p->at.w - 2, NULL, NULL), up = -v->scroll;
    int last = lines > p->at.h ? lines - p->at.h : 0;
    if (up > last) up = last;
    if (up < 0) up = 0;
    v->scroll = -up; /* counted from the newest line */
    struct place at = { p, last - up };
    if (lines)
        frame_wrap(t->text, p->at.w - 2, put, &at);
    else
        pane_fit(p, 1, 0, p->at.w - 2, STYLE(ROLE_PLAIN, 0), "nothing yet");
}

const struct view_ops view_serial = {
    "serial", "Serial", "what the guest has printed", sizeof(struct serial), sample, show_label, draw, view_no_command
};
