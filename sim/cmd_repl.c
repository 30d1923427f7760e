/* `ringside repl [SCENARIO|IMAGE]`: lines of Lua about a machine, one answer each. On a terminal with history and Tab; otherwise lines come
 * from standard input, which makes it a tool for shell scripts.
 *
 * Idea: the line editor is as small as it can be: one line, a cursor, what was typed before. A line is judged by lesson_eval, in the sandbox
 * of scenarios. */
#include "sim/cmd.h"
#include "sim/guard.h"
#include "sim/lesson.h"
#include "sim/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE = 800, HISTORY = 64 };
static const char prompt[] = "ringside> ";

struct editor {
    char line[LINE];
    size_t n, at;
    char *past[HISTORY];
    unsigned lines, shown;
};

static void show(const struct editor *d)
{
    printf("\r\033[K%s%s", prompt, d->line);
    if (d->n > d->at) printf("\033[%zuD", d->n - d->at);
    fflush(stdout);
}

static void insert(struct editor *d, const char *s)
{
    size_t k = strlen(s);
    if (d->n + k >= LINE) return;
    memmove(d->line + d->at + k, d->line + d->at, d->n - d->at + 1);
    memcpy(d->line + d->at, s, k);
    d->n += k, d->at += k;
}

static void erase(struct editor *d, size_t from, size_t to)
{
    memmove(d->line + from, d->line + to, d->n - to + 1);
    d->n -= to - from;
    d->at = from;
}

static void tab(struct editor *d)
{
    char before[LINE], more[80];
    struct text all = { 0 };
    snprintf(before, sizeof before, "%.*s", (int)d->at, d->line);
    unsigned n = lesson_complete(before, more, sizeof more, &all);
    if (*more) insert(d, more);
    else if (n > 1) printf("\r\n%s\r\n", text_str(&all));
    text_free(&all);
}

static void recall(struct editor *d, int by)
{
    unsigned to = d->shown + (unsigned)by;
    if ((by < 0 && !d->shown) || to > d->lines) return;
    d->shown = to;
    snprintf(d->line, sizeof d->line, "%s", to < d->lines ? d->past[to] : "");
    d->n = d->at = strlen(d->line);
}

static void keep(struct editor *d)
{
    if (d->lines == HISTORY) {
        free(d->past[0]);
        memmove(d->past, d->past + 1, (HISTORY - 1) * sizeof *d->past);
        d->lines--;
    }
    d->past[d->lines] = strdup(d->line);
    if (d->past[d->lines]) d->lines++;
}

/* An arrow or the like: ESC [ letter. */
static void escape(struct editor *d)
{
    char c[2];
    if (read(0, c, 1) != 1 || c[0] != '[' || read(0, c + 1, 1) != 1) return;
    switch (c[1]) {
    case 'A': recall(d, -1); break;
    case 'B': recall(d, 1); break;
    case 'C': d->at += d->at < d->n; break;
    case 'D': d->at -= d->at > 0; break;
    default: break;
    }
}

/* False: the end. */
static bool edit(struct editor *d)
{
    d->n = d->at = 0;
    d->line[0] = 0;
    d->shown = d->lines;
    for (;;) {
        char c[2] = { 0, 0 };
        show(d);
        if (read(0, c, 1) != 1 || (c[0] == 4 && !d->n)) return false;
        switch (c[0]) {
        case '\r': case '\n': printf("\r\n"); return true;
        case 1: d->at = 0; break;
        case 5: d->at = d->n; break;
        case 21: erase(d, 0, d->at); break;
        case 3: erase(d, 0, d->n); break;
        case 8: case 127: if (d->at) erase(d, d->at - 1, d->at); break;
        case 9: tab(d); break;
        case 27: escape(d); break;
        default: if ((unsigned char)c[0] >= 32) insert(d, c);
        }
    }
}

/* The answer, or what was wrong. False: it was wrong. */
static bool answer(struct subject *s, struct lesson *lua, const char *line)
{
    struct text out = { 0 };
    struct err e = { 0 };
    guard_start(0);
    bool ok = lesson_eval(lua, s->machine, line, &out, &e);
    guard_quiet(true);
    if (out.len) printf("%s\n", text_str(&out));
    fflush(stdout);
    if (!ok) fprintf(stderr, "%s\n", e.text);
    text_free(&out);
    return ok;
}

static bool wants_end(const char *line) { return !strcmp(line, "quit") || !strcmp(line, "exit") || !strcmp(line, "quit()"); }

static void talk(struct subject *s, struct lesson *lua)
{
    struct termios was, raw;
    struct editor d = { .n = 0 };
    tcgetattr(0, &was);
    printf("%s at its first instruction. Lua about it, such as vm.eip or vm:run(till.label \"kmain\"); Tab completes, Ctrl-D ends.\n", s->name);
    for (bool more = true; more;) {
        raw = was;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
        raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON);
        raw.c_cc[VMIN] = 1, raw.c_cc[VTIME] = 0;
        tcsetattr(0, TCSADRAIN, &raw);
        more = edit(&d) && !wants_end(d.line);
        tcsetattr(0, TCSADRAIN, &was); /* ^C is a signal while the line runs */
        if (!more || !d.n) continue;
        keep(&d);
        answer(s, lua, d.line);
    }
    printf("\n");
    for (unsigned i = 0; i < d.lines; i++) free(d.past[i]);
}

int cmd_repl(const struct options *o, struct err *e)
{
    struct subject s;
    char line[LINE + 2];
    bool good = true;
    const char *word = command_subject(o, 0, e);
    struct lesson *lua = word ? lesson_empty(e) : NULL;
    if (!lua || !subject_open(&s, word, o, e)) {
        if (lua) lua->ops->free(lua);
        return e->code;
    }
    if (isatty(0) && isatty(1)) talk(&s, lua);
    else
        while (fgets(line, sizeof line, stdin)) {
            line[strcspn(line, "\n")] = 0;
            if (wants_end(line)) break;
            if (line[0]) good &= answer(&s, lua, line);
        }
    lua->ops->free(lua);
    subject_close(&s);
    return good ? EXIT_GOOD : EXIT_INPUT;
}
