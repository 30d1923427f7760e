/* See text.h. */
#include "sim/core/text.h"
#include "sim/core/fatal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void reserve(struct text *t, size_t more)
{
    if (t->len + more + 1 <= t->cap) return;
    size_t cap = t->cap ? t->cap : 256;
    while (cap < t->len + more + 1) cap *= 2;
    char *s = realloc(t->s, cap);
    if (!s) {
        fatal(EXIT_ENVIRONMENT, "out of memory while building text");
    }
    t->s = s;
    t->cap = cap;
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0) {
        reserve(t, (size_t)n);
        vsnprintf(t->s + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void text_bytes(struct text *t, const void *bytes, size_t n)
{
    reserve(t, n);
    memcpy(t->s + t->len, bytes, n);
    t->len += n;
    t->s[t->len] = 0;
}

void text_char(struct text *t, char c) { text_bytes(t, &c, 1); }

void text_pad(struct text *t, size_t column)
{
    size_t start = t->len;
    while (start && t->s[start - 1] != '\n') start--;
    while (t->len - start < column) text_char(t, ' ');
}

void text_number(struct text *t, unsigned long long n)
{
    char digits[32];
    int len = snprintf(digits, sizeof digits, "%llu", n);
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) text_char(t, ',');
        text_char(t, digits[i]);
    }
}

size_t text_utf8(const char *at, size_t n)
{
    const unsigned char *s = (const unsigned char *)at;
    if (!n) return 0;
    size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4 : 0;
    if (!len || len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    bool wrong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F);
    return wrong ? 0 : len;
}

/* What a terminal obeys (C1), what turns a line round (bidirectional marks), line ends of another kind, and what is no character at all. */
static bool steers(const char *at, size_t len)
{
    const unsigned char *s = (const unsigned char *)at;
    if (len == 2) return s[0] == 0xC2 && s[1] < 0xA0;
    if (len != 3) return false;
    unsigned c = (s[0] & 0xFu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    return (c >= 0x200E && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c >= 0xFFFE;
}

void text_clean(char *s, bool lines)
{
    for (size_t left = strlen(s), len; left; s += len, left -= len) {
        bool good = (len = text_utf8(s, left)) != 0;
        if (!good) len = 1;
        if (len == 1 && good && (((unsigned char)*s < 32 && !(lines && *s == '\n')) || *s == 127)) *s = ' ';
        else if (!good || steers(s, len)) memset(s, '?', len);
    }
}

void text_json(struct text *t, const char *s)
{
    text_json_bytes(t, s, strlen(s));
}

void text_json_bytes(struct text *t, const char *s, size_t n)
{
    text_char(t, '"');
    for (size_t len; n; s += len, n -= len) {
        unsigned char c = (unsigned char)*s;
        bool good = (len = text_utf8(s, n)) != 0;
        if (!good) len = 1;
        if (c == '"' || c == '\\') text_add(t, "\\%c", c);
        else if (c == '\n') text_add(t, "\\n");
        else if (c == '\t') text_add(t, "\\t");
        else if (!good || c < 0x20 || c == 0x7F) text_add(t, "\\u%04x", c);
        else text_bytes(t, s, len);
    }
    text_char(t, '"');
}

void text_xml(struct text *t, const char *s)
{
    for (size_t left = strlen(s), len; left; s += len, left -= len) {
        bool good = (len = text_utf8(s, left)) != 0;
        if (!good) len = 1;
        if (!good || (len == 3 && (unsigned char)s[0] == 0xEF && (unsigned char)s[1] == 0xBF && (unsigned char)s[2] >= 0xBE)) text_char(t, '?');
        else if (*s == '&') text_add(t, "&amp;");
        else if (*s == '<') text_add(t, "&lt;");
        else if (*s == '>') text_add(t, "&gt;");
        else if (*s == '"') text_add(t, "&quot;");
        else if ((unsigned char)*s >= 0x20 || *s == '\n' || *s == '\t') text_bytes(t, s, len);
    }
}

const char *text_str(const struct text *t) { return t->s ? t->s : ""; }

void text_clear(struct text *t)
{
    t->len = 0;
    if (t->s) t->s[0] = 0;
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){ 0 };
}

static bool write_stream(const struct text *t, FILE *f)
{
    return fwrite(text_str(t), 1, t->len, f) == t->len && fflush(f) == 0;
}

static bool write_direct(const struct text *t, const char *path, struct err *e)
{
    FILE *f = fopen(path, "wb");
    if (!f) return err_set(e, EXIT_ENVIRONMENT, "%s: cannot write: %s; choose another place", path, strerror(errno));
    bool ok = write_stream(t, f);
    ok = fclose(f) == 0 && ok;
    return ok || err_set(e, EXIT_ENVIRONMENT, "%s: cannot write: %s; choose another place", path, strerror(errno));
}

bool text_write(const struct text *t, const char *path, struct err *e)
{
    if (!strcmp(path, "-")) return write_stream(t, stdout) || err_set(e, EXIT_ENVIRONMENT, "stdout: cannot write: %s; send it somewhere else", strerror(errno));
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) return err_set(e, EXIT_ENVIRONMENT, "%s: is a directory; name a file", path);
    if (exists && !S_ISREG(st.st_mode)) return write_direct(t, path, e);
    char *real = exists ? realpath(path, NULL) : NULL; /* write through a symbolic link, do not replace it */
    const char *target = real ? real : path;
    struct text tmp = { 0 };
    text_add(&tmp, "%s.part.%ld", target, (long)getpid());
    FILE *f = fopen(tmp.s, "wbx");
    bool ok = f != NULL;
    if (ok) {
        ok = write_stream(t, f);
        ok = fclose(f) == 0 && ok;
        if (ok && exists) chmod(tmp.s, st.st_mode & 07777);
        ok = ok && rename(tmp.s, target) == 0;
    }
    if (!ok) {
        err_set(e, EXIT_ENVIRONMENT, "%s: cannot write: %s; choose another place", path, strerror(errno));
        if (f) remove(tmp.s);
    }
    free(real);
    text_free(&tmp);
    return ok;
}

bool text_read(struct text *t, const char *path, size_t max, struct err *e)
{
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, EXIT_INPUT, "%s: is a directory, not a file", path);
    FILE *f = fopen(path, "rb");
    if (!f) return err_set(e, EXIT_INPUT, "%s: cannot open: %s", path, strerror(errno));
    char chunk[65536];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && t->len + n <= max) text_bytes(t, chunk, n);
    bool bad = ferror(f) != 0;
    fclose(f);
    if (bad) return err_set(e, EXIT_INPUT, "%s: cannot read: %s", path, strerror(errno));
    if (n) return err_set(e, EXIT_INPUT, "%s: larger than %zu bytes", path, max);
    if (!t->s) text_bytes(t, "", 0);
    return true;
}
