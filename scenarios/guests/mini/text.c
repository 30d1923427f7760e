// See text.h.
//
// Manual: C17 7.21.6.1, of which this is a small part. Not here: precision, long, floating point.
#include "mini/text.h"

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f)
        for (size_t i = 0; i < size; i++) t[i] = f[i];
    else
        while (size--) t[size] = f[size];
    return to;
}

size_t text_length(const char *s)
{
    size_t n = 0;
    while (s[n]) n++;
    return n;
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

bool text_begins(const char *s, const char *prefix)
{
    while (*prefix)
        if (*s++ != *prefix++) return false;
    return true;
}

void text_copy(char *to, const char *from, size_t room)
{
    size_t n = 0;
    for (; n + 1 < room && from[n]; n++) to[n] = from[n];
    to[n] = 0;
}

void text_join(char *to, const char *a, const char *b)
{
    size_t n = text_length(a);
    text_copy(to, a, n + 1);
    text_copy(to + n, b, text_length(b) + 1);
}

int text_number(const char *s)
{
    bool minus = *s == '-';
    int value = 0;
    for (s += minus; *s >= '0' && *s <= '9'; s++) value = value * 10 + (*s - '0');
    return minus ? -value : value;
}

struct width { // %[-][0]N
    bool left;
    char fill;
    int columns;
};

static void put_padded(text_put *put, void *to, const char *text, struct width w)
{
    int spare = w.columns - (int)text_length(text);
    for (; !w.left && spare > 0; spare--) put(to, w.fill);
    while (*text) put(to, *text++);
    for (; spare > 0; spare--) put(to, ' ');
}

static void put_number(text_put *put, void *to, uint32_t value, uint32_t base, bool minus, struct width w)
{
    char digits[12], *at = &digits[11];
    *at = 0;
    do *--at = "0123456789ABCDEF"[value % base];
    while (value /= base);
    if (minus) *--at = '-';
    put_padded(put, to, at, w);
}

static const char *parse_width(const char *format, struct width *w)
{
    *w = (struct width){ .fill = ' ' };
    if (*format == '-') w->left = true, format++;
    if (*format == '0') w->fill = '0', format++;
    while (*format >= '0' && *format <= '9') w->columns = w->columns * 10 + (*format++ - '0');
    return format;
}

void text_format(text_put *put, void *to, const char *format, va_list arguments)
{
    for (; *format; format++) {
        if (*format != '%') {
            put(to, *format);
            continue;
        }
        struct width w;
        format = parse_width(format + 1, &w);
        if (*format == 'd') {
            int value = va_arg(arguments, int);
            put_number(put, to, value < 0 ? -(uint32_t)value : (uint32_t)value, 10, value < 0, w);
        } else if (*format == 'u' || *format == 'x') {
            put_number(put, to, va_arg(arguments, uint32_t), *format == 'u' ? 10 : 16, false, w);
        } else if (*format == 's') {
            put_padded(put, to, va_arg(arguments, const char *), w);
        } else if (*format == 'c') {
            put_padded(put, to, (char[]){ (char)va_arg(arguments, int), 0 }, w);
        } else if (*format == '%') {
            put(to, '%');
        } else
            return; // a format of ours is wrong: stop where it is visible
    }
}
