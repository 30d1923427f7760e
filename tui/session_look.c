/* What a session says without moving: the ladder as a file, and the reason why. See session.h. */
#include "tui/session.h"

#include <stdio.h>
#include <string.h>
#include "sim/lab.h"
#include "sim/trace/trace_ladder.h"

enum { LADDER_ROWS = 200 /* a diagram nobody can read is no diagram */ };

static const char *name_symbol(void *self, uint32_t eip, char *buf, size_t n)
{
    return machine_symbol(self, eip, buf, n);
}

/* "popf" of "popf.lua", with nothing a shell or a file system could stumble over. */
static void stem(const char *name, char *to, size_t room)
{
    size_t n = strcspn(name, ".");
    if (n > room - 1) n = room - 1;
    for (size_t i = 0; i < n; i++) to[i] = strchr("/ \\'\"$`", name[i]) || name[i] < ' ' ? '-' : name[i];
    to[n] = 0;
}

void session_draw(struct session *s)
{
    const struct trace *t = machine_trace_of(s->m);
    char base[64], path[128];
    struct text svg = { 0 };
    struct err e = { 0 };
    if (!trace_count(t)) {
        session_say(s, false, "Nothing has happened yet that could be drawn.");
        return;
    }
    struct ladder_options o = {
        .max_rows = LADDER_ROWS,
        .kernel_ring = machine_kernel_ring(s->m),
        .hypervisor = machine_has_vmm(s->m),
        .hosted = machine_hosted(s->m, &(struct machine_hosted){ .waits = 0 }),
        .title = s->lesson ? s->lesson->title : s->name,
        .symbol = name_symbol,
        .self = s->m,
    };
    struct ladder *l = ladder_new(t, &o);
    ladder_svg(l, &svg);
    ladder_free(l);
    stem(s->name, base, sizeof base);
    snprintf(path, sizeof path, "%s-ladder-ev%u.svg", base, trace_last(t));
    if (text_write(&svg, path, &e))
        session_say(s, false, "Wrote %s: the ladder of events 1 to %u.", path, trace_last(t));
    else
        session_say(s, true, "%s", e.text);
    text_free(&svg);
}

/* The event this moment is about: a silent failure or an exit at this very boundary. */
static const struct event *subject(const struct session *s)
{
    const struct trace *t = machine_trace_of(s->m);
    const struct event *e = trace_by_id(t, trace_last(t));
    for (uint32_t id = trace_last(t); id && e && e->insns + 1 >= machine_insns(s->m); e = trace_by_id(t, --id))
        if (e->kind == EV_SILENT) return e;
    if (machine_place(s->m) != PLACE_VMM) return NULL;
    for (uint32_t id = trace_last(t); id; id--)
        if (trace_by_id(t, id)->kind == EV_EXIT) return trace_by_id(t, id);
    return NULL;
}

static void why_event(const struct session *s, const struct event *e, struct text *out)
{
    char where[64];
    const char *at = machine_symbol(s->m, e->eip, where, sizeof where);
    if (e->kind == EV_SILENT)
        text_add(out, "%s at %s: %s should have become %X and is %X, and nobody was told.\n",
                 trace_name("mnemonic", e->u.SILENT.op), at, trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted,
                 e->u.SILENT.got);
    else
        text_add(out, "The hypervisor has control: %s at %s. ", trace_name("exit", e->u.EXIT.reason), at);
}

void session_why(const struct session *s, struct text *out)
{
    struct machine_cpu cpu, guest;
    struct machine_insn insn;
    const struct event *e = subject(s);
    machine_cpu(s->m, &cpu);
    machine_guest(s->m, &guest);
    uint32_t at = e ? e->eip : machine_place(s->m) == PLACE_VMM ? guest.eip : machine_eip(s->m);
    if (e) why_event(s, e, out);
    if (!machine_insn(s->m, gva(at), &insn)) {
        text_add(out, "There is no instruction at %08X.", at);
        return;
    }
    text_add(out, "%s: %s", insn.word, insn.rule);
    if (insn.sensitivity == SENS_NONE) text_add(out, " Neither privileged nor sensitive: it does the same in every ring.");
}

bool session_exec(struct session *s, const char *line, struct text *out)
{
    struct err e = { 0 };
    if (!s->lab) s->lab = lab_new(&e);
    bool good = s->lab && lab_line(s->lab, line, strlen(line), "exec", out, &e);
    if (!good) session_say(s, true, "%s", e.text);
    return good && out->len;
}

bool session_micro(struct session *s, struct text *out)
{
    if (!s->parts || s->micro.moment != machine_insns(s->m)) {
        s->parts = 0;
        if (!micro_read(s->m, &s->micro)) {
            session_say(s, true, "There is no next instruction.");
            return false;
        }
    }
    if (s->parts > s->micro.n) {
        s->parts = 0;
        session_step(s);
        return false;
    }
    s->parts++;
    micro_text(&s->micro, s->parts, out);
    return true;
}

bool session_micro_why(const struct session *s, struct text *out)
{
    if (!s->parts || s->micro.moment != machine_insns(s->m)) return false;
    micro_why(&s->micro, out);
    return true;
}
