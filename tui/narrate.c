/* `run --narrate`, and what --pause adds: a prompt that takes the keys of the screen. See narrate.h. */
#include "tui/narrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/lab.h"
#include "tui/command.h"
#include "tui/frame.h"
#include "tui/paint.h"
#include "tui/session.h"
#include "tui/tui.h"

enum { LINES_MOST = 200, LINE = 200 };

struct story {
    struct session session;
    struct text out;
    bool ascii, hidden; /* hidden: a question waits */
    uint32_t told;      /* the last event that was told, or hidden */
};

/* Everything goes out here: characters of one column, none that steers. */
static void flush(struct story *s)
{
    for (const char *at = text_str(&s->out); *at;) {
        const char *from = at;
        if (*at == '\n') {
            putchar('\n');
            at++;
            continue;
        }
        uint32_t ch = frame_next(&at);
        if (ch == 0xA0) ch = ' ';
        if (ch < 0x80 || s->ascii) putchar((int)frame_ascii(ch));
        else fwrite(from, 1, (size_t)(at - from), stdout);
    }
    text_clear(&s->out);
    fflush(stdout);
}

static uint32_t last_event(const struct story *s) { return trace_last(machine_trace_of(s->session.m)); }

static void tell_events(struct story *s)
{
    uint32_t last = last_event(s);
    if (last > s->told) narrate_events(s->session.m, s->told, last, LINES_MOST, &s->out);
    s->told = last;
}

/* An author's line breaks are the editor's; a paragraph is one line here. */
static void add_paragraphs(struct text *out, const char *s)
{
    for (; *s; s++) text_char(out, *s == '\n' && s[1] && s[1] != '\n' && s[1] != ' ' ? ' ' : *s);
    text_char(out, '\n');
}

static void tell_checks(struct story *s, unsigned step)
{
    const struct lesson *l = s->session.lesson;
    for (unsigned i = 0; i < l->ops->checks(l); i++) {
        const struct lesson_check *c = l->ops->check(l, i);
        if (c->step != step) continue;
        text_add(&s->out, "%s: %s\n", c->passed ? "Holds" : c->elsewhere ? "Not so under this technique" : "Failed", c->text);
    }
}

static void tell_answer(struct story *s, const struct lesson_step *st)
{
    if (st->answer >= 1 && st->answer <= st->choices)
        text_add(&s->out, "Answer: %c, %s.\n", (int)('A' + st->answer - 1), st->choice[st->answer - 1]);
}

/* What a step did: its events, its words, its claims. */
static void tell_step(struct story *s)
{
    struct lesson_step st;
    struct lesson *l = s->session.lesson;
    l->ops->step(l, l->next - 1, &st);
    if (s->hidden) tell_answer(s, &st);
    s->hidden = false;
    if (st.left_out) text_add(&s->out, "Under this technique the step does not happen.\n");
    tell_events(s);
    if (*st.note) add_paragraphs(&s->out, st.note);
    tell_checks(s, l->next - 1);
}

static void tell_question(struct story *s, const struct lesson_step *st)
{
    text_add(&s->out, "Question: %s\n", st->ask);
    for (unsigned i = 0; i < st->choices; i++) text_add(&s->out, "%c: %s\n", (int)('A' + i), st->choice[i]);
}

/* After the lesson's next step was run. With `pause` a question waits for p. */
static void tell_next(struct story *s, bool pause)
{
    struct lesson_step st;
    struct lesson *l = s->session.lesson;
    l->ops->step(l, l->next - 1, &st);
    text_add(&s->out, "\nStep %u of %u. %s.\n", l->next, l->ops->steps(l), pause && st.ask ? "What will happen?" : st.title);
    s->hidden = st.ask != NULL;
    if (st.ask) tell_question(s, &st);
    if (pause && st.ask) text_add(&s->out, "p tells the answer.\n");
    else tell_step(s);
}

static int finish(const struct story *s, const struct err *e)
{
    const struct lesson *l = s->session.own_lesson;
    if (e->code) return e->code;
    for (unsigned i = 0; l && i < l->ops->checks(l); i++)
        if (!l->ops->check(l, i)->passed && !l->ops->check(l, i)->elsewhere) return EXIT_FAILED;
    return l ? EXIT_GOOD : machine_exit_code(s->session.own);
}

/* ---- without a prompt -------------------------------------------------------------------------------------------- */

static int tell_all(struct story *s, struct err *e)
{
    struct lesson *l = s->session.lesson;
    while (l && l->next < l->ops->steps(l)) {
        if (!l->ops->advance(l, s->session.m, e)) break;
        tell_next(s, false);
        flush(s);
    }
    if (!l) {
        while (machine_run(s->session.m, NULL, UINT64_MAX) != MACHINE_ENDED) { }
        tell_events(s);
    }
    narrate_place(s->session.m, &s->out);
    flush(s);
    return finish(s, e);
}

/* ---- at a prompt ------------------------------------------------------------------------------------------------- */

static void (*const moves[CMD_COUNT])(struct session *s) = {
    [CMD_STEP] = session_step,       [CMD_OVER] = session_over,         [CMD_EXIT] = session_exit,
    [CMD_RUN] = session_run,         [CMD_END] = session_run,           [CMD_BACK] = session_back,
    [CMD_BACKEXIT] = session_back_exit, [CMD_HOME] = session_home,      [CMD_PREVIOUS] = session_previous,
    [CMD_MACHINE] = session_machine_next, [CMD_MACHINE_BACK] = session_machine_previous,
};

static void help(struct story *s)
{
    static const int list[] = { CMD_NEXT, CMD_PREVIOUS, CMD_REVEAL, CMD_STEP, CMD_MICRO, CMD_OVER, CMD_EXIT, CMD_RUN, CMD_GOTO, CMD_BACK,
                                CMD_BACKEXIT, CMD_HOME, CMD_MARK, CMD_TOMARK, CMD_WHY, CMD_MACHINE, CMD_EXEC, CMD_QUIT };
    char key[16];
    text_add(&s->out, "A line is a key, or its word, and perhaps an argument, as in: g step:3. An empty line goes on.\n");
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        text_add(&s->out, "%s, %s: %s.\n", command_key(list[i], key, sizeof key), command_desc(list[i])->label, command_desc(list[i])->help);
}

/* "x", "exit", "PgDn", "g step:3"; the argument stands behind. CMD_NONE: neither key nor word. */
static int read_command(char *line, const char **argument)
{
    size_t n = strcspn(line, " ");
    *argument = line[n] ? line + n + 1 : "";
    line[n] = 0;
    uint32_t key = key_named(line, n);
    int c = key == TKEY_NOTHING ? CMD_NONE : command_of_key(key);
    for (int i = 0; c == CMD_NONE && i < CMD_COUNT; i++)
        if (!strcmp(command_desc(i)->label, line)) c = i;
    return c;
}

static void tell_message(struct story *s)
{
    if (*s->session.message) text_add(&s->out, "%s%s\n", s->session.warn ? "Careful: " : "", s->session.message);
    *s->session.message = 0;
    s->session.warn = false;
}

/* Forward: what has happened since. Backward: where that is. */
static void tell_move(struct story *s)
{
    uint32_t last = last_event(s);
    if (last < s->told) {
        text_add(&s->out, "Back at event %u, cycle %llu.\n", last, (unsigned long long)machine_cycles(s->session.m));
        s->told = last;
    }
    s->hidden = false;
    tell_events(s);
    tell_message(s);
    narrate_place(s->session.m, &s->out);
}

static void card(struct story *s, int c, const char *argument)
{
    struct text card = { 0 };
    if (c == CMD_WHY) session_why(&s->session, &card);
    if (c == CMD_MICRO) session_micro(&s->session, &card);
    if (c == CMD_EXEC) session_exec(&s->session, argument, &card);
    if (card.len) add_paragraphs(&s->out, text_str(&card));
    text_free(&card);
    tell_message(s);
}

static void next(struct story *s)
{
    struct lesson *l = s->session.lesson;
    if (!l) {
        session_step(&s->session);
        tell_move(s);
        return;
    }
    if (s->hidden) {
        tell_step(s);
        return;
    }
    unsigned before = l->next;
    session_next(&s->session);
    if (last_event(s) < s->told) s->told = last_event(s);
    if (l->next != before) tell_next(s, true);
    tell_message(s);
}

/* False: the person leaves. */
static bool obey(struct story *s, int c, const char *argument)
{
    switch (c) {
    case CMD_QUIT: return false;
    case CMD_NEXT: next(s); break;
    case CMD_REVEAL:
        if (s->hidden) tell_step(s);
        else text_add(&s->out, "No question waits.\n");
        break;
    case CMD_GOTO: session_goto(&s->session, argument), tell_move(s); break;
    case CMD_MARK: session_mark(&s->session, (unsigned char)*argument), tell_message(s); break;
    case CMD_TOMARK: session_to_mark(&s->session, *argument ? (unsigned char)*argument : '\''), tell_move(s); break;
    case CMD_WHY:
    case CMD_MICRO:
    case CMD_EXEC: card(s, c, argument); break;
    case CMD_HELP: help(s); break;
    default:
        if (c == CMD_NONE || !moves[c]) text_add(&s->out, "That does nothing here. ? lists what does.\n");
        else moves[c](&s->session), tell_move(s);
    }
    return true;
}

static int tell_at_prompt(struct story *s, const struct err *e)
{
    char line[LINE];
    const char *argument = "";
    bool more = true;
    text_add(&s->out, "An empty line goes on, ? tells the keys, q leaves.\n");
    while (more) {
        text_add(&s->out, "> ");
        flush(s);
        if (!fgets(line, sizeof line, stdin)) break;
        line[strcspn(line, "\r\n")] = 0;
        more = obey(s, *line ? read_command(line, &argument) : CMD_NEXT, argument);
    }
    text_char(&s->out, '\n');
    flush(s);
    return finish(s, e);
}

int tui_narrate(struct machine *m, struct lesson *l, bool pause, bool ascii, struct err *e)
{
    struct story s = { .ascii = !paint_utf8() || ascii };
    session_open(&s.session, m, l);
    session_keep(&s.session);
    text_add(&s.out, "%s\n", l ? l->title : s.session.name);
    if (l && *l->lecture) text_add(&s.out, "%s\n", l->lecture);
    text_add(&s.out, "%s, %s\n", machine_config(m)->cpu, machine_has_vmm(m) ? "with a hypervisor" : "no hypervisor");
    int code = pause ? tell_at_prompt(&s, e) : tell_all(&s, e);
    lab_free(s.session.lab);
    session_close(&s.session);
    text_free(&s.out);
    return code;
}
