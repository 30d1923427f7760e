/* The comparison as a table and as JSON: a column for each machine, a row for each fact. See compare_runs.h. */
#include <stdio.h>
#include <string.h>
#include "sim/compare_runs.h"

enum { LABEL = 22, WIDEST = 13 };

typedef void cell_fn(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out);

static int column(const struct compare_runs *c)
{
    int fits = (SAY_WIDTH - LABEL) / (int)c->n;
    return fits < WIDEST ? fits : WIDEST;
}

static void say_row(const struct compare_runs *c, const char *label, cell_fn *cell, unsigned row, struct say *out)
{
    struct text t = { 0 };
    int wide = column(c);
    say_add(out, "  %-*s", LABEL - 2, label);
    for (unsigned i = 0; i < c->n; i++) {
        text_clear(&t);
        if (c->run[i].refused) text_add(&t, "-");
        else cell(c, &c->run[i], row, &t);
        say_add(out, "%*s%s", (int)t.len < wide ? wide - (int)t.len : 1, "", text_str(&t));
    }
    say_add(out, "\n");
    text_free(&t);
}

/* --- cells --- */

static const char *fate_word(uint8_t fate, uint32_t code)
{
    static const char *const words[] = { "running", "exited", "halted", "DIED", "limit", "reset", "off", "saved" };
    return fate == FATE_EXITED ? code ? "FAILED" : "ended well" : fate < sizeof words / sizeof words[0] ? words[fate] : "?";
}

static void cell_end(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)c, (void)row;
    text_add(out, "%s", fate_word(r->end.fate, r->end.code));
}

static void cell_console(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)row;
    if (r == &c->run[0]) text_add(out, "reference");
    else if (r->line) text_add(out, "line %u", r->line);
    else text_add(out, "same");
}

static void cell_memory(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)row;
    if (r == &c->run[0]) text_add(out, "reference");
    else if (r->port[0]) text_add(out, "a port");
    else if (!r->memory) text_add(out, "same");
    else text_number(out, r->memory), text_add(out, " B");
}

static uint64_t exits_of(const struct compare_run *r, const char *reason)
{
    for (unsigned i = 0; i < r->sum.reasons; i++)
        if (!strcmp(r->sum.reason[i].name, reason)) return r->sum.reason[i].count;
    return 0;
}

enum number { GUEST_INSNS, EXITS, SILENT, INJECTED, FILLS, CYCLES };
static void cell_number(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)c;
    const struct machine_summary *s = &r->sum;
    const uint64_t n[] = { s->guest_insns, s->exits, s->silent, s->injected, s->shadow.filled, s->cycles };
    text_number(out, n[row]);
}

static void cell_slowdown(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    const struct machine_summary *s = &r->sum, *bare = &c->run[0].sum;
    if (r->end.fate != c->run[0].end.fate || r->end.code != c->run[0].end.code) { /* it did not do the same work */
        text_add(out, "-");
        return;
    }
    uint64_t mine = s->cycles - (row ? s->by_cause[CAUSE_IDLE] : 0), its = bare->cycles - (row ? bare->by_cause[CAUSE_IDLE] : 0);
    text_add(out, "%.2fx", its ? (double)mine / (double)its : 0.0);
}

static void cell_cause(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)c;
    text_number(out, r->sum.by_cause[row]);
}

static void cell_parted(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    (void)row;
    if (r == &c->run[0]) text_add(out, "reference");
    else if (r->port[0]) text_add(out, r->line ? "line %u" : "none", r->line);
    else if (!r->stepped) text_add(out, "none");
    else if (r->step.end == LOCKSTEP_PARTED) text_add(out, "insn "), text_number(out, r->step.steps);
    else text_add(out, r->step.end == LOCKSTEP_ENDED ? "none" : "not found");
}

/* --- the table --- */

/* Every reason that some machine has, by its total, once. */
static unsigned all_reasons(const struct compare_runs *c, const char **words, unsigned room)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->n; i++)
        for (unsigned k = 0; k < c->run[i].sum.reasons; k++) {
            const char *word = c->run[i].sum.reason[k].name;
            unsigned at = 0;
            while (at < n && strcmp(words[at], word)) at++;
            if (at == n && n < room) words[n++] = word;
        }
    return n;
}

enum { REASONS = 2 * MACHINE_REASONS };
static void cell_reason(const struct compare_runs *c, const struct compare_run *r, unsigned row, struct text *out)
{
    const char *words[REASONS];
    all_reasons(c, words, REASONS);
    text_number(out, exits_of(r, words[row]));
}

static void say_exits(const struct compare_runs *c, struct say *out)
{
    const char *words[REASONS];
    unsigned n = all_reasons(c, words, REASONS);
    say_row(c, "exits", cell_number, EXITS, out);
    for (unsigned i = 0; i < n; i++) {
        char label[40];
        snprintf(label, sizeof label, "  %s", words[i]);
        say_row(c, label, cell_reason, i, out);
    }
}

static void say_causes(const struct compare_runs *c, struct say *out)
{
    say_row(c, "cycles", cell_number, CYCLES, out);
    for (unsigned k = 0; k < CAUSE_COUNT; k++) {
        bool any = false;
        for (unsigned i = 0; i < c->n; i++) any |= !c->run[i].refused && c->run[i].sum.by_cause[k];
        char label[40];
        snprintf(label, sizeof label, "  %s", cause_name(k));
        if (any) say_row(c, label, cell_cause, k, out);
    }
    say_row(c, "slowdown", cell_slowdown, 0, out);
    say_row(c, "  without idling", cell_slowdown, 1, out);
}

static void say_table(const struct compare_runs *c, struct say *out)
{
    say_add(out, "%*s", LABEL, "");
    for (unsigned i = 0; i < c->n; i++) say_role(out, ROLE_TITLE, "%*s", column(c), c->run[i].cpu);
    say_add(out, "\n");
    say_row(c, "end", cell_end, 0, out);
    say_row(c, "console", cell_console, 0, out);
    say_row(c, "memory at the end", cell_memory, 0, out);
    say_row(c, "silent failures", cell_number, SILENT, out);
    say_row(c, "guest could see it", cell_parted, 0, out);
    say_row(c, "guest instructions", cell_number, GUEST_INSNS, out);
    say_exits(c, out);
    say_row(c, "injected", cell_number, INJECTED, out);
    say_row(c, "shadow entries filled", cell_number, FILLS, out);
    say_causes(c, out);
}

/* --- differences in words --- */

static void line_of(const struct text *t, unsigned line, struct say *out)
{
    const char *s = text_str(t);
    while (--line && (s = strchr(s, '\n'))) s++;
    if (!s || !*s) say_role(out, ROLE_FAINT, "(nothing more)");
    else say_bytes(out, s, strcspn(s, "\n"), SAY_WIDTH - 16);
    say_add(out, "\n");
}

static void say_console(const struct compare_runs *c, const struct compare_run *r, struct say *out)
{
    if (!r->line) return;
    say_add(out, "    the console differs from line %u on\n", r->line);
    say_add(out, "      %-7s ", c->run[0].cpu);
    line_of(&c->run[0].serial, r->line, out);
    say_add(out, "      %-7s ", r->cpu);
    line_of(&r->serial, r->line, out);
}

static void say_difference(const struct lockstep_difference *d, struct say *out)
{
    struct text what = { 0 };
    if (strcmp(d->what, "memory")) text_add(&what, "%s", d->what);
    else text_add(&what, "memory at %08X", d->at);
    say_role(out, ROLE_WARN, "      %-20s wanted %8X   got %8X\n", text_str(&what), d->wanted, d->got);
    text_free(&what);
}

static void say_parted(const struct compare_run *r, struct say *out)
{
    const struct lockstep *l = &r->step;
    struct text words = { 0 };
    text_add(&words, "they part %s guest instruction ", l->before ? "before" : "at");
    text_number(&words, l->steps + l->before);
    text_add(&words, ", %08X (%s): %s", l->eip, r->step_where, l->insn);
    say_wrap(out, "    ", 4, text_str(&words));
    for (unsigned i = 0; i < l->differences; i++) say_difference(&l->difference[i], out);
    if (r->step_silent[0]) say_wrap(out, "    the detector: ", 18, r->step_silent + strspn(r->step_silent, " "));
    if (r->step_rule[0]) say_wrap(out, "    ", 4, r->step_rule);
    text_free(&words);
}

static void say_step(const struct compare_run *r, struct say *out)
{
    const struct lockstep *l = &r->step;
    struct text n = { 0 };
    text_number(&n, l->steps);
    if (l->end == LOCKSTEP_PARTED) say_parted(r, out);
    else if (l->end == LOCKSTEP_ENDED)
        say_role(out, ROLE_GOOD, "    in step to the end, %s instructions: only timing and resources differ\n", text_str(&n));
    else if (l->end == LOCKSTEP_LIMIT)
        say_add(out, "    in step for %s instructions; --limit-instr allows more\n", text_str(&n));
    else if (l->end == LOCKSTEP_LOST) {
        char first[80];
        snprintf(first, sizeof first, "    in step for %s instructions, then not to be kept so: ", text_str(&n));
        say_wrap(out, "    ", 4, first + 4);
        say_wrap(out, "      ", 6, l->why);
    }
    text_clear(&n);
    text_add(&n, "made equal on the way: %llu interrupts, %llu values of devices and clocks, %llu of the platform",
             (unsigned long long)l->interrupts, (unsigned long long)l->inputs, (unsigned long long)l->platform);
    say_wrap(out, "    ", 4, text_str(&n));
    text_free(&n);
}

static void say_one(const struct compare_runs *c, const struct compare_run *r, struct say *out)
{
    say_role(out, ROLE_TITLE, "%s and %s", c->run[0].cpu, r->cpu);
    say_add(out, "\n");
    if (r->refused) {
        say_wrap(out, "    refused: ", 13, r->refusal);
        return;
    }
    if (r->port[0]) {
        const char *name = strrchr(r->port, '/');
        struct text words = { 0 };
        text_add(&words, "ran %s, the same kernel ported to the hypervisor's interface: what it says is compared, its memory and steps are not",
                 name ? name + 1 : r->port);
        say_wrap(out, "    ", 4, text_str(&words));
        text_free(&words);
    }
    say_console(c, r, out);
    if (r->memory)
        say_add(out, "    memory differs at the end, first at %08X (%s)\n", r->memory_at, r->memory_name);
    if (r->stepped) say_step(r, out);
    else if (r->port[0] && !r->line) say_role(out, ROLE_GOOD, "    it says the same, byte for byte\n");
    else if (!r->port[0]) say_role(out, ROLE_GOOD, "    nothing the guest could see differs\n");
}

void compare_runs_text(const struct compare_runs *c, bool only_step, struct say *out)
{
    const struct machine_cfg *k = &c->s->cfg;
    say_role(out, ROLE_TITLE, "%s", c->s->name);
    say_add(out, ": the same guest on %u machines, model %s, %u MB, seed %llu\n", c->n, k->model, k->ram_mib,
            (unsigned long long)k->seed);
    if (!only_step) say_table(c, out);
    say_add(out, "\n");
    for (unsigned i = 1; i < c->n; i++) say_one(c, &c->run[i], out);
    if (c->run[0].refused) say_wrap(out, "refused: ", 9, c->run[0].refusal);
}

/* --- JSON --- */

static void json_step(const struct compare_run *r, struct text *out)
{
    static const char *const ends[] = { "running", "ended", "parted", "limit", "lost", "stopped" };
    const struct lockstep *l = &r->step;
    if (!r->stepped) {
        text_add(out, "null");
        return;
    }
    text_add(out, "{\"end\": \"%s\", \"steps\": %llu, \"eip\": %u, \"before\": %s, \"insn\": ", ends[l->end],
             (unsigned long long)l->steps, l->eip, l->before ? "true" : "false");
    text_json(out, l->insn);
    text_add(out, ", \"where\": ");
    text_json(out, r->step_where);
    text_add(out, ", \"why\": ");
    if (l->why) text_json(out, l->why);
    else text_add(out, "null");
    text_add(out, ", \"interrupts\": %llu, \"inputs\": %llu, \"platform\": %llu, \"silent\": %u, \"differences\": [",
             (unsigned long long)l->interrupts, (unsigned long long)l->inputs, (unsigned long long)l->platform, l->silent);
    for (unsigned i = 0; i < l->differences; i++) {
        const struct lockstep_difference *d = &l->difference[i];
        text_add(out, "%s{\"what\": \"%s\", \"at\": %u, \"wanted\": %u, \"got\": %u}", i ? ", " : "", d->what, d->at, d->wanted, d->got);
    }
    text_add(out, "]}");
}

/* What a run to the end showed; `--lockstep` makes none. */
static void json_ran(const struct compare_run *r, struct text *out)
{
    const struct machine_summary *s = &r->sum;
    text_add(out, ", \"end\": \"%s\", \"guest_exit\": %u, \"cycles\": %llu, \"instructions\": %llu, \"guest_instructions\": %llu,\n",
             fate_word(r->end.fate, r->end.code), r->end.code, (unsigned long long)s->cycles, (unsigned long long)s->insns,
             (unsigned long long)s->guest_insns);
    text_add(out, "     \"exits\": {\"total\": %llu", (unsigned long long)s->exits);
    for (unsigned i = 0; i < s->reasons; i++)
        text_add(out, ", \"%s\": %llu", s->reason[i].name, (unsigned long long)s->reason[i].count);
    text_add(out, "},\n     \"cycles_by_cause\": {");
    for (unsigned k = CAUSE_NONE + 1; k < CAUSE_COUNT; k++)
        text_add(out, "%s\"%s\": %llu", k > CAUSE_NONE + 1 ? ", " : "", cause_name(k), (unsigned long long)s->by_cause[k]);
    text_add(out, "},\n     \"silent\": %llu, \"silent_event\": %u, \"injected\": %llu, \"console_line\": %u, \"memory_bytes\": %llu, ",
             (unsigned long long)s->silent, r->silent_event, (unsigned long long)s->injected, r->line, (unsigned long long)r->memory);
    text_add(out, "\"memory_at\": %u, \"memory_name\": ", r->memory_at);
    text_json(out, r->memory_name);
}

static void json_run(const struct compare_run *r, struct text *out)
{
    text_add(out, "    {\"cpu\": \"%s\", \"refused\": ", r->cpu);
    if (r->refused) {
        text_json(out, r->refusal);
        text_add(out, "}");
        return;
    }
    text_add(out, "null, \"port\": ");
    if (r->port[0]) text_json(out, r->port);
    else text_add(out, "null");
    if (r->end.fate != FATE_RUNNING) json_ran(r, out);
    text_add(out, ",\n     \"step\": ");
    json_step(r, out);
    text_add(out, "}");
}

void compare_runs_json(const struct compare_runs *c, struct text *out)
{
    text_add(out, "{\n  \"subject\": ");
    text_json(out, c->s->name);
    text_add(out, ",\n  \"reference\": \"%s\",\n  \"differ\": %s,\n  \"machines\": [\n", c->run[0].cpu,
             compare_runs_differ(c) ? "true" : "false");
    for (unsigned i = 0; i < c->n; i++) {
        json_run(&c->run[i], out);
        text_add(out, "%s\n", i + 1 < c->n ? "," : "");
    }
    text_add(out, "  ]\n}\n");
}
