/* One event, one line: id, cycle, ring, word, payload in words, EIP. At most 78 columns.
 *
 * The line is made from the event's description alone; how a field reads depends on its name (the table below), so a
 * new kind of event needs no code here, and a field with a new name shows as "name value". */
#include "sim/trace/trace.h"

#include <string.h>
#include "sim/core/outcome.h"
#include "sim/trace/vector.h"

enum { LINE_COLUMNS = 78, EIP_COLUMN = 70 };

/* What one field adds; `d`, `i`: its description and place, for fields that read together with a neighbour. */
struct part {
    const struct event *e;
    const struct event_desc *d;
    unsigned i;
    uint32_t v;
};

static const struct event_field *field_named(const struct event_desc *d, const char *name)
{
    for (unsigned i = 0; i < d->fields; i++)
        if (!strcmp(d->field[i].name, name)) return &d->field[i];
    return NULL;
}

static void say_vector(const struct part *p, struct text *out)
{
    const struct event_field *code = field_named(p->d, "code");
    uint8_t vector = (uint8_t)p->v;
    if (vector == VECTOR_NONE) return;
    if (code || !*vector_name(vector)) vector_text(vector, code ? event_field(p->e, code) : 0, out);
    else text_add(out, "%s", vector_name(vector));
}

static void say_at(const struct part *p, struct text *out)
{
    if (p->v) text_add(out, "at %08X", p->v);
}

static void say_to(const struct part *p, struct text *out)
{
    const struct event_field *from = field_named(p->d, "from");
    if (from) text_add(out, "ring %u -> %u", event_field(p->e, from), p->v);
    else text_add(out, "ring %u", p->v);
}

static void say_access(const struct part *p, struct text *out)
{
    text_add(out, "%s%s", p->v & ACCESS_EXEC ? "fetch" : p->v & ACCESS_WRITE ? "write" : "read",
             p->v & ACCESS_USER ? " user" : "");
}

static void say_cost(const struct part *p, struct text *out)
{
    text_number(out, p->v);
    text_add(out, " cycles");
}

static void say_nothing(const struct part *p, struct text *out) { (void)p, (void)out; }
static void say_plain(const struct part *p, struct text *out) { text_add(out, "%08X", p->v); }
static void say_target(const struct part *p, struct text *out) { text_add(out, "-> %08X", p->v); }
static void say_out(const struct part *p, struct text *out) { text_add(out, "%s", p->v ? "out" : "in"); }
static void say_port(const struct part *p, struct text *out) { text_add(out, "port %X", p->v); }
static void say_value(const struct part *p, struct text *out) { text_add(out, "= %X", p->v); }
static void say_external(const struct part *p, struct text *out) { text_add(out, "%s", p->v ? "external" : ""); }
static void say_virtual(const struct part *p, struct text *out) { text_add(out, "%s", p->v ? "virtual" : "real"); }

static const struct {
    const char *name;
    void (*say)(const struct part *p, struct text *out);
} styles[] = {
    { "vector", say_vector },   { "code", say_nothing },    { "addr", say_at },      { "target", say_target },
    { "from", say_nothing },    { "to", say_to },           { "access", say_access }, { "va", say_plain },
    { "cost", say_cost },       { "out", say_out },         { "port", say_port },    { "value", say_value },
    { "external", say_external }, { "virtual_", say_virtual },
};

/* The code of a row without a vector is a number of its own (STOP), so it must not vanish. */
static bool styled(const struct part *p, struct text *out)
{
    const char *name = p->d->field[p->i].name;
    if (!strcmp(name, "code") && !field_named(p->d, "vector")) return false;
    for (size_t k = 0; k < sizeof styles / sizeof styles[0]; k++)
        if (!strcmp(styles[k].name, name)) {
            styles[k].say(p, out);
            return true;
        }
    return false;
}

static void say_field(const struct part *p, struct text *out)
{
    const struct event_field *f = &p->d->field[p->i];
    if (f->type) text_add(out, "%s", trace_name(f->type, p->v));
    else if (styled(p, out)) return;
    else if (f->bytes == 4 && f->hex && (!strcmp(f->name, "entry"))) text_add(out, "%s %08X", f->name, p->v);
    else text_add(out, f->hex ? "%s %X" : "%s %u", f->name, p->v);
}

static void payload(const struct event *e, struct text *out)
{
    const struct event_desc *d = event_desc(e->kind);
    for (unsigned i = 0; i < d->fields; i++) {
        struct part p = { e, d, i, event_field(e, &d->field[i]) };
        size_t before = out->len;
        text_add(out, "  ");
        say_field(&p, out);
        if (out->len == before + 2) {
            out->len = before;
            out->s[before] = 0;
        }
    }
}

void trace_line(const struct event *e, struct text *out)
{
    struct text line = { 0 }, cycle = { 0 };
    text_number(&cycle, e->cycle);
    text_add(&line, "%5u %13s  %u  %-7s", e->id, text_str(&cycle), e->ring, event_desc(e->kind)->word);
    payload(e, &line);
    if (line.len > LINE_COLUMNS) {
        line.len = LINE_COLUMNS;
        line.s[LINE_COLUMNS] = 0;
    } else if (e->eip && line.len + 2 <= EIP_COLUMN) {
        text_pad(&line, EIP_COLUMN);
        text_add(&line, "%08X", e->eip);
    }
    while (line.len && line.s[line.len - 1] == ' ') line.s[--line.len] = 0;
    text_bytes(out, text_str(&line), line.len);
    text_free(&line);
    text_free(&cycle);
}
