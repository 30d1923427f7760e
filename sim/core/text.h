/* A growing string, and output files that are written whole or not at all.
 *
 * Everything Ringside prints or draws is first built in memory; sim/ never calls printf. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "sim/core/err.h"

/* Zero-initialise; `s` is always NUL-terminated once something was added, and NULL before. */
struct text {
    char  *s;
    size_t len, cap;
};

/* Each adds to the end; where the host has no memory left the program ends (core/fatal.h). text_add takes printf's format. */
void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(struct text *t, const void *bytes, size_t n); /* may contain NULs */
void text_char(struct text *t, char c);                      /* one byte */
void text_pad(struct text *t, size_t column);                /* spaces until the current line is `column` bytes long */
void text_number(struct text *t, unsigned long long n);      /* with thousands separators: 12,404 */
/* a quoted JSON string; bytes that are no UTF-8 become the code points of their number */
void text_json(struct text *t, const char *s);
void text_json_bytes(struct text *t, const char *s, size_t n); /* that may have NULs */
/* escaped for XML text and attributes; what XML cannot hold is left out, or '?' */
void text_xml(struct text *t, const char *s);
/* Length of the valid UTF-8 sequence at the beginning of `n` bytes (RFC 3629); 0: there is none. */
size_t text_utf8(const char *s, size_t n);
/* Others' words on their way to people, in place: valid UTF-8, without anything that a terminal obeys. Control characters
 * become blanks (`lines`: newlines may stay), bytes that are no characters, C1 controls and marks that turn a line round '?'. */
void text_clean(char *s, bool lines);
const char *text_str(const struct text *t);                  /* never NULL */
void text_clear(struct text *t);                             /* empty, keeps the memory */
void text_free(struct text *t);

/* Writes the text to `path` whole or not at all (temporary file in the same directory, then rename). "-" is stdout.
 * A path that exists and is not a regular file (/dev/null, a pipe) is written directly. EXIT_ENVIRONMENT on failure. */
bool text_write(const struct text *t, const char *path, struct err *e);

/* Reads a whole file. EXIT_INPUT if it cannot be read or is larger than `max` bytes. */
bool text_read(struct text *t, const char *path, size_t max, struct err *e);

#endif
