/* See err.h. */
#include "sim/core/err.h"

#include <stdarg.h>
#include <stdio.h>

bool err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e || e->code) return false;
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    for (char *p = e->text; *p; p++) /* messages quote user input: keep them to one line */
        if (*p == '\n' || *p == '\r') *p = ' ';
    return false;
}
