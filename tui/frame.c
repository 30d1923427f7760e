/* See frame.h. */
#include "tui/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Our symbols, then what authors type into notes, each with a twin of one column. */
static const struct {
    uint32_t ch;
    char twin;
} twins[] = {
    { 0x2500, '-' }, { 0x2502, '|' }, { 0x250C, '+' },  { 0x2510, '+' },  { 0x2514, '+' }, { 0x2518, '+' }, /* ─│┌┐└┘ */
    { 0x2501, '=' }, { 0x254B, '+' }, { 0x253C, '+' },  { 0x258F, '|' },  { 0x2588, '#' }, { 0x2591, '.' }, /* ━╋┼▏█░ */
    { 0x25BA, '>' }, { 0x25C4, '<' }, { 0x25CF, '*' },  { 0x00B7, '.' },  { 0x2717, 'x' }, { 0x2713, 'v' }, /* ►◄●·✗✓ */
    { 0x2550, '=' }, { 0x2524, '|' }, { 0x251C, '|' }, /* ═┤├ */
    { 0x2192, '>' }, { 0x2190, '<' }, { 0x2191, '^' },  { 0x2193, 'v' },  { 0x2026, '~' }, /* →←↑↓… */
    { 0x2013, '-' }, { 0x2014, '-' }, { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201C, '"' }, { 0x201D, '"' },
    { 0x00A0, ' ' }, { 0x00D7, 'x' }, { 0x2264, '<' },  { 0x2265, '>' },  { 0x2260, '#' }, { 0x2022, '*' },
};

uint32_t frame_ascii(uint32_t ch)
{
    if (ch < 0x80) return ch;
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++)
        if (twins[i].ch == ch) return (uint32_t)twins[i].twin;
    return '?';
}

/* Ranges of Unicode whose characters take no column or two, or which terminals do not agree about. */
static bool odd_width(uint32_t ch)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = {
        { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0590, 0x08FF }, { 0x1100, 0x11FF }, { 0x200B, 0x200F },
        { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x20D0, 0x20FF }, { 0x231A, 0x231B }, { 0x2329, 0x232A },
        { 0x23E9, 0x23FF }, { 0x25B6, 0x25B7 }, { 0x25FD, 0x25FE }, { 0x2600, 0x2712 }, { 0x2714, 0x2716 },
        { 0x2718, 0x27BF }, { 0x2B00, 0x2BFF }, { 0x2E80, 0xFAFF }, { 0xFE00, 0xFFFF },
    };
    if (ch > 0xFFFF) return true;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ch >= ranges[i].from && ch <= ranges[i].to) return true;
    return false;
}

/* One UTF-8 sequence; a broken one is '?' and one byte long, so reading always goes on. */
static uint32_t decode(const unsigned char **s)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = *s;
    int n = p[0] < 0x80 ? 1 : (p[0] & 0xE0) == 0xC0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : (p[0] & 0xF8) == 0xF0 ? 4 : 0;
    uint32_t ch = n == 1 ? p[0] : n ? p[0] & (0x7Fu >> n) : '?';
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            n = 0;
        else
            ch = ch << 6 | (p[i] & 0x3Fu);
    }
    if (n == 0 || ch < least[n]) {
        (*s)++;
        return '?';
    }
    *s += n;
    return ch;
}

uint32_t frame_next(const char **utf8)
{
    const unsigned char *s = (const unsigned char *)*utf8;
    if (!*s) return 0;
    uint32_t ch = decode(&s);
    *utf8 = (const char *)s;
    if (ch < 0x20 || (ch >= 0x7F && ch < 0xA0)) return ' '; /* nothing a scenario says may steer the terminal */
    return odd_width(ch) ? '?' : ch;
}

int frame_width(const char *utf8)
{
    int n = 0;
    while (frame_next(&utf8)) n++;
    return n;
}

void frame_clear(struct frame *f)
{
    for (int i = 0; i < f->cols * f->rows; i++) f->cell[i] = (struct cell){ ' ', ROLE_PLAIN, 0 };
    f->clipped = 0;
}

void frame_size(struct frame *f, int cols, int rows)
{
    cols = cols < 1 ? 1 : cols, rows = rows < 1 ? 1 : rows;
    struct cell *cell = realloc(f->cell, sizeof *cell * (size_t)cols * (size_t)rows);
    if (!cell) {
        fputs("ringside: out of memory for the screen\n", stderr);
        exit(EXIT_ENVIRONMENT);
    }
    f->cell = cell;
    f->cols = cols, f->rows = rows;
    frame_clear(f);
}

void frame_free(struct frame *f)
{
    free(f->cell);
    *f = (struct frame){ 0 };
}

void frame_encode(uint32_t ch, struct text *out)
{
    if (ch < 0x80) {
        text_char(out, (char)ch);
    } else if (ch < 0x800) {
        text_char(out, (char)(0xC0 | ch >> 6));
        text_char(out, (char)(0x80 | (ch & 0x3F)));
    } else {
        text_char(out, (char)(0xE0 | ch >> 12));
        text_char(out, (char)(0x80 | (ch >> 6 & 0x3F)));
        text_char(out, (char)(0x80 | (ch & 0x3F)));
    }
}

void frame_text(const struct frame *f, struct text *out)
{
    for (int y = 0; y < f->rows; y++) {
        const struct cell *row = f->cell + (size_t)y * (size_t)f->cols;
        int end = f->cols;
        while (end && row[end - 1].ch == ' ') end--;
        for (int x = 0; x < end; x++) frame_encode(row[x].ch, out);
        text_char(out, '\n');
    }
}

struct pane pane_of(struct frame *f, struct rect r)
{
    if (r.x < 0) r.w += r.x, r.x = 0;
    if (r.y < 0) r.h += r.y, r.y = 0;
    if (r.x + r.w > f->cols) r.w = f->cols - r.x;
    if (r.y + r.h > f->rows) r.h = f->rows - r.y;
    if (r.w < 0) r.w = 0;
    if (r.h < 0) r.h = 0;
    return (struct pane){ f, r };
}

static struct cell *cell_at(struct pane *p, int x, int y)
{
    if (x < 0 || y < 0 || x >= p->at.w || y >= p->at.h) return NULL;
    return &p->frame->cell[(p->at.y + y) * p->frame->cols + p->at.x + x];
}

enum { NO_BREAK = 0xA0 }; /* a space at which lines are not broken */

static void put(struct pane *p, int x, int y, unsigned style, uint32_t ch)
{
    struct cell *c = cell_at(p, x, y);
    if (!c)
        p->frame->clipped++;
    else if (ch == NO_BREAK)
        *c = (struct cell){ ' ', (uint8_t)style, (uint8_t)(style >> 8) };
    else
        *c = (struct cell){ p->frame->ascii ? frame_ascii(ch) : ch, (uint8_t)style, (uint8_t)(style >> 8) };
}

int pane_put(struct pane *p, int x, int y, unsigned style, const char *utf8)
{
    for (uint32_t ch; (ch = frame_next(&utf8)) != 0; x++) put(p, x, y, style, ch);
    return x;
}

int pane_putf(struct pane *p, int x, int y, unsigned style, const char *fmt, ...)
{
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    return pane_put(p, x, y, style, buf);
}

int pane_fit(struct pane *p, int x, int y, int w, unsigned style, const char *utf8)
{
    if (x + w > p->at.w) w = p->at.w - x;
    if (w <= 0 || y >= p->at.h) return x;
    bool cut = frame_width(utf8) > w;
    int end = x + (cut ? w - 1 : w);
    for (uint32_t ch; x < end && (ch = frame_next(&utf8)) != 0; x++) put(p, x, y, style, ch);
    if (cut) put(p, x++, y, style, 0x2026);
    return x;
}

void pane_fill(struct pane *p, struct rect r, unsigned style, uint32_t ch)
{
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) put(p, x, y, style, ch);
}

void pane_mark(struct pane *p, struct rect r, unsigned style)
{
    for (int y = r.y; y < r.y + r.h; y++)
        for (int x = r.x; x < r.x + r.w; x++) {
            struct cell *c = cell_at(p, x, y);
            if (!c) continue;
            c->role = (uint8_t)style;
            c->attr |= (uint8_t)(style >> 8);
        }
}

struct pane pane_box(struct frame *f, struct rect r, unsigned style, const char *title, const char *remark)
{
    struct pane p = pane_of(f, r);
    int w = p.at.w, h = p.at.h;
    if (w < 2 || h < 2) return pane_of(f, (struct rect){ p.at.x, p.at.y, 0, 0 });
    pane_fill(&p, (struct rect){ 0, 0, w, h }, STYLE(ROLE_PLAIN, 0), ' ');
    pane_fill(&p, (struct rect){ 1, 0, w - 2, 1 }, style, 0x2500);
    pane_fill(&p, (struct rect){ 1, h - 1, w - 2, 1 }, style, 0x2500);
    pane_fill(&p, (struct rect){ 0, 1, 1, h - 2 }, style, 0x2502);
    pane_fill(&p, (struct rect){ w - 1, 1, 1, h - 2 }, style, 0x2502);
    put(&p, 0, 0, style, 0x250C), put(&p, w - 1, 0, style, 0x2510);
    put(&p, 0, h - 1, style, 0x2514), put(&p, w - 1, h - 1, style, 0x2518);
    int x = 2;
    if (*title && w > 6) {
        put(&p, x, 0, style, ' ');
        x = pane_fit(&p, x + 1, 0, w - 6, style, title);
        put(&p, x++, 0, style, ' ');
    }
    int rw = frame_width(remark);
    if (rw && x + rw + 4 < w) { /* the remark gives way to the title */
        put(&p, w - rw - 4, 0, style, ' ');
        pane_put(&p, w - rw - 3, 0, style, remark);
        put(&p, w - 3, 0, style, ' ');
    }
    return pane_of(f, (struct rect){ p.at.x + 1, p.at.y + 1, w - 2, h - 2 });
}

/* Bytes of the first line of `s`, at most `w` columns; *skip: bytes to the beginning of the next line. */
static int line_bytes(const char *s, int w, int *skip)
{
    const char *at = s, *space = NULL;
    for (int col = 0; *at && *at != '\n'; col++) {
        if (*at == ' ') space = at;
        if (col == w) {
            const char *end = space && space > s ? space : at;
            *skip = (int)(end - s) + (end == space);
            return (int)(end - s);
        }
        frame_next(&at);
    }
    *skip = (int)(at - s) + (*at == '\n');
    return (int)(at - s);
}

int frame_wrap(const char *utf8, int w, void (*line)(void *self, int i, const char *s, int n), void *self)
{
    int lines = 0;
    if (w < 1) w = 1;
    while (*utf8) {
        int skip, n = line_bytes(utf8, w, &skip);
        if (line) line(self, lines, utf8, n);
        lines++;
        utf8 += skip;
    }
    return lines;
}
