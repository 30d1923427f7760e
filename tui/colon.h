/* The command line behind `:`. Takes the words of the table of keys ("next", "goto step:3"), a few of its own ("theme dark", "cpu bt",
 * "explain popf", "diff"), and else Lua about the machine ("vm.eax", "expect vm.flags.IF == 0"). Up and Down go through what was typed
 * before, Tab completes. */
#ifndef TUI_COLON_H
#define TUI_COLON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;

enum { COLON_HISTORY = 32, COLON_LINE = 200 };
struct colon {
    char line[COLON_HISTORY][COLON_LINE]; /* oldest first */
    unsigned lines, at;                   /* at: of those, the one shown; `lines`: the one being typed */
    char typing[COLON_LINE];
};

unsigned colon_do(struct app *a, const char *line); /* enum ask */
/* Up, Down and Tab change a->typed. False: another key. */
bool colon_key(struct app *a, uint32_t key);
/* The longest text that all words beginning with `typed` continue with; the words that fit, for people, in `all`. */
bool colon_complete(const char *typed, char *to, size_t room, char *all, size_t all_room);

#endif
