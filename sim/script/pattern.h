/* Lua patterns, matched at a price: the stock matcher can run for hours inside one call, out of the hook's reach.
 * Same patterns, same results (Lua 5.4 reference manual 6.4.1); every character looked at costs one instruction. */
#ifndef SCRIPT_PATTERN_H
#define SCRIPT_PATTERN_H

#include <lua.h>
#include <stddef.h>

enum { PATTERN_CAPTURES = 32 };

struct pattern {
    lua_State  *L;
    const char *src, *src_end;   /* subject */
    const char *pat, *pat_end;   /* pattern, without a leading ^ */
    int         depth;           /* calls of the matcher on the C stack */
    int         level;           /* captures begun */
    struct {
        const char *at;
        ptrdiff_t   len;         /* or one of the two below */
    } capture[PATTERN_CAPTURES];
};
enum { CAPTURE_OPEN = -1, CAPTURE_POSITION = -2 };

/* Matches at exactly `at`. The end of the match, or NULL. Raises a Lua error for a malformed pattern, or when the
 * budget ends. */
const char *pattern_match(struct pattern *p, const char *at);
/* Pushes capture `i`; with no captures at all, number 0 is the whole match from `s` to `e`. */
void pattern_push_capture(struct pattern *p, int i, const char *s, const char *e);
/* Pushes all captures, or the whole match if there are none and `s` is not NULL. Returns how many. */
int  pattern_push_captures(struct pattern *p, const char *s, const char *e);

#endif
