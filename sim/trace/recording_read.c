/* A run from a file; see recording.h. Whatever a section says, nothing is read beyond it, and nothing is taken for an index unchecked. */
#include "sim/trace/recording.h"
#include "sim/core/fatal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { KINDS = 256, TYPES = 24, NAMES = 4096, SECTION = 16 };

struct reader { char *at; size_t left; bool bad; };

static uint64_t number(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (!r->left) break;
        uint8_t b = (uint8_t)*r->at++;
        r->left--;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return v;
    }
    r->bad = true;
    return 0;
}

/* A number up to `most`. */
static uint64_t upto(struct reader *r, uint64_t most)
{
    uint64_t v = number(r);
    if (v <= most) return v;
    r->bad = true;
    return 0;
}

/* A text becomes one of C's where it lies: it moves over the last byte of its own length. No control bytes: it may be shown. */
static const char *words(struct reader *r)
{
    uint64_t n = number(r);
    if (r->bad || n > r->left) return r->bad = true, "";
    char *s = r->at - 1;
    memmove(s, r->at, n);
    s[n] = 0;
    r->at += n;
    r->left -= n;
    for (char *c = s; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7F) *c = '?';
    return s;
}

static bool find(const struct recording *r, const char *tag, struct reader *out)
{
    for (size_t at = 0; r->strings.len - at >= SECTION;) {
        uint64_t n;
        memcpy(&n, r->strings.s + at + 8, sizeof n);
        if (n > r->strings.len - at - SECTION) return false;
        if (!memcmp(r->strings.s + at, tag, 4)) {
            *out = (struct reader){ r->strings.s + at + SECTION, n, false };
            return true;
        }
        at += SECTION + n;
    }
    return false;
}

/* --- the header --------------------------------------------------------------------------------------------------- */

static uint32_t word(const struct text *f, size_t at)
{
    uint32_t v;
    memcpy(&v, f->s + at, sizeof v);
    return v;
}

static bool check(const struct text *f, const char *name, struct err *e)
{
    uint64_t bytes;
    if (f->len < 8 || memcmp(f->s, "RINGTRCE", 8))
        return err_set(e, EXIT_INPUT, "%s: not a recorded trace; `ringside trace record SCENARIO|IMAGE -o FILE.rtrace` makes one", name);
    if (f->len < RECORDING_HEADER) return err_set(e, EXIT_INPUT, "%s: cut off: %zu bytes, and the header alone has %d", name, f->len, RECORDING_HEADER);
    if (word(f, 28) != (uint32_t)crc32(0, (const Bytef *)f->s, 28))
        return err_set(e, EXIT_INPUT, "%s: its header was altered, the checksum says; nothing of it is used", name);
    if (word(f, 8) != RECORDING_VERSION)
        return err_set(e, EXIT_INPUT, "%s: version %u of the format, and this program reads version %d; %s", name, word(f, 8), RECORDING_VERSION,
                       word(f, 8) > RECORDING_VERSION ? "use the newer program that wrote it" : "record it anew");
    memcpy(&bytes, f->s + 16, sizeof bytes);
    if (bytes != f->len)
        return err_set(e, EXIT_INPUT, "%s: %s: %zu bytes of %llu", name, f->len < bytes ? "cut off" : "something was added", f->len, (unsigned long long)bytes);
    if (word(f, 24) != (uint32_t)crc32(0, (const Bytef *)f->s + RECORDING_HEADER, (uInt)(f->len - RECORDING_HEADER)))
        return err_set(e, EXIT_INPUT, "%s: altered, the checksum says; nothing of it is used", name);
    return true;
}

static bool unpack(struct recording *r, const struct text *f)
{
    uLongf got = word(f, 12);
    if (got > RECORDING_MOST) return false;
    r->strings.s = malloc(got + 1);
    if (!r->strings.s) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; close other programs");
    r->strings.cap = got + 1;
    if (uncompress((Bytef *)r->strings.s, &got, (const Bytef *)f->s + RECORDING_HEADER, f->len - RECORDING_HEADER) != Z_OK || got != word(f, 12)) return false;
    r->strings.len = got;
    return true;
}

/* --- sections ------------------------------------------------------------------------------------------------------ */

static bool read_what(struct recording *r)
{
    struct reader in;
    if (!find(r, "WHAT", &in)) return false;
    r->x.end = number(&in);
    r->x.kernel_ring = (uint8_t)upto(&in, 3);
    r->x.vms = (unsigned)upto(&in, 128);
    r->hypervisor = upto(&in, 1);
    r->hosted = upto(&in, 1);
    snprintf(r->title, sizeof r->title, "%s", words(&in));
    r->x.title = r->title;
    text_add(&r->what, "%s", words(&in));
    return !in.bad;
}

/* Does an event of this program have a field of that type? There is no room for others. */
static bool is_type(const char *type)
{
    for (unsigned k = 0; k < EV_COUNT; k++)
        for (unsigned f = 0; f < event_desc(k)->fields; f++)
            if (event_desc(k)->field[f].type && !strcmp(event_desc(k)->field[f].type, type)) return true;
    return false;
}

/* Names stay registered as long as the program runs, so they are copied, those of equal files once. */
struct names { struct names *next; char *type; const char **list; unsigned n; };
static struct names *registered;

static void names_free(struct names *k)
{
    for (unsigned i = 0; k->list && i < k->n; i++) free((char *)(uintptr_t)k->list[i]);
    free(k->list);
    free(k->type);
    free(k);
}

static bool names_equal(const struct names *a, const struct names *b)
{
    bool same = a->n == b->n && !strcmp(a->type, b->type);
    for (unsigned i = 0; same && i < a->n; i++)
        same = a->list[i] && b->list[i] ? !strcmp(a->list[i], b->list[i]) : a->list[i] == b->list[i];
    return same;
}

static void names_register(struct names *k)
{
    struct names *known = registered;
    while (known && !names_equal(known, k)) known = known->next;
    if (known) {
        names_free(k);
    } else {
        k->next = registered;
        registered = known = k;
    }
    trace_names(known->type, known->list, known->n);
}

static bool read_names(struct recording *r)
{
    struct reader in;
    if (!find(r, "NAME", &in)) return false;
    for (uint64_t types = upto(&in, TYPES); types-- && !in.bad;) {
        struct names *k = calloc(1, sizeof *k);
        if (!k || !(k->type = strdup(words(&in)))) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; close other programs");
        k->n = (unsigned)upto(&in, NAMES);
        k->list = calloc(k->n + 1, sizeof *k->list);
        if (!k->list) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; close other programs");
        for (unsigned i = 0; i < k->n && !in.bad; i++) {
            const char *name = words(&in);
            k->list[i] = *name ? strdup(name) : NULL;
        }
        if (in.bad || !is_type(k->type)) {
            names_free(k);
            return false;
        }
        names_register(k);
    }
    return !in.bad;
}

/* The file's kinds in this program's terms. */
static bool read_kinds(struct recording *r, uint8_t map[KINDS], const char *name, struct err *e)
{
    struct reader in;
    if (!find(r, "KIND", &in)) return false;
    uint64_t n = upto(&in, KINDS);
    memset(map, EV_COUNT, KINDS);
    for (unsigned k = 0; k < n && !in.bad; k++) {
        const char *kind = words(&in);
        uint64_t fields = number(&in);
        int here = event_kind(kind);
        const struct event_desc *d = here < 0 ? NULL : event_desc((unsigned)here);
        bool same = d && fields == d->fields;
        for (uint64_t f = 0; f < fields && !in.bad; f++) {
            const char *field = words(&in), *type = words(&in);
            uint64_t bytes = number(&in);
            same = same && !strcmp(field, d->field[f].name) && !strcmp(type, d->field[f].type ? d->field[f].type : "") && bytes == d->field[f].bytes;
        }
        if (in.bad) return false;
        if (!same) return err_set(e, EXIT_INPUT, "%s: recorded by another version of this program, whose event %.40s has other fields; record it anew", name, kind);
        map[k] = (uint8_t)here;
    }
    return !in.bad;
}

static bool read_event(struct reader *in, const uint8_t *map, struct event *e)
{
    struct event now = { .kind = map[upto(in, KINDS - 1)] };
    if (now.kind >= EV_COUNT) return false;
    uint64_t id = e->id + upto(in, UINT32_MAX), cause = number(in);
    now.cycle = e->cycle + number(in);
    now.insns = e->insns + number(in);
    now.eip = e->eip ^ (uint32_t)upto(in, UINT32_MAX);
    uint64_t episode = number(in);
    now.vcpu = (uint8_t)upto(in, 127);
    now.ring = (uint8_t)upto(in, 3);
    if (id > UINT32_MAX || cause >= id || episode > id || now.cycle < e->cycle || now.kind == EV_FORGOTTEN) return false;
    now.id = (uint32_t)id;
    now.cause = cause ? (uint32_t)(id - cause) : 0;
    now.episode = episode ? (uint32_t)(id - episode + 1) : 0;
    const struct event_desc *d = event_desc(now.kind);
    for (unsigned f = 0; f < d->fields; f++) {
        uint32_t v = (uint32_t)upto(in, UINT32_MAX >> (32 - 8 * d->field[f].bytes));
        memcpy((uint8_t *)&now.u + d->field[f].offset, &v, d->field[f].bytes);
    }
    *e = now;
    return !in->bad;
}

static bool read_events(struct recording *r, const uint8_t *map)
{
    struct reader in;
    struct event e = { 0 };
    if (!find(r, "EVNT", &in)) return false;
    r->own = trace_new();
    r->x.t = r->own;
    for (uint64_t n = number(&in); n--;)
        if (in.bad || !read_event(&in, map, &e) || e.id > 64u << 20 || !trace_append(r->own, &e)) return false;
    return !in.bad;
}

static bool read_causes(struct recording *r, uint8_t map[KINDS], const char *name, struct err *e)
{
    struct reader in;
    if (!find(r, "CAUS", &in)) return false;
    for (uint64_t i = 0, n = upto(&in, KINDS); i < n && !in.bad; i++) {
        const char *cause = words(&in);
        unsigned c = 0;
        while (c < CAUSE_COUNT && strcmp(cause_name(c), cause)) c++;
        if (c == CAUSE_COUNT) return err_set(e, EXIT_INPUT, "%s: recorded by another version of this program, with a cause %.40s; record it anew", name, cause);
        map[i] = (uint8_t)c;
        r->by_cause[c] = number(&in);
    }
    r->x.by_cause = r->by_cause;
    return !in.bad;
}

static bool read_episodes(struct recording *r, const uint8_t *map)
{
    struct reader in;
    uint32_t last = trace_last(r->own);
    if (!find(r, "EPIS", &in)) return false;
    uint64_t before = 0;
    for (uint64_t n = number(&in); n--;) {
        struct episode p = { .first = (uint32_t)upto(&in, last), .exit = (uint32_t)upto(&in, last), .last = (uint32_t)upto(&in, last) };
        p.known = (uint32_t)upto(&in, last);
        p.from = number(&in);
        p.to = number(&in);
        p.reason = (uint8_t)upto(&in, 255);
        p.resumed = upto(&in, 1);
        for (uint64_t k = upto(&in, CAUSE_COUNT); k--;) {
            uint8_t cause = map[upto(&in, KINDS - 1)];
            p.cost[cause < CAUSE_COUNT ? cause : 0] = (uint32_t)upto(&in, UINT32_MAX);
        }
        const struct event *exit = trace_by_id(r->own, p.exit);
        if (in.bad || p.from < before || p.to < p.from || p.first > p.exit || p.exit > p.last || !exit || exit->kind == EV_FORGOTTEN) return false;
        before = p.from;
        trace_append_episode(r->own, &p);
    }
    return !in.bad;
}

static const char *name_of(void *self, uint32_t eip, char *buf, size_t n)
{
    const struct recording *r = self;
    for (size_t low = 0, high = r->symbols; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (r->symbol[middle].at == eip) return r->symbol[middle].name;
        if (r->symbol[middle].at < eip) low = middle + 1;
        else high = middle;
    }
    snprintf(buf, n, "%08X", eip);
    return buf;
}

static bool read_symbols(struct recording *r)
{
    struct reader in;
    if (!find(r, "SYMB", &in)) return false;
    uint64_t n = number(&in);
    if (n > in.left) return false;
    r->symbol = calloc(n + 1, sizeof *r->symbol);
    if (!r->symbol) fatal(EXIT_ENVIRONMENT, "out of memory for the trace; close other programs");
    uint32_t at = 0;
    for (; r->symbols < n && !in.bad; r->symbols++) {
        at += (uint32_t)upto(&in, UINT32_MAX);
        r->symbol[r->symbols] = (struct recording_symbol){ at, words(&in) };
    }
    r->x.symbol = name_of;
    r->x.self = r;
    return !in.bad;
}

static bool read_steps(struct recording *r)
{
    struct reader in;
    if (!find(r, "STEP", &in)) return false;
    for (uint64_t n = upto(&in, RECORDING_STEPS); r->steps < n && !in.bad; r->steps++) {
        struct recording_step *s = &r->step[r->steps];
        s->title = words(&in);
        s->note = words(&in);
        s->last = (uint32_t)upto(&in, trace_last(r->own));
    }
    if (find(r, "FRAM", &in)) text_bytes(&r->frames, in.at, in.left);
    return !in.bad;
}

bool recording_read(struct recording *r, const struct text *file, const char *name, struct err *e)
{
    uint8_t kinds[KINDS], causes[KINDS] = { 0 };
    if (!check(file, name, e)) return false;
    struct err why = { 0 };
    bool ok = unpack(r, file) && read_what(r) && read_names(r) && read_kinds(r, kinds, name, &why) && read_events(r, kinds) &&
              read_causes(r, causes, name, &why) && read_episodes(r, causes) && read_symbols(r) && read_steps(r);
    if (ok) return true;
    recording_free(r);
    if (why.code) return err_set(e, why.code, "%s", why.text);
    return err_set(e, EXIT_INPUT, "%s: what it holds makes no sense, though its checksums are right; record it anew", name);
}

void recording_free(struct recording *r)
{
    trace_free(r->own);
    free(r->symbol);
    text_free(&r->what);
    text_free(&r->frames);
    text_free(&r->strings);
    *r = (struct recording){ 0 };
}

const char *recording_value(const struct recording *r, const char *key, char *buf, size_t n)
{
    size_t k = strlen(key);
    *buf = 0;
    for (const char *line = text_str(&r->what); *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (!strncmp(line, key, k) && line[k] == '=') snprintf(buf, n, "%.*s", (int)strcspn(line + k + 1, "\n"), line + k + 1);
    return buf;
}
