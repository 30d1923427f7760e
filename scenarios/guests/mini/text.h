// Strings and formatted text, for kernel and programs alike.
#ifndef MINI_TEXT_H
#define MINI_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size); // these two: lib/memory.c
void *memset(void *to, int byte, size_t size);
void *memmove(void *to, const void *from, size_t size);

size_t text_length(const char *s);
bool text_equal(const char *a, const char *b);
bool text_begins(const char *s, const char *prefix);
void text_copy(char *to, const char *from, size_t room); // cuts off what does not fit; always ends with 0
void text_join(char *to, const char *a, const char *b);         // there must be room for both
int text_number(const char *s);                          // decimal, as far as there are digits

// Formats %d %u %x %s %c %%, with a width as in %5d, %-8s, %08x. `put` takes the characters.
typedef void text_put(void *to, char c);
void text_format(text_put *put, void *to, const char *format, va_list arguments);

#endif
