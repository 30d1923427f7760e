/* See check.h. */
#include "sim/script/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_record(struct script *s, bool passed, const char *where, const char *fmt, ...)
{
    char line[560];
    int n = snprintf(line, sizeof line, "%s: ", where);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
    va_end(ap);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 32) *c = ' ';
    if (s->checks == s->check_room) {
        unsigned room = s->check_room ? s->check_room * 2 : 32;
        struct lesson_check *more = realloc(s->check, room * sizeof *more);
        if (!more) return;
        s->check = more;
        s->check_room = room;
    }
    s->check[s->checks++] = (struct lesson_check){
        .step = s->now, .passed = passed, .insns = s->machine ? machine_insns(s->machine) : 0,
        .event = s->machine ? trace_last(machine_trace_of(s->machine)) : 0, .text = script_copy(line),
    };
}

void check_forget(struct script *s, unsigned from)
{
    while (s->checks && s->check[s->checks - 1].step >= from) free((char *)s->check[--s->checks].text);
}
