/* Texts of authors on their way to a terminal: copied, without control characters, without the file's indentation. */
#include "sim/script/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *script_copy(const char *s)
{
    char *copy = strdup(s ? s : "");
    if (copy) {
        text_clean(copy, true);
        return copy;
    }
    fputs("ringside: out of memory for the scenario; close other programs\n", stderr);
    exit(EXIT_ENVIRONMENT);
}

/* Spaces before the first other byte of a line; SIZE_MAX for a line of spaces only. */
static size_t indent(const char *line)
{
    size_t n = strspn(line, " \t");
    return line[n] && line[n] != '\n' ? n : SIZE_MAX;
}

void script_unindent(char *note)
{
    while (*note == '\n') memmove(note, note + 1, strlen(note));
    size_t begin = indent(note), least = begin ? begin : SIZE_MAX; /* a note may begin right after its quote */
    for (const char *p = strchr(note, '\n'); p; p = strchr(p, '\n'))
        if (indent(++p) < least) least = indent(p);
    char *to = note;
    for (const char *p = note; *p;) {
        const char *end = strchr(p, '\n');
        size_t n = end ? (size_t)(end - p) : strlen(p), cut = least < n ? least : n;
        if ((p == note && !begin) || least == SIZE_MAX) cut = 0;
        memmove(to, p + cut, n - cut);
        to += n - cut;
        p += n;
        if (*p) *to++ = *p++;
    }
    *to = 0;
    while (to > note && strchr(" \t\n", to[-1])) *--to = 0;
}
