/* See app.h. What commands do: those that move the machine, those that views answer, those that ask for a line or a letter first. */
#include "tui/app.h"

#include "sim/walk_view.h"

#include <stdio.h>
#include <string.h>

/* The arrangement of many panes, whatever is chosen now. */
static struct layout arrangement(const struct app *a)
{
    struct layout l;
    layout_make(&l, a->frame.cols, a->frame.rows, &(struct layout_wish){ VIEW_CODE, false, 0, false, machine_vms(a->session.m) > 1 });
    return l;
}

static unsigned choose(struct app *a, unsigned view)
{
    a->focus = view;
    return ASK_LAYOUT | ASK_REDRAW;
}

/* The next pane of those on the screen; of all, when only one is. */
static unsigned next_pane(struct app *a)
{
    struct layout all = arrangement(a);
    unsigned next = a->focus;
    do next = (next + 1) % VIEW_COUNT;
    while (all.panes > 1 && !a->zoom && !a->two && !layout_shows(&all, next));
    return choose(a, next);
}

static unsigned scroll(struct app *a, int by)
{
    struct view *v = &a->view[a->focus];
    v->scroll += a->focus == VIEW_EVENTS ? -by : by; /* there the newest is below, and up is further into the past */
    return a->focus == VIEW_EVENTS ? ASK_SAMPLE | ASK_REDRAW : ASK_REDRAW;
}

static unsigned why(struct app *a)
{
    text_clear(&a->card);
    session_why(&a->session, &a->card);
    overlay_card(a, "Why?");
    return ASK_REDRAW;
}

/* On the card about one instruction, i asks for its cycles. */
static unsigned why_so_many(struct app *a)
{
    text_clear(&a->card);
    a->overlay = OVERLAY_NONE;
    if (session_micro_why(&a->session, &a->card)) overlay_card(a, "Why so many cycles?");
    return ASK_REDRAW;
}

static unsigned micro(struct app *a)
{
    text_clear(&a->card);
    a->overlay = OVERLAY_NONE;
    if (session_micro(&a->session, &a->card)) overlay_card(a, "Inside one instruction");
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

/* Every view is offered a command that views answer. */
static unsigned to_views(struct app *a, int command, const char *arg)
{
    unsigned ask = ASK_NONE;
    for (unsigned i = 0; i < VIEW_COUNT; i++) ask |= a->view[i].ops->command(&a->view[i], command, arg);
    return ask;
}

static unsigned reveal(struct app *a)
{
    unsigned ask = to_views(a, CMD_REVEAL, "");
    if (!ask) session_say(&a->session, false, "There is no question at this step.");
    return ask | ASK_REDRAW;
}

static void (*const moves[CMD_COUNT])(struct session *s) = {
    [CMD_STEP] = session_step,
    [CMD_OVER] = session_over,
    [CMD_EXIT] = session_exit,
    [CMD_RUN] = session_run,
    [CMD_END] = session_run,
    [CMD_BACK] = session_back,
    [CMD_MACHINE] = session_machine_next,
    [CMD_MACHINE_BACK] = session_machine_previous,
    [CMD_BACKEXIT] = session_back_exit,
    [CMD_HOME] = session_home,
    [CMD_NEXT] = session_next,
    [CMD_PREVIOUS] = session_previous,
};

void app_follow_lesson(struct app *a)
{
    struct lesson *l = a->session.lesson;
    struct lesson_step st;
    if (!l || !l->next) return;
    l->ops->step(l, l->next - 1, &st);
    int view = st.show && *st.show ? view_find(st.show) : -1;
    struct layout all = arrangement(a);
    if (view >= 0)
        a->focus = (unsigned)view;
    else if (all.panes > 1 && !layout_shows(&all, a->focus))
        a->focus = VIEW_CODE; /* what the step before wanted */
}

static unsigned move(struct app *a, int command)
{
    a->running = command != CMD_BACK;
    moves[command](&a->session);
    a->running = false;
    if (command == CMD_NEXT || command == CMD_PREVIOUS) app_follow_lesson(a);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

static unsigned cancel(struct app *a)
{
    struct layout all = arrangement(a);
    a->zoom = a->two = false;
    if (all.panes > 1 && !layout_shows(&all, a->focus)) a->focus = VIEW_CODE;
    return ASK_LAYOUT | ASK_REDRAW;
}

/* Where Address is not on the screen, it comes. */
static unsigned to_address(struct app *a, int command, const char *arg)
{
    unsigned ask = to_views(a, command, arg);
    return layout_shows(&a->layout, VIEW_ADDRESS) && command != CMD_TLBS ? ask : ask | choose(a, VIEW_ADDRESS);
}

static unsigned panes(struct app *a)
{
    if (a->zoom) a->zoom = a->two = false;
    else if (a->two) a->two = false, a->zoom = true;
    else a->two = true;
    return ASK_LAYOUT | ASK_REDRAW;
}

/* Instructions a frame, for c: from as many as there is time for down to one. */
static unsigned speed(struct app *a, bool faster)
{
    static const unsigned speeds[] = { 1, 5, 25, 100, 0 };
    enum { SPEEDS = sizeof speeds / sizeof speeds[0] };
    struct session *s = &a->session;
    unsigned i = 0;
    while (speeds[i] != s->speed) i++;
    if (faster && i + 1 < SPEEDS) i++;
    else if (!faster && i) i--;
    s->speed = speeds[i];
    if (s->speed) session_say(s, false, "c runs %u instruction%s a frame, some %u a second; ] faster, [ slower.", s->speed, s->speed == 1 ? "" : "s", s->speed * 30);
    else session_say(s, false, "c runs as fast as it can.");
    return ASK_REDRAW;
}

static unsigned stop_list(struct app *a)
{
    text_clear(&a->card);
    session_stop_list(&a->session, &a->card);
    overlay_card(a, "Stop points");
    return ASK_REDRAW;
}

/* With several VMs: from the one that runs to the first, and on, and round. */
static unsigned look_at_next(struct app *a)
{
    struct machine *m = a->session.m;
    int vms = (int)machine_vms(m), next = machine_looks_at(m) + 1;
    if (vms < 2 || !machine_has_vmm(m)) {
        session_say(&a->session, false, "There is one guest here; --vms N makes more.");
        return ASK_REDRAW;
    }
    machine_look_at(m, next < vms ? next : -1);
    if (next < vms) session_say(&a->session, false, "The panes show VM %d; code, registers and rings are the processor's. * goes on.", next);
    else session_say(&a->session, false, "The panes follow the VM that has the processor.");
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

static unsigned compare(struct app *a)
{
    text_clear(&a->card);
    if (session_on_branch(&a->session) >= 0) { /* there the other machine is the past as it was */
        if (session_branch_compare(&a->session, &a->card)) overlay_card(a, "Two futures");
        return ASK_SAMPLE | ASK_REDRAW;
    }
    if (session_compare(&a->session, &a->card)) overlay_table(a, "Compare");
    return ASK_REDRAW;
}

/* Enter: where an older event is the lowest on the screen, to its moment; else the lesson's next step. */
static unsigned follow(struct app *a)
{
    struct view *v = &a->view[VIEW_EVENTS];
    char where[16];
    int rows = 0;
    for (unsigned i = 0; i < a->layout.panes; i++)
        if (a->layout.pane[i].view == VIEW_EVENTS) rows = a->layout.pane[i].at.h - 2;
    uint32_t id = a->focus == VIEW_EVENTS ? view_events_lowest(v, rows) : 0;
    if (!id || !v->scroll) return app_command(a, CMD_NEXT);
    snprintf(where, sizeof where, "%u", id);
    session_goto(&a->session, where);
    app_follow_lesson(a);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

/* The letter of a mark comes with the next key. */
static unsigned ask_letter(struct app *a, int command)
{
    char names[MARKS + 1];
    session_mark_names(&a->session, names);
    if (command == CMD_MARK) session_say(&a->session, false, "Mark this moment with which letter or digit?");
    else if (*names) session_say(&a->session, false, "To which mark? There are: %s; ' is the last.", names);
    else session_say(&a->session, false, "There are no marks yet; m sets one.");
    if (command == CMD_MARK || *names) a->overlay = OVERLAY_LETTER, a->asking = command;
    return ASK_REDRAW;
}

unsigned app_command(struct app *a, int c)
{
    if (moves[c]) return move(a, c);
    if (c >= CMD_VIEWS_FIRST && c <= CMD_VIEWS_LAST) return choose(a, (unsigned)(c - CMD_VIEWS_FIRST));
    switch (c) {
    case CMD_QUIT: return ASK_QUIT;
    case CMD_COLON: a->colon.at = a->colon.lines; overlay_prompt(a, c); return ASK_REDRAW;
    case CMD_BRANCH: session_branch_next(&a->session); return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
    case CMD_GOTO:
    case CMD_EXEC:
    case CMD_ADDRESS:
    case CMD_FIND: overlay_prompt(a, c); return ASK_REDRAW;
    case CMD_MARK:
    case CMD_TOMARK: return ask_letter(a, c);
    case CMD_LECTURE: lecture_enter(a); return ASK_SAMPLE | ASK_REDRAW;
    case CMD_STOP: session_stop(&a->session); return ASK_SAMPLE | ASK_REDRAW;
    case CMD_STOPS: return stop_list(a);
    case CMD_LOOKAT: return look_at_next(a);
    case CMD_COMPARE: return compare(a);
    case CMD_UNIT: session_unit_next(&a->session); return ASK_REDRAW;
    case CMD_EXPORT: export_table(a); return ASK_REDRAW;
    case CMD_FORGIVE: session_say(&a->session, false, "F is for the lockstep dashboard, which is L."); return ASK_REDRAW;
    case CMD_LOCKSTEP: pair_open(a, NULL); return ASK_REDRAW;
    case CMD_COPY: pick_copy(a); return ASK_REDRAW;
    case CMD_CLAIM: pick_claim(a); return ASK_REDRAW;
    case CMD_SCREEN: pick_screen(a); return ASK_REDRAW;
    case CMD_BLANK: session_say(&a->session, false, ". empties the screen in lecture mode, which is P."); return ASK_REDRAW;
    case CMD_MORE:
    case CMD_LESS: return to_views(a, c, "");
    case CMD_HELP: a->overlay = OVERLAY_HELP, a->scroll = 0, *a->typed = 0; return ASK_REDRAW;
    case CMD_WHY: return why(a);
    case CMD_MICRO: return micro(a);
    case CMD_DRAW: figure_draw(a); return ASK_REDRAW;
    case CMD_REVEAL: return reveal(a);
    case CMD_LINES:
    case CMD_RADIX: return to_views(a, c, "");
    case CMD_FOLLOW: return follow(a);
    case CMD_WALK:
    case CMD_UNWALK:
    case CMD_TLBS: return to_address(a, c, "");
    case CMD_UP: return scroll(a, -1);
    case CMD_DOWN: return scroll(a, 1);
    case CMD_PANES: return panes(a);
    case CMD_SLOWER:
    case CMD_FASTER: return speed(a, c == CMD_FASTER);
    case CMD_ZOOM: a->zoom = !a->zoom; return ASK_LAYOUT | ASK_REDRAW;
    case CMD_FOCUS: return next_pane(a);
    case CMD_CANCEL: return cancel(a);
    case CMD_MOUSE:
        a->mouse = !a->mouse;
        session_say(&a->session, false, a->mouse ? "Mouse on: click chooses a pane, the wheel scrolls it, over Code it goes in time." : "Mouse off.");
        return ASK_REDRAW;
    case CMD_REDRAW: a->all_painted = false; return ASK_REDRAW;
    case CMD_THEME:
        a->theme = (a->theme + 1) % THEME_COUNT;
        session_say(&a->session, false, "Theme: %s.", theme_name(a->theme));
        return ASK_REDRAW;
    default: return ASK_NONE;
    }
}

static unsigned exec(struct app *a, const char *line)
{
    text_clear(&a->card);
    if (session_exec(&a->session, line, &a->card)) overlay_card(a, line);
    return ASK_REDRAW;
}

/* Symbols are looked up now: "counter,write" becomes "0010A00E,write,0". */
static unsigned look_at(struct app *a, const char *typed)
{
    struct walk_what w;
    struct err e = { 0 };
    char exact[64] = "";
    if (*typed && !walk_what_read(&w, a->session.m, typed, &e)) {
        const char *what = strstr(e.text, ": "); /* behind the option's name and what was typed */
        session_say(&a->session, true, "%s", what ? what + 2 : e.text);
        return ASK_REDRAW;
    }
    if (*typed) snprintf(exact, sizeof exact, "%08X,%s,%u", w.va, w.access & ACCESS_EXEC ? "exec" : walk_access(&w), w.ring);
    return to_address(a, CMD_ADDRESS, exact);
}

static unsigned take_letter(struct app *a, uint32_t key)
{
    int asked = a->asking;
    a->overlay = OVERLAY_NONE, a->asking = CMD_NONE;
    if (asked == CMD_MARK) session_mark(&a->session, key);
    else session_to_mark(&a->session, key);
    app_follow_lesson(a);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

/* What was typed at a prompt, or behind a command's word. */
unsigned app_answer(struct app *a, int asked, const char *line)
{
    char typed[TYPED];
    view_copy(typed, sizeof typed, line);
    if (asked == CMD_COLON) return colon_do(a, typed);
    if (asked == CMD_MARK || asked == CMD_TOMARK) {
        a->asking = asked;
        return take_letter(a, (unsigned char)*typed);
    }
    if (asked != CMD_GOTO && asked != CMD_FIND && asked != CMD_EXEC && asked != CMD_ADDRESS) {
        session_say(&a->session, true, "\"%s\" takes nothing behind it.", command_desc(asked)->label);
        return ASK_REDRAW;
    }
    if (asked == CMD_FIND && a->focus != VIEW_EVENTS && a->focus != VIEW_CODE && a->focus != VIEW_SERIAL && *typed) {
        pick_find(a, typed);
        return ASK_REDRAW;
    }
    if (asked == CMD_FIND) return to_views(a, CMD_FIND, typed);
    if (asked == CMD_EXEC) return exec(a, typed);
    if (asked == CMD_ADDRESS) return look_at(a, typed);
    if (a->pair) {
        pair_goto(a, typed);
        return ASK_REDRAW;
    }
    a->running = true;
    a->lecture.view = -1;
    session_goto(&a->session, typed);
    a->running = false;
    app_follow_lesson(a);
    return ASK_SAMPLE | ASK_LAYOUT | ASK_REDRAW;
}

static unsigned unknown(struct app *a, uint32_t key)
{
    if (key > ' ' && key < 0x7F)
        session_say(&a->session, false, "%c does nothing here. ? lists the keys.", (int)key);
    else
        session_say(&a->session, false, "That key does nothing here. ? lists the keys.");
    return ASK_REDRAW;
}

unsigned app_key(struct app *a, uint32_t key)
{
    unsigned ask;
    *a->session.message = 0;
    a->session.warn = false;
    if (a->overlay == OVERLAY_CARD && command_of_key(key) == CMD_MICRO) {
        ask = micro(a); /* the next part, on the same card */
    } else if (a->overlay == OVERLAY_CARD && a->session.parts && command_of_key(key) == CMD_WHY) {
        ask = why_so_many(a);
    } else if (a->overlay == OVERLAY_LETTER) {
        ask = take_letter(a, key);
    } else if (a->pair && !a->overlay) {
        ask = pair_key(a, key);
    } else if (a->lecture.on && !a->overlay && lecture_key(a, key, &ask)) {
        /* done */
    } else if (a->overlay) {
        int asked = a->asking;
        ask = overlay_key(a, key);
        if (asked != CMD_NONE && a->asking == CMD_NONE && key == TKEY_ENTER) {
            char typed[TYPED];
            view_copy(typed, sizeof typed, a->typed);
            ask |= app_answer(a, asked, typed);
        }
    } else {
        int c = command_of_key(key);
        ask = c == CMD_NONE ? unknown(a, key) : app_command(a, c);
    }
    if (ask & ASK_SAMPLE) app_sample(a);
    if (ask & ASK_LAYOUT) app_layout(a);
    return ask;
}

static int view_at(const struct app *a, int x, int y)
{
    for (unsigned i = 0; i < a->layout.panes; i++) {
        const struct rect *r = &a->layout.pane[i].at;
        if (x >= r->x && x < r->x + r->w && y >= r->y && y < r->y + r->h) return (int)a->layout.pane[i].view;
    }
    return -1;
}

enum { WHEEL = 3 /* lines */ };

unsigned app_mouse(struct app *a, uint32_t key, int x, int y)
{
    int view = view_at(a, x, y), lines = key == TKEY_WHEEL_UP ? -WHEEL : WHEEL;
    unsigned ask = ASK_NONE;
    if (a->overlay == OVERLAY_HELP || a->overlay == OVERLAY_CARD) {
        for (int i = 0; i < WHEEL && key != TKEY_CLICK; i++) ask |= overlay_key(a, key == TKEY_WHEEL_UP ? TKEY_UP : TKEY_DOWN);
        return ask;
    }
    if (view < 0 || a->overlay || a->lecture.on || a->pair) return ASK_NONE;
    *a->session.message = 0;
    if (key == TKEY_CLICK) ask = choose(a, (unsigned)view);
    else if (view == VIEW_CODE) ask = move(a, key == TKEY_WHEEL_UP ? CMD_BACK : CMD_STEP);
    else a->view[view].scroll += view == VIEW_EVENTS ? -lines : lines, ask = ASK_REDRAW | (view == VIEW_EVENTS ? ASK_SAMPLE : 0);
    if (ask & ASK_SAMPLE) app_sample(a);
    if (ask & ASK_LAYOUT) app_layout(a);
    return ask;
}
