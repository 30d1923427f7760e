/* `ringside repl [SCENARIO|IMAGE]`: lines of Lua about a machine, one answer each. On a terminal with history and Tab; otherwise lines come
 * from standard input, which makes it a tool for shell scripts.
 *
 * Idea: what is typed is judged by lesson_eval, in the sandbox of scenarios; while the parser says that it met the end too early (a function, a table, a
 * bracket is open), the next line belongs to it. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/lesson.h"
#include "sim/line_edit.h"
#include "sim/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first_prompt[] = "ringside> ", next_prompt[] = "      ..> ";

struct talk {
    struct subject s;
    struct lesson *lua;
    struct text typed;               /* of what is not complete yet */
    struct text words;               /* what Tab showed last */
};

/* The answer, or what was wrong. False: it was wrong. */
static bool answer(struct talk *t, const char *line)
{
    struct text out = { 0 };
    struct err e = { 0 };
    guard_start(0);
    bool ok = lesson_eval(t->lua, t->s.machine, line, &out, &e);
    guard_quiet(true);
    if (out.len) printf("%s%s", text_str(&out), out.s[out.len - 1] == '\n' ? "" : "\n"); /* print ends its line itself */
    fflush(stdout);
    if (!ok) fprintf(stderr, "%s\n", e.text);
    text_free(&out);
    return ok;
}

static bool wants_end(const char *line) { return !strcmp(line, "quit") || !strcmp(line, "exit") || !strcmp(line, "quit()"); }

/* One more line. False: what it completes was wrong. */
static bool take(struct talk *t, const char *line)
{
    text_add(&t->typed, "%s%s", t->typed.len ? "\n" : "", line);
    if (lesson_unfinished(t->lua, text_str(&t->typed))) return true;
    bool good = !t->typed.len || answer(t, text_str(&t->typed));
    text_clear(&t->typed);
    return good;
}

/* --- on a terminal ---------------------------------------------------------------------------------------------------- */

static const char *complete(void *self, const char *before, char *more, size_t room)
{
    struct talk *t = self;
    text_clear(&t->words);
    return lesson_complete(t->lua, before, more, room, &t->words) > 1 ? text_str(&t->words) : NULL;
}

/* Where typed lines are kept: "" where there is no home. */
static void history(char *path, size_t room, bool make)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    *path = 0;
    if (state && *state == '/') snprintf(path, room, "%s/ringside/repl", state);
    else if (home && *home == '/') snprintf(path, room, "%s/.local/state/ringside/repl", home);
    for (char *p = path + 1; make && *path && *p; p++)
        if (*p == '/') *p = 0, mkdir(path, 0700), *p = '/';
}

static void converse(struct talk *t)
{
    char path[600];
    struct line_edit *d = calloc(1, sizeof *d);
    if (!d) return;
    *d = (struct line_edit){ .complete = complete, .self = t };
    history(path, sizeof path, false);
    if (*path) line_edit_load(d, path);
    printf("%s at its first instruction. Lua about it, such as vm.eip or vm:run(till.label \"kmain\"); Tab completes, Ctrl-D ends.\n", t->s.name);
    for (enum line_edit_end end; (end = line_edit(d, t->typed.len ? next_prompt : first_prompt)) != LINE_EDIT_OVER;) {
        if (end == LINE_EDIT_DROPPED) {
            text_clear(&t->typed);
            continue;
        }
        if (!t->typed.len && wants_end(d->line)) break;
        line_edit_keep(d, d->line);
        take(t, d->line);
    }
    printf("\n");
    history(path, sizeof path, true);
    if (*path) line_edit_save(d, path);
    line_edit_free(d);
    free(d);
}

/* --- from standard input ---------------------------------------------------------------------------------------------- */

static bool read_lines(struct talk *t)
{
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (ssize_t n; (n = getline(&line, &room, stdin)) >= 0;) {
        line[strcspn(line, "\n")] = 0;
        if (!t->typed.len && wants_end(line)) break;
        good &= take(t, line);
    }
    if (t->typed.len) good &= answer(t, text_str(&t->typed)); /* it says what is missing */
    free(line);
    return good;
}

int cmd_repl(const struct options *o, struct err *e)
{
    static struct talk t; /* large */
    bool good = true;
    const char *word = command_subject(o, 0, e);
    t = (struct talk){ .lua = word ? lesson_empty(e) : NULL };
    if (!t.lua || !subject_open(&t.s, word, o, e)) {
        if (t.lua) t.lua->ops->free(t.lua);
        return e->code;
    }
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) converse(&t);
    else good = read_lines(&t);
    t.lua->ops->free(t.lua);
    subject_close(&t.s);
    text_free(&t.typed);
    text_free(&t.words);
    return good ? EXIT_GOOD : EXIT_INPUT;
}
