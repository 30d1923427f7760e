/* See app.h. The state, what views may look at, and the screen; app_command.c has what keys do. */
#include "tui/app.h"

#include "sim/lab.h"

#include <stdio.h>
#include <stdlib.h>

void app_open(struct app *a, struct machine *m, struct lesson *l, int cols, int rows)
{
    *a = (struct app){ .focus = VIEW_CODE, .asking = CMD_NONE };
    session_open(&a->session, m, l);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        a->view[i].ops = views[i];
        a->view[i].state = calloc(1, views[i]->state_size);
        if (!a->view[i].state) {
            fputs("ringside: out of memory for the screen\n", stderr);
            exit(EXIT_ENVIRONMENT);
        }
    }
    app_resize(a, cols, rows);
    app_sample(a);
}

void app_close(struct app *a)
{
    pair_close(a);
    for (unsigned i = 0; i < VIEW_COUNT; i++) free(a->view[i].state);
    lab_free(a->session.lab);
    session_close(&a->session);
    text_free(&a->card);
    text_free(&a->copy);
    frame_free(&a->frame);
}

/* The longest note of the lesson decides, not the one at hand: panes must not jump from step to step. */
static int longest_note(const struct app *a)
{
    const struct lesson *l = a->session.lesson;
    int most = 0;
    for (unsigned i = 0; l && i < l->ops->steps(l); i++) {
        struct lesson_step st;
        l->ops->step(l, i, &st);
        int n = view_note_lines(&st, a->frame.cols - 4);
        if (n > most) most = n;
    }
    return most;
}

void app_layout(struct app *a)
{
    struct layout_wish wish = { a->focus, a->zoom, longest_note(a), a->two, machine_vms(a->session.m) > 1 };
    layout_make(&a->layout, a->frame.cols, a->frame.rows, &wish);
}

void app_resize(struct app *a, int cols, int rows)
{
    frame_size(&a->frame, cols, rows);
    app_layout(a);
}

/* What the processor does is not the VM's that somebody chose to look at. */
static bool of_processor(unsigned view) { return view == VIEW_CODE || view == VIEW_CPU || view == VIEW_RINGS; }

void app_sample(struct app *a)
{
    struct machine_summary sum;
    machine_summary(a->session.m, &sum);
    struct scene scene = { .m = a->session.m, .sum = &sum, .lesson = a->session.lesson, .moved = a->session.moved, .stop = a->session.stop,
                           .stops = a->session.stops, .sources = a->session.sources };
    a->view[VIEW_NOTE].ops->sample(&a->view[VIEW_NOTE], &scene); /* first: it knows whether something is to be hidden */
    scene.hidden = lecture_hides(a);
    int looked = machine_looks_at(a->session.m);
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        if (i == VIEW_NOTE) continue;
        if (looked >= 0) machine_look_at(a->session.m, of_processor(i) ? -1 : looked);
        a->view[i].ops->sample(&a->view[i], &scene);
    }
    machine_look_at(a->session.m, looked);
    a->session.moved = false;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_view(struct app *a, unsigned id, struct rect at)
{
    char title[VIEW_LABEL] = "", remark[VIEW_LABEL] = "";
    struct view *v = &a->view[id];
    v->ops->label(v, at.h - 2, title, remark);
    bool chosen = id == a->focus && a->layout.panes > 1;
    struct pane p =
        pane_box(&a->frame, at, chosen ? STYLE(ROLE_FOCUS, ATTR_BOLD) : STYLE(ROLE_FRAME, 0), title, remark);
    if (p.at.w > 0 && p.at.h > 0) v->ops->draw(v, &p);
}

void app_draw(struct app *a)
{
    frame_clear(&a->frame);
    if (a->pair) {
        pair_draw(a);
        overlay_draw(a);
        return;
    }
    if (a->lecture.on) {
        lecture_draw(a);
        overlay_draw(a);
        return;
    }
    if (a->layout.kind == LAYOUT_TINY) {
        chrome_tiny(a);
        return;
    }
    chrome_title(a);
    for (unsigned i = 0; i < a->layout.panes; i++) draw_view(a, a->layout.pane[i].view, a->layout.pane[i].at);
    chrome_timeline(a);
    chrome_keys(a);
    overlay_draw(a);
}
