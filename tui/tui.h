/* The terminal front end: a machine and its lesson, stepped through on a screen.
 * TOUR tui.1: tui.c reads keys, app.c changes the state, views draw it. */
#ifndef TUI_TUI_H
#define TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

struct machine;
struct lesson;

/* Where a screen was: the lesson's step, the position, and that it was left because of a change. */
struct tui_place { bool again; unsigned step; unsigned long long insns; };

struct tui_options {
    bool ascii;         /* symbols in ASCII; also chosen by a locale that is not UTF-8 */
    const char *theme;  /* "auto" (also NULL), "light", "dark", "projector", "mono" */
    bool lecture;       /* begin in lecture mode */
    const char *at;     /* where to begin, as session_goto takes it; NULL: at the start */
    const char *keys;   /* a key script instead of a terminal (command.h), NULL: a terminal */
    int columns, lines; /* 0: the terminal's; without a terminal 80x24 */
    struct text *text, *svg; /* instead of `dump`: the last screen is added to both; NULL: to neither */
    /* While it waits for keys, a few times a second: has what is shown changed outside? NULL: never. False: no; true: leave, to be opened anew, or
     * `why` says why that would not do, and the person goes on with what there is. */
    bool (*changed)(void *self, struct text *why);
    void *changed_self;
    struct tui_place *place; /* where it was left for that; NULL: nowhere */
    const char *dump;   /* where the last screen goes as text; NULL: with a key script "-", else nowhere */
};

/* Runs until the person leaves or the script ends; the terminal is as it was, whatever happens. `l` may be NULL; the
 * caller keeps both. Returns the exit code: 0, EXIT_INTERRUPTED after a signal, or that of `e` (EXIT_USAGE: unknown
 * theme or key name; EXIT_ENVIRONMENT: no terminal that can do this, or the dump cannot be written). */
int tui_run(struct machine *m, struct lesson *l, const struct tui_options *o, struct err *e);

/* The lesson, or the run of an image, as plain lines on stdout; `pause`: at a prompt on stdin, which takes the keys of the
 * screen. Returns the exit code: EXIT_FAILED if an expectation did not hold, that of `e`, else how the image's run ended. */
int tui_narrate(struct machine *m, struct lesson *l, bool pause, bool ascii, struct err *e);

/* The speaker's notes of a lecture that runs in another terminal of the same person, until it ends; `wait`: for one to begin.
 * EXIT_ENVIRONMENT if there is none. */
int tui_notes(bool wait, struct err *e);

/* The terminal on stdout in words ("xterm-256color, 256 colours"), or what is wrong with it, and false. */
bool tui_terminal(char *words, size_t room);

/* The keys and what they do, as ? lists them: lines of at most 80 columns, for `ringside explain keys`. */
void tui_keys(struct text *out);
/* What this key does ("s", "PgDn", "F7", "Ctrl-L"; capitals matter where a letter is meant). False: nothing. */
bool tui_key(const char *key, struct text *out);

#endif
