/* Errors for the person at the keyboard: one line naming file, line or address, what was expected, what happened,
 * and one suggestion. The first error set wins; later ones are ignored, so the cause is what gets printed. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdbool.h>

/* Exit codes of the program (design section 8). */
enum err_code {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,      /* expectation or test failed, or the guest reported failure */
    EXIT_USAGE = 2,       /* also an impossible combination */
    EXIT_INPUT = 3,       /* image, Lua or trace unusable */
    EXIT_GUEST_DIED = 4,
    EXIT_LIMIT = 5,
    EXIT_ENVIRONMENT = 6, /* no dot, no terminal, cannot write */
    EXIT_BUG = 70,
    EXIT_INTERRUPTED = 130,
};

struct err {
    int  code;      /* enum err_code; 0: no error */
    char text[480]; /* one line, no newline */
};

/* Records an error unless one is already recorded. `e` may be NULL. Always returns false, so that callers can
 * `return err_set(...)`. */
bool err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
