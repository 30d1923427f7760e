/* See pattern.h: a backtracking matcher over the pattern text itself.
 *
 * A pattern is a sequence of items: single characters and classes with an optional * + - ?, captures, %b, %f and back
 * references. `run` takes one item after the other; only an item that may have to be retried makes it call itself. */
#include "sim/script/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>
#include "sim/script/sandbox.h"

enum { DEPTH = 180 };

static const char *run(struct pattern *p, const char *s, const char *pat);

/* The end of the single-character class that begins at `pat`. */
static const char *class_end(struct pattern *p, const char *pat)
{
    if (pat == p->pat_end) luaL_error(p->L, "malformed pattern (ends unexpectedly)");
    char c = *pat++;
    if (c == '%') {
        if (pat == p->pat_end) luaL_error(p->L, "malformed pattern (ends with '%%')");
        return pat + 1;
    }
    if (c != '[') return pat;
    if (pat < p->pat_end && *pat == '^') pat++;
    do { /* a ] that comes first is an ordinary character */
        if (pat == p->pat_end) luaL_error(p->L, "malformed pattern (missing ']')");
        if (*pat++ == '%') {
            if (pat == p->pat_end) luaL_error(p->L, "malformed pattern (missing ']')");
            pat++;
        }
    } while (pat == p->pat_end || *pat != ']');
    return pat + 1;
}

static bool in_class(int c, int cl)
{
    bool in;
    switch (tolower(cl)) {
    case 'a': in = isalpha(c); break;
    case 'c': in = iscntrl(c); break;
    case 'd': in = isdigit(c); break;
    case 'g': in = isgraph(c); break;
    case 'l': in = islower(c); break;
    case 'p': in = ispunct(c); break;
    case 's': in = isspace(c); break;
    case 'u': in = isupper(c); break;
    case 'w': in = isalnum(c); break;
    case 'x': in = isxdigit(c); break;
    default: return cl == c;
    }
    return isupper(cl) ? !in : in;
}

/* Is `c` in the set from `[` at `pat` to the `]` at `last`? */
static bool in_set(int c, const char *pat, const char *last)
{
    bool wanted = true;
    if (pat[1] == '^') {
        wanted = false;
        pat++;
    }
    while (++pat < last) {
        if (*pat == '%') {
            pat++;
            if (in_class(c, (unsigned char)*pat)) return wanted;
        } else if (pat[1] == '-' && pat + 2 < last) {
            pat += 2;
            if ((unsigned char)pat[-2] <= c && c <= (unsigned char)*pat) return wanted;
        } else if ((unsigned char)*pat == c) {
            return wanted;
        }
    }
    return !wanted;
}

static bool single(struct pattern *p, const char *s, const char *pat, const char *end)
{
    sandbox_charge(p->L, *pat == '[' ? (uint64_t)(end - pat) : 1);
    if (s >= p->src_end) return false;
    int c = (unsigned char)*s;
    switch (*pat) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)pat[1]);
    case '[': return in_set(c, pat, end - 1);
    default: return (unsigned char)*pat == c;
    }
}

static const char *balance(struct pattern *p, const char *s, const char *pat)
{
    if (pat + 1 >= p->pat_end) luaL_error(p->L, "malformed pattern (missing arguments to '%%b')");
    if (s >= p->src_end || *s != *pat) return NULL;
    int open = 1;
    for (char first = pat[0], last = pat[1]; ++s < p->src_end;) {
        sandbox_charge(p->L, 1);
        if (*s == last) {
            if (--open == 0) return s + 1;
        } else if (*s == first) {
            open++;
        }
    }
    return NULL;
}

static const char *most_first(struct pattern *p, const char *s, const char *pat, const char *end)
{
    ptrdiff_t n = 0;
    while (single(p, s + n, pat, end)) n++;
    for (; n >= 0; n--) {
        const char *r = run(p, s + n, end + 1);
        if (r) return r;
    }
    return NULL;
}

static const char *least_first(struct pattern *p, const char *s, const char *pat, const char *end)
{
    for (;; s++) {
        const char *r = run(p, s, end + 1);
        if (r) return r;
        if (!single(p, s, pat, end)) return NULL;
    }
}

static const char *capture_open(struct pattern *p, const char *s, const char *pat)
{
    if (p->level >= PATTERN_CAPTURES) luaL_error(p->L, "too many captures in the pattern");
    bool position = pat < p->pat_end && *pat == ')';
    p->capture[p->level].at = s;
    p->capture[p->level].len = position ? CAPTURE_POSITION : CAPTURE_OPEN;
    p->level++;
    const char *r = run(p, s, position ? pat + 1 : pat);
    if (!r) p->level--;
    return r;
}

static const char *capture_close(struct pattern *p, const char *s, const char *pat)
{
    int i = p->level - 1;
    while (i >= 0 && p->capture[i].len != CAPTURE_OPEN) i--;
    if (i < 0) luaL_error(p->L, "invalid pattern capture");
    p->capture[i].len = s - p->capture[i].at;
    const char *r = run(p, s, pat);
    if (!r) p->capture[i].len = CAPTURE_OPEN;
    return r;
}

static const char *back_reference(struct pattern *p, const char *s, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= p->level || p->capture[i].len == CAPTURE_OPEN)
        luaL_error(p->L, "invalid capture index %%%d in the pattern", i + 1);
    ptrdiff_t n = p->capture[i].len;
    if (n == CAPTURE_POSITION) return NULL; /* a number is nowhere in the subject */
    sandbox_charge(p->L, (uint64_t)n);
    return p->src_end - s >= n && !memcmp(p->capture[i].at, s, (size_t)n) ? s + n : NULL;
}

/* %f[set]: between a character outside the set and one inside. The ends of the subject count as \0. */
static const char *frontier(struct pattern *p, const char *s, const char *pat, const char **after)
{
    if (pat >= p->pat_end || *pat != '[') luaL_error(p->L, "missing '[' after '%%f' in the pattern");
    const char *end = class_end(p, pat);
    int before = s == p->src ? 0 : (unsigned char)s[-1], here = s == p->src_end ? 0 : (unsigned char)*s;
    *after = end;
    return !in_set(before, pat, end - 1) && in_set(here, pat, end - 1) ? s : NULL;
}

/* An escape that is an item of its own: the place after it in the subject, and in the pattern. False: an ordinary
 * class. */
static bool special(struct pattern *p, const char *s, const char *pat, const char **to, const char **after)
{
    if (*pat != '%' || pat + 1 == p->pat_end) return false;
    unsigned char c = (unsigned char)pat[1];
    if (c == 'b') {
        *to = balance(p, s, pat + 2);
        *after = pat + 4;
    } else if (c == 'f') {
        *to = frontier(p, s, pat + 2, after);
    } else if (isdigit(c)) {
        *to = back_reference(p, s, c);
        *after = pat + 2;
    } else {
        return false;
    }
    return true;
}

static const char *items(struct pattern *p, const char *s, const char *pat)
{
    while (pat != p->pat_end) {
        const char *to, *after;
        sandbox_charge(p->L, 1);
        if (*pat == '(') return capture_open(p, s, pat + 1);
        if (*pat == ')') return capture_close(p, s, pat + 1);
        if (*pat == '$' && pat + 1 == p->pat_end) return s == p->src_end ? s : NULL;
        if (special(p, s, pat, &to, &after)) {
            if (!to) return NULL;
            s = to;
            pat = after;
            continue;
        }
        const char *end = class_end(p, pat);
        char suffix = end < p->pat_end ? *end : 0;
        if (suffix == '*') return most_first(p, s, pat, end);
        if (suffix == '-') return least_first(p, s, pat, end);
        bool here = single(p, s, pat, end);
        if (suffix == '+') return here ? most_first(p, s + 1, pat, end) : NULL;
        if (suffix == '?') {
            const char *r = here ? run(p, s + 1, end + 1) : NULL;
            if (r) return r;
            pat = end + 1;
            continue;
        }
        if (!here) return NULL;
        s++;
        pat = end;
    }
    return s;
}

static const char *run(struct pattern *p, const char *s, const char *pat)
{
    if (++p->depth > DEPTH) luaL_error(p->L, "pattern too complex");
    const char *r = items(p, s, pat);
    p->depth--;
    return r;
}

const char *pattern_match(struct pattern *p, const char *at)
{
    p->level = 0;
    p->depth = 0;
    return run(p, at, p->pat);
}

void pattern_push_capture(struct pattern *p, int i, const char *s, const char *e)
{
    if (i >= p->level) {
        if (i != 0) luaL_error(p->L, "invalid capture index %%%d", i + 1);
        lua_pushlstring(p->L, s, (size_t)(e - s));
    } else if (p->capture[i].len == CAPTURE_POSITION) {
        lua_pushinteger(p->L, p->capture[i].at - p->src + 1);
    } else {
        if (p->capture[i].len == CAPTURE_OPEN) luaL_error(p->L, "unfinished capture");
        lua_pushlstring(p->L, p->capture[i].at, (size_t)p->capture[i].len);
    }
}

int pattern_push_captures(struct pattern *p, const char *s, const char *e)
{
    int n = p->level == 0 && s ? 1 : p->level;
    luaL_checkstack(p->L, n, "too many captures");
    for (int i = 0; i < n; i++) pattern_push_capture(p, i, s, e);
    return n;
}
