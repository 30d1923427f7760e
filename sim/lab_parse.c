/* The lines of `ringside exec`, taken apart. See lab.h and docs/exec.md.
 *
 * Idea: a line is words; a word's name finds a row of a table, its value is hex. Every message says where, what was
 * expected, what was there, and one way on. */
#include "sim/lab.h"

#include <string.h>

const char *const lab_reg_name[LAB_REGS] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
                                             "eip", "flags", "ds", "es", "ss", "fs", "gs", "cs" };
static const uint32_t reg_start[LAB_REGS] = { [LAB_ESP] = 0x20001000, [LAB_EIP] = 0x10000100, [LAB_FLAGS] = LAB_FLAGS_BASE };
static const uint32_t reg_limit[LAB_REGS] = { [LAB_DS] = 0xFFFF, [LAB_ES] = 0xFFFF, [LAB_SS] = 0xFFFF,
                                              [LAB_FS] = 0xFFFF, [LAB_GS] = 0xFFFF, [LAB_CS] = 0xFFFF };

struct word { const char *s; size_t n; };
struct line {
    const char *at, *end, *where;
    struct err *e;
};

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static bool next(struct line *l, struct word *w)
{
    while (l->at < l->end && blank(*l->at)) l->at++;
    w->s = l->at;
    if (l->at < l->end && *l->at == '#') l->end = l->at; /* the rest is a comment */
    while (l->at < l->end && !blank(*l->at)) l->at++;
    w->n = (size_t)(l->at - w->s);
    return w->n > 0;
}

static bool is(const struct word *w, const char *name) { return w->n == strlen(name) && !memcmp(w->s, name, w->n); }

static bool control(char c) { return (uint8_t)c < 0x20 || c == 0x7F; }

/* Words of the line go into messages cut to SHOWN characters, and without those that a terminal obeys. */
static bool bad(const struct line *l, const struct word *w, const char *expected, const char *advice)
{
    enum { SHOWN = 40 };
    char text[SHOWN + 1];
    size_t n = 0;
    for (; n < w->n && n < SHOWN; n++) text[n] = control(w->s[n]) ? '?' : w->s[n];
    text[n] = 0;
    return err_set(l->e, EXIT_INPUT, "%s: expected %s, found %s%s%s; %s", l->where, expected, w->n ? "'" : "the end", text,
                   w->n ? "'" : "", advice);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct word without_0x(struct word w)
{
    if (w.n > 2 && w.s[0] == '0' && (w.s[1] | 0x20) == 'x') return (struct word){ w.s + 2, w.n - 2 };
    return w;
}

static bool hex(struct word w, uint32_t max, uint32_t *v)
{
    uint64_t x = 0;
    w = without_0x(w);
    if (!w.n) return false;
    for (size_t k = 0; k < w.n; k++) {
        int d = digit(w.s[k]);
        if (d < 0 || x > UINT32_MAX) return false;
        x = x << 4 | (unsigned)d;
    }
    *v = (uint32_t)x;
    return x <= max;
}

/* Bytes, two digits each. Their number, or 0 if they are none or more than fit. */
static unsigned hex_bytes(struct word w, uint8_t *to, size_t room)
{
    w = without_0x(w);
    if (w.n % 2 || w.n / 2 > room) return 0;
    for (size_t k = 0; k < w.n; k += 2) {
        int high = digit(w.s[k]), low = digit(w.s[k + 1]);
        if (high < 0 || low < 0) return 0;
        to[k / 2] = (uint8_t)(high << 4 | low);
    }
    return (unsigned)(w.n / 2);
}

static bool mapped(uint32_t at)
{
    return at - LAB_LOW < LAB_AREA || at - LAB_DATA < LAB_AREA || at - LAB_CODE < LAB_AREA;
}

/* m@ADDR=BYTES */
static bool poke(struct line *l, const struct word *w, const struct word *key, const struct word *value,
                 struct lab_case *c)
{
    struct word address = { key->s + 2, key->n - 2 };
    uint32_t at, from = c->pokes ? c->poke[c->pokes - 1].from + c->poke[c->pokes - 1].n : 0;
    if (!hex(address, UINT32_MAX, &at)) return bad(l, w, "m@ADDRESS=BYTES with a hex address", "as m@20000000=0a0b");
    unsigned n = hex_bytes(*value, c->poked + from, LAB_POKED - from);
    if (!n || c->pokes == LAB_POKES)
        return bad(l, w, "m@ADDRESS=BYTES with two hex digits a byte", "as m@20000000=0a0b; at most 64 pieces and 16384 bytes");
    if (!mapped(at) || !mapped(at + n - 1))
        return bad(l, w, "memory that exists", "there is 8000-9fff, 10000000-10001fff and 20000000-20001fff");
    c->poke[c->pokes++] = (struct lab_poke){ at, n, from };
    return true;
}

static bool small(struct line *l, const struct word *w, const struct word *value, uint8_t *to)
{
    uint32_t v;
    if (!hex(*value, 3, &v)) return bad(l, w, "0, 1, 2 or 3", "as ring=1 iopl=0");
    *to = (uint8_t)v;
    return true;
}

static bool set_register(struct line *l, const struct word *w, const struct word *value, enum lab_reg r, struct lab_case *c)
{
    uint32_t v, max = reg_limit[r] ? reg_limit[r] : UINT32_MAX;
    if (!hex(*value, max, &v)) return bad(l, w, reg_limit[r] ? "four hex digits" : "eight hex digits", "with or without 0x");
    if (c->given & 1u << r) return bad(l, w, "every register once", "take one of the two out");
    c->given |= 1u << r;
    c->reg[r] = r == LAB_FLAGS ? LAB_FLAGS_BASE | (v & LAB_FLAGS_SET) : v;
    return true;
}

static bool setting(struct line *l, const struct word *w, struct lab_case *c)
{
    const char *equals = memchr(w->s, '=', w->n);
    if (!equals) return bad(l, w, "NAME=VALUE", "as eax=1, fill=5, m@8000=ff, ring=1; a # begins a comment");
    struct word key = { w->s, (size_t)(equals - w->s) };
    struct word value = { equals + 1, (size_t)(w->s + w->n - equals - 1) };
    for (unsigned r = 0; r < LAB_REGS; r++)
        if (is(&key, lab_reg_name[r])) return set_register(l, w, &value, (enum lab_reg)r, c);
    if (key.n > 2 && !memcmp(key.s, "m@", 2)) return poke(l, w, &key, &value, c);
    if (is(&key, "ring")) return small(l, w, &value, &c->ring);
    if (is(&key, "iopl")) return small(l, w, &value, &c->iopl);
    if (!is(&key, "fill"))
        return bad(l, w, "the name of a register, fill, m@ADDRESS, ring or iopl", "registers are eax ... edi, eip, flags, ds ... gs");
    c->filled = true;
    return hex(value, UINT32_MAX, &c->fill) || bad(l, w, "a seed of up to eight hex digits", "as fill=12345678");
}

static bool parse_case(struct line *l, const struct word *name, struct lab_case *c)
{
    struct word w;
    if (name->n >= sizeof c->name) return bad(l, name, "a name of at most 63 characters", "shorten it");
    for (size_t k = 0; k < name->n; k++)
        if (control(name->s[k])) return bad(l, name, "a name of printable characters", "is the file text?");
    memset(c, 0, offsetof(struct lab_case, poke));
    memcpy(c->name, name->s, name->n);
    memcpy(c->reg, reg_start, sizeof reg_start);
    c->ring = 3;
    (void)next(l, &w);
    c->n = hex_bytes(w, c->bytes, sizeof c->bytes);
    if (!c->n) return bad(l, &w, "the instruction as hex bytes", "two digits a byte, without blanks, at most 64 bytes, as 0fafc1");
    while (next(l, &w))
        if (!setting(l, &w, c)) return false;
    return true;
}

static bool parse_ldt(struct line *l, struct lab_ldt *t)
{
    static const struct { const char *expected; uint32_t min, max; } field[7] = {
        { "an entry number from 2 to 1fff", 2, LAB_LDT_ENTRIES - 1 }, { "a base address", 0, UINT32_MAX },
        { "a limit of at most fffff", 0, 0xFFFFF },
        { "contents 0 data, 1 expand-down, 2 code or 3 conforming code", 0, 3 },
        { "0 (16-bit) or 1 (32-bit)", 0, 1 }, { "0 (writable, readable) or 1 (not)", 0, 1 },
        { "0 (limit in bytes) or 1 (in pages of 4 KB)", 0, 1 }
    };
    static const char *const advice = "the form is ldt N BASE LIMIT CONTENTS SEG32 READONLY PAGES, numbers in hex";
    uint32_t v[7];
    struct word w;
    for (unsigned k = 0; k < 7; k++) {
        (void)next(l, &w);
        if (!hex(w, field[k].max, &v[k]) || v[k] < field[k].min) return bad(l, &w, field[k].expected, advice);
    }
    if (next(l, &w)) return bad(l, &w, "the end of the line", advice);
    *t = (struct lab_ldt){ .n = v[0], .base = v[1], .limit = v[2], .contents = (uint8_t)v[3], .seg32 = v[4],
                           .readonly = v[5], .pages = v[6] };
    return true;
}

enum lab_line lab_parse(const char *line, size_t n, const char *where, struct lab_case *c, struct lab_ldt *ldt,
                        struct err *e)
{
    struct line l = { line, line + n, where, e };
    struct word w;
    if (!next(&l, &w)) return LAB_NOTHING;
    if (is(&w, "ldt")) return parse_ldt(&l, ldt) ? LAB_LDT : LAB_BAD;
    return parse_case(&l, &w, c) ? LAB_CASE : LAB_BAD;
}
