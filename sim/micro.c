/* See micro.h. */
#include "sim/micro.h"

#include <stdio.h>
#include <string.h>
#include "sim/board.h"
#include "sim/cpu/stall.h"
#include "sim/trace/vector.h"

/* What the machine says before the step, and what changed. */
struct looked {
    uint64_t by_cause[CAUSE_COUNT], code_misses, data_misses, cycles, insns;
    uint32_t event, linear, ring;
    enum machine_place place;
    struct insn insn;
    bool decoded, memory;
    unsigned code_refs, operand;     /* of a walk for the code; linear address of the memory operand */
    unsigned stall;                  /* what those behind it wait for it */
    char text[80];
};

static struct micro_step *add(struct micro *x, const char *kind, uint64_t cycles)
{
    struct micro_step *s = &x->step[x->n < MICRO_STEPS ? x->n++ : MICRO_STEPS - 1];
    memset(s, 0, sizeof *s);
    snprintf(s->kind, sizeof s->kind, "%s", kind);
    s->cycles = cycles;
    return s;
}

/* Takes cycles off a cause, at most `most`: what was told is not told again. */
static uint64_t take(uint64_t *spent, unsigned cause, uint64_t most)
{
    uint64_t n = spent[cause] < most ? spent[cause] : most;
    spent[cause] -= n;
    return n;
}

/* --- before --------------------------------------------------------------------------------------------------------- */

/* Of the instruction that begins with these bytes. Single-stepped by TF it has nothing behind it. */
static void look_behind(const struct machine *m, struct looked *l, const struct machine_cpu *real, const uint8_t *first, struct insn_mode mode)
{
    uint8_t bytes[STALL_BYTES];
    unsigned left = PAGE_SIZE - (l->linear & (PAGE_SIZE - 1)), n = left < sizeof bytes ? left : sizeof bytes;
    if (real->eflags & FLAG_TF || !machine_peek(m, gva(l->linear), bytes, n)) return;
    if (n >= l->insn.len && !memcmp(bytes, first, l->insn.len)) l->stall = stall_behind(m->model.cost, &l->insn, bytes, n, mode);
}

static void look(const struct machine *m, struct looked *l)
{
    struct machine_xlat code;
    struct machine_cpu real;
    struct machine_span span[MACHINE_SPANS];
    uint8_t bytes[15];
    unsigned n = sizeof bytes;
    memset(l, 0, sizeof *l);
    machine_cpu(m, &real);
    machine_causes(m, l->by_cause);
    l->code_misses = m->b->cpu.itlb.misses, l->data_misses = m->b->cpu.dtlb.misses;
    l->cycles = machine_cycles(m), l->insns = machine_insns(m);
    l->event = trace_last(m->trace);
    l->linear = machine_linear(m), l->ring = real.cpl, l->place = machine_place(m);
    machine_translate(m, gva(l->linear), ACCESS_EXEC | (real.cpl == 3 ? ACCESS_USER : 0), &code);
    l->code_refs = code.real.refs;
    machine_disasm(m, gva(l->linear), l->text, sizeof l->text);
    while (n && !machine_peek(m, gva(l->linear), bytes, n)) n--;
    struct insn_mode mode = { .code32 = (real.seg[1].ar & AR_DB) != 0 };
    l->decoded = n && insn_decode(bytes, n, mode, m->model.cost, &l->insn) == DECODE_OK;
    if (l->decoded) look_behind(m, l, &real, bytes, mode);
    if (!l->decoded || !(l->insn.flags & INSN_MEM) || l->place == PLACE_VMM) return;
    l->memory = machine_operands(m, span, MACHINE_SPANS) > 1;
    if (l->memory) l->operand = span[1].at.v;
}

/* --- the instruction itself --------------------------------------------------------------------------------------------- */

static void tell_walk(struct micro_step *s, const struct machine *m, uint32_t at, uint64_t misses)
{
    uint32_t ref = m->model.cost[COST_WALK_REF];
    if (!misses && !s->cycles) {
        snprintf(s->what, sizeof s->what, "%08X: TLB hit", at);
        snprintf(s->why, sizeof s->why, "a hit in the TLB is in the base cost");
        return;
    }
    snprintf(s->what, sizeof s->what, "%08X: TLB miss, %llu references", at, (unsigned long long)(ref ? s->cycles / ref : 0));
    snprintf(s->why, sizeof s->why, "%s = %u for each entry of the page tables", cost_name(COST_WALK_REF), ref);
}

static void tell_fetch(const struct machine *m, const struct looked *a, const struct looked *b, uint64_t *spent, struct micro *x)
{
    uint64_t misses = b->code_misses - a->code_misses, data = b->data_misses - a->data_misses;
    uint64_t most = !misses ? 0 : !data ? UINT64_MAX : (uint64_t)a->code_refs * m->model.cost[COST_WALK_REF];
    tell_walk(add(x, "fetch", take(spent, CAUSE_WALK, most)), m, a->linear, misses);
    struct micro_step *s = add(x, "decode", 0);
    snprintf(s->what, sizeof s->what, "%.70s", a->text);
    snprintf(s->why, sizeof s->why, "decoding is in the base cost");
}

static const struct event *first(const struct machine *m, const struct looked *a, unsigned kind)
{
    for (uint32_t id = a->event + 1; id <= trace_last(m->trace); id++)
        if (trace_by_id(m->trace, id) && trace_by_id(m->trace, id)->kind == kind) return trace_by_id(m->trace, id);
    return NULL;
}

static void tell_check(const struct machine *m, const struct looked *a, struct micro *x)
{
    const struct insn_desc *d = insn_desc(a->insn.id);
    const struct event *fault = first(m, a, EV_FAULT), *exit = first(m, a, EV_VMEXIT);
    if (!a->decoded || (d->privilege == PRIV_NONE && d->sensitivity == SENS_NONE)) return;
    struct micro_step *s = add(x, "check", 0);
    bool refused = fault && fault->u.FAULT.vector == VEC_GP;
    snprintf(s->what, sizeof s->what, "%s in ring %u: %s", d->word, a->ring, refused ? "refused" : exit ? "leaves to the hypervisor" : "allowed");
    snprintf(s->why, sizeof s->why, "%.150s", d->rule);
    s->stop = refused;
}

static void tell_operand(const struct machine *m, const struct looked *a, const struct looked *b, uint64_t *spent, struct micro *x)
{
    uint64_t misses = b->data_misses - a->data_misses;
    if (!a->memory && !spent[CAUSE_WALK]) return;
    struct micro_step *s = add(x, "translate", take(spent, CAUSE_WALK, UINT64_MAX));
    if (a->memory) tell_walk(s, m, a->operand, misses);
    else {
        snprintf(s->what, sizeof s->what, "%llu misses in the data TLB", (unsigned long long)misses);
        snprintf(s->why, sizeof s->why, "%s = %u for each entry of the page tables", cost_name(COST_WALK_REF), m->model.cost[COST_WALK_REF]);
    }
}

/* Who pays for plain execution: user, kernel, translated code, the hypervisor's stub. */
static void tell_execute(const struct machine *m, const struct looked *a, uint64_t *spent, struct micro *x)
{
    static const uint8_t payers[] = { CAUSE_USER, CAUSE_KERNEL, CAUSE_TRANSLATED, CAUSE_DISPATCH };
    enum cost row = insn_desc(a->insn.id)->cost;
    for (unsigned i = 0; a->decoded && i < sizeof payers; i++) {
        if (!spent[payers[i]] || (payers[i] == CAUSE_DISPATCH && a->place != PLACE_VMM)) continue;
        struct micro_step *s = add(x, "execute", take(spent, payers[i], a->insn.cost)); /* or finding out that it must not */
        char source[100];
        model_source(&m->model, row, source, sizeof source);
        snprintf(s->what, sizeof s->what, "%s", cost_name(row));
        if (a->insn.cost == m->model.cost[row]) snprintf(s->why, sizeof s->why, "%s = %u: %.100s", cost_name(row), a->insn.cost, source);
        else snprintf(s->why, sizeof s->why, "%u: %s, with a memory operand or another form", a->insn.cost, cost_name(row));
        if (a->stall && spent[payers[i]]) {
            s = add(x, "wait", take(spent, payers[i], a->stall));
            enum cost dep = stall_row(&a->insn);
            model_source(&m->model, dep, source, sizeof source);
            snprintf(s->what, sizeof s->what, "needed before it is there: %s", cost_name(dep));
            snprintf(s->why, sizeof s->why, "%u, as %s = %u: %.100s", a->stall, cost_name(dep), m->model.cost[dep], source);
        }
        if (!spent[payers[i]]) return;
        s = add(x, "wait", take(spent, payers[i], UINT64_MAX));
        snprintf(s->what, sizeof s->what, "%s", "beyond the base cost");
        snprintf(s->why, sizeof s->why, "%s", "ports and devices answer in their own time; strings repeat");
        return;
    }
}

/* --- what followed ------------------------------------------------------------------------------------------------------ */

static const struct { uint8_t kind; const char *word; int cause, row; } events[] = {
    { EV_FAULT, "fault", -1, -1 },                 { EV_INT, "interrupt", -1, -1 },
    { EV_IRQ, "interrupt", -1, -1 },               { EV_GATE, "gate", CAUSE_DELIVER, COST_GATE },
    { EV_RETURN, "return", CAUSE_DELIVER, COST_IRET }, { EV_TASK, "task", CAUSE_DELIVER, COST_TASK },
    { EV_VMEXIT, "vm exit", CAUSE_VMEXIT, COST_VMEXIT }, { EV_VMENTRY, "vm entry", CAUSE_VMENTRY, COST_VMENTRY },
    { EV_HALT, "halt", CAUSE_IDLE, -1 },           { EV_EXIT, "exit", -1, -1 },
    { EV_EMULATE, "emulate", CAUSE_EMULATE, COST_EMULATE }, { EV_PORT, "device", CAUSE_DEVICE, COST_DEVICE },
    { EV_INJECT, "inject", CAUSE_INJECT, COST_INJECT }, { EV_HIDDEN, "shadow", CAUSE_SHADOW, COST_SHADOW_FILL },
    { EV_TRACED, "shadow", CAUSE_SHADOW, COST_SHADOW_SYNC }, { EV_TRUE, "shadow", CAUSE_SHADOW, -1 },
    { EV_SILENT, "silent", -1, -1 },               { EV_HYPERCALL, "hypercall", CAUSE_HYPERCALL, COST_HYPERCALL },
    { EV_TRANSLATE, "translate", CAUSE_TRANSLATE, COST_TRANSLATE }, { EV_RESUME, "resume", -1, -1 },
};

/* The words of a line of the trace, without what every line begins with, and without where. */
static void words(const struct event *e, char *to, size_t n)
{
    enum { PREFIX = 23 }; /* id, cycle, ring */
    struct text line = { 0 };
    trace_line(e, &line);
    size_t end = line.len - (e->eip && line.len > PREFIX + 10 ? 10 : 0), at = line.len > PREFIX ? PREFIX : 0;
    const char *s = text_str(&line);
    while (at < end && s[at] == ' ') at++;
    while (at < end && s[at] != ' ') at++; /* the event's own name: the part has one */
    while (at < end && s[at] == ' ') at++;
    snprintf(to, n, "%.*s", (int)(end - at), s + at);
    for (size_t k = strlen(to); k && to[k - 1] == ' '; k--) to[k - 1] = 0;
    text_free(&line);
}

static void tell_events(const struct machine *m, const struct looked *a, uint64_t *spent, struct micro *x)
{
    for (uint32_t id = a->event + 1; id <= trace_last(m->trace); id++) {
        const struct event *e = trace_by_id(m->trace, id);
        for (size_t i = 0; e && i < sizeof events / sizeof events[0]; i++) {
            if (events[i].kind != e->kind) continue;
            uint64_t cycles = events[i].cause < 0 ? 0 : take(spent, (unsigned)events[i].cause, UINT64_MAX);
            struct micro_step *s = add(x, events[i].word, cycles);
            words(e, s->what, sizeof s->what);
            s->stop = e->kind == EV_FAULT || e->kind == EV_SILENT;
            if (events[i].row >= 0 && cycles)
                snprintf(s->why, sizeof s->why, "%s = %u: %.110s", cost_name((enum cost)events[i].row), m->model.cost[events[i].row],
                         cost_about((enum cost)events[i].row));
            else snprintf(s->why, sizeof s->why, "%.150s", event_desc(e->kind)->about);
            break;
        }
    }
}

static void tell_rest(uint64_t *spent, struct micro *x)
{
    for (unsigned c = 0; c < CAUSE_COUNT; c++) {
        if (!spent[c]) continue;
        struct micro_step *s = add(x, cause_name(c), spent[c]);
        snprintf(s->what, sizeof s->what, "%.78s", cause_about(c));
        snprintf(s->why, sizeof s->why, "%s", "the sum of rows and memory references that this cause was charged");
    }
}

/* --- both --------------------------------------------------------------------------------------------------------------- */

bool micro_read(struct machine *m, struct micro *x)
{
    struct looked a, b;
    uint64_t spent[CAUSE_COUNT];
    memset(x, 0, sizeof *x);
    if (machine_end(m).fate != FATE_RUNNING) return false;
    look(m, &a);
    machine_run(m, NULL, 1);
    look(m, &b);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) spent[c] = b.by_cause[c] - a.by_cause[c];
    x->cycles = b.cycles - a.cycles;
    x->moment = a.insns;
    bool visit = first(m, &a, EV_EXIT) || (a.place == PLACE_VMM && b.insns == a.insns);
    if (!visit) {
        tell_fetch(m, &a, &b, spent, x);
        tell_check(m, &a, x);
        tell_operand(m, &a, &b, spent, x);
        tell_execute(m, &a, spent, x);
    }
    tell_events(m, &a, spent, x);
    tell_rest(spent, x);
    return machine_goto(m, a.insns);
}

void micro_text(const struct micro *x, unsigned shown, struct text *out)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < x->n && i < shown; i++) {
        const struct micro_step *s = &x->step[i];
        size_t line = out->len;
        struct text n = { 0 };
        sum += s->cycles;
        text_number(&n, s->cycles);
        text_add(out, "%c%c %-9.9s %.42s", i + 1 == shown ? '>' : ' ', s->stop ? '!' : ' ', s->kind, s->what);
        while (out->len - line < 56) text_char(out, ' ');
        text_add(out, "%10s\n", s->cycles ? text_str(&n) : "-");
        text_free(&n);
    }
    if (shown && shown <= x->n) text_add(out, "\n%s\n", x->step[shown - 1].why);
    struct text n = { 0 }, all = { 0 };
    text_number(&n, sum);
    text_number(&all, x->cycles);
    if (shown <= x->n) text_add(out, "\n%s of %s cycles so far; S goes on, i: why so many", text_str(&n), text_str(&all));
    else text_add(out, "\n%s cycles in all; S does it, i: why so many", text_str(&all));
    text_free(&n);
    text_free(&all);
}

void micro_why(const struct micro *x, struct text *out)
{
    text_number(out, x->cycles);
    text_add(out, " cycles in all:\n");
    for (unsigned i = 0; i < x->n; i++) {
        const struct micro_step *s = &x->step[i];
        if (!s->cycles) continue;
        text_add(out, "\n");
        text_number(out, s->cycles);
        text_add(out, " %s: %s\n", s->kind, s->why);
    }
}
