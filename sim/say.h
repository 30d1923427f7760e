/* What a person reads, on its way to a terminal, a pipe or a file.
 *
 * Idea: text is built in memory and flushed at the end of a thought; colour and characters beyond ASCII are decided
 * once, here: colour only on a terminal (NO_COLOR, TERM=dumb and --color decide otherwise), UTF-8 only where the
 * locale has it. */
#ifndef SIM_SAY_H
#define SIM_SAY_H

#include <stdbool.h>
#include <stdio.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

enum { SAY_WIDTH = 78 };
enum role { ROLE_PLAIN, ROLE_TITLE, ROLE_GOOD, ROLE_BAD, ROLE_WARN, ROLE_FAINT, ROLE_COUNT };

struct say {
    struct text t;
    FILE *to;      /* NULL: everything is dropped */
    bool  color, utf8;
    int   failed;  /* errno of the first write that failed; nothing is written after it */
};

/* `color`: "always", "never", or anything else for auto. `ascii`: no UTF-8 whatever the locale. */
void say_init(struct say *s, FILE *to, const char *color, bool ascii);
void say_done(struct say *s); /* flushes and frees */
void say_flush(struct say *s);
/* EXIT_ENVIRONMENT if a write failed; without a message if the reader of a pipe went away. */
bool say_check(const struct say *s, struct err *e);

void say_add(struct say *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void say_role(struct say *s, enum role r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Adds text, broken at blanks so that no line is longer than SAY_WIDTH columns; every line begins with `indent` blanks,
 * and the first with `first` instead (same width). Newlines in `text` are kept, control bytes become '?'. */
void say_wrap(struct say *s, const char *first, unsigned indent, const char *text);
/* Adds bytes the guest wrote, one line of at most `columns`, other than printable ASCII as "\xNN". */
void say_bytes(struct say *s, const char *bytes, size_t n, size_t columns);
const char *say_mark(const struct say *s, bool good);   /* a check mark or "ok", a cross or "FAIL" */
const char *say_dot(const struct say *s);               /* between words of a technique */
size_t say_columns(const char *text, size_t bytes);     /* code points in UTF-8 */

#endif
