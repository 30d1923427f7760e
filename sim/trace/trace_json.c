/* See trace_json.h. RFC 8259, one value a line. */
#include "sim/trace/trace_json.h"

#include <inttypes.h>
#include <string.h>

static void add_field(const struct event *e, const struct event_field *f, struct text *out)
{
    size_t n = strlen(f->name);
    if (f->name[n - 1] == '_') n--; /* "virtual_": the underscore is C's, not ours */
    text_add(out, ",\"%.*s\":", (int)n, f->name);
    uint32_t v = event_field(e, f);
    const char *name = f->type ? trace_name(f->type, v) : "?";
    if (strcmp(name, "?") != 0) text_json(out, name);
    else text_add(out, "%" PRIu32, v);
}

void trace_json_event(const struct event *e, struct text *out)
{
    const struct event_desc *d = event_desc(e->kind);
    text_add(out, "{\"id\":%" PRIu32 ",\"kind\":\"%s\",\"cause\":%" PRIu32 ",\"episode\":%" PRIu32, e->id, d->word,
             e->cause, e->episode);
    text_add(out, ",\"cycle\":%" PRIu64 ",\"insns\":%" PRIu64 ",\"eip\":%" PRIu32 ",\"cpl\":%u,\"vcpu\":%u", e->cycle,
             e->insns, e->eip, e->ring, e->vcpu);
    for (unsigned i = 0; i < d->fields; i++) add_field(e, &d->field[i], out);
    text_char(out, '}');
}

void trace_json(const struct trace *t, struct text *out)
{
    for (size_t i = 0; i < trace_count(t); i++) {
        if (trace_at(t, i)->kind == EV_FORGOTTEN) continue; /* the ids show the gap */
        trace_json_event(trace_at(t, i), out);
        text_char(out, '\n');
    }
}
