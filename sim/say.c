/* See say.h. Not modelled: characters that are two columns wide. */
#include "sim/say.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wants_color(FILE *to, const char *choice)
{
    if (choice && !strcmp(choice, "always")) return true;
    if (choice && !strcmp(choice, "never")) return false;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no && *no) return false;
    return to && isatty(fileno(to)) && term && *term && strcmp(term, "dumb");
}

void say_init(struct say *s, FILE *to, const char *color, bool ascii)
{
    *s = (struct say){
        .to = to, .color = wants_color(to, color), .utf8 = !ascii && !strcmp(nl_langinfo(CODESET), "UTF-8")};
}

void say_flush(struct say *s)
{
    if (s->to && s->t.len && !s->failed) {
        errno = 0;
        if (fwrite(s->t.s, 1, s->t.len, s->to) != s->t.len || fflush(s->to)) s->failed = errno ? errno : EIO;
    }
    text_clear(&s->t);
}

void say_done(struct say *s)
{
    say_flush(s);
    text_free(&s->t);
}

bool say_check(const struct say *s, struct err *e)
{
    if (!s->failed) return true;
    if (s->failed == EPIPE) return err_set(e, EXIT_ENVIRONMENT, "%s", "");
    return err_set(e, EXIT_ENVIRONMENT, "%s: cannot write: %s; send it somewhere else",
                   s->to == stdout ? "stdout" : "output", strerror(s->failed));
}

static void say_v(struct say *s, const char *fmt, va_list ap)
{
    char *line = NULL;
    if (vasprintf(&line, fmt, ap) >= 0) text_bytes(&s->t, line, strlen(line));
    free(line);
}

void say_add(struct say *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say_v(s, fmt, ap);
    va_end(ap);
}

void say_role(struct say *s, enum role r, const char *fmt, ...)
{
    static const char *const codes[ROLE_COUNT] = { "", "1", "32", "31", "33", "2" };
    va_list ap;
    va_start(ap, fmt);
    if (s->color && r) text_add(&s->t, "\033[%sm", codes[r]);
    say_v(s, fmt, ap);
    if (s->color && r) text_add(&s->t, "\033[0m");
    va_end(ap);
}

size_t say_columns(const char *text, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < bytes; i++) n += (text[i] & 0xC0) != 0x80;
    return n;
}

/* Bytes of `text` that go on one line of `room` columns: up to a newline, else to the last blank that fits. */
static size_t line_length(const char *text, size_t room)
{
    size_t end = strcspn(text, "\n");
    if (say_columns(text, end) <= room) return end;
    size_t best = 0, columns = 0;
    for (size_t i = 0; i < end; i++) {
        columns += (text[i] & 0xC0) != 0x80;
        if (columns > room + 1) break;
        if (text[i] == ' ') best = i;
    }
    if (best) return best;
    while (end && (say_columns(text, end) > room || (text[end] & 0xC0) == 0x80)) end--; /* one long word: cut it */
    return end ? end : 1;
}

void say_wrap(struct say *s, const char *first, unsigned indent, const char *text)
{
    bool begun = false;
    while (*text) {
        size_t n = line_length(text, SAY_WIDTH - indent);
        if (n && begun) text_add(&s->t, "%*s", (int)indent, "");
        else if (n) text_add(&s->t, "%s", first);
        for (size_t i = 0; i < n; i++)
            text_char(&s->t, (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i]);
        begun |= n > 0;
        while (n && s->t.len && s->t.s[s->t.len - 1] == ' ') s->t.s[--s->t.len] = 0;
        if (begun) text_char(&s->t, '\n');
        text += n;
        if (*text == '\n') text++;
        else text += strspn(text, " ");
    }
}

void say_bytes(struct say *s, const char *bytes, size_t n, size_t columns)
{
    size_t from = s->t.len;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (s->t.len - from + 4 > columns) {
            text_add(&s->t, "...");
            return;
        }
        if (c == '\t') text_char(&s->t, ' ');
        else if (c == '\r' && i + 1 == n) continue;
        else if (c < 0x20 || c > 0x7E) text_add(&s->t, "\\x%02X", c);
        else text_char(&s->t, (char)c);
    }
}

const char *say_mark(const struct say *s, bool good)
{
    if (s->utf8) return good ? "✓" : "✗";
    return good ? "ok  " : "FAIL";
}

const char *say_dot(const struct say *s) { return s->utf8 ? "·" : "/"; }
