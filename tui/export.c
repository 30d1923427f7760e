/* e: what the chosen pane tells, as a table in three formats. See pick.h.
 *
 * Idea: a table is read from the machine, not from the screen, so it is complete whatever the size of the window. */
#include <stdio.h>
#include <string.h>
#include "sim/device_use.h"
#include "tui/app.h"

enum { COLUMNS = 10 };
struct table {
    unsigned columns, at;          /* at: how many cells the row has so far */
    const char *head[COLUMNS];
    bool any;                      /* a row was written */
    struct text csv, json, md;
};

static bool is_number(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n && !s[n] && (n == 1 || *s != '0') && n < 16;
}

static void csv_cell(struct text *t, const char *s)
{
    if (!strpbrk(s, ",\"\n\r")) {
        text_add(t, "%s", s);
        return;
    }
    text_char(t, '"');
    for (; *s; s++) text_add(t, *s == '"' ? "\"\"" : "%c", *s);
    text_char(t, '"');
}

static void head(struct table *t, unsigned n, const char *const *names)
{
    t->columns = n;
    for (unsigned i = 0; i < n; i++) {
        t->head[i] = names[i];
        text_add(&t->csv, "%s%s", i ? "," : "", names[i]);
        text_add(&t->md, "| %s ", names[i]);
    }
    text_add(&t->csv, "\n");
    text_add(&t->md, "|\n");
    for (unsigned i = 0; i < n; i++) text_add(&t->md, "|---");
    text_add(&t->md, "|\n");
}

static void cell(struct table *t, const char *s)
{
    if (!t->at) text_add(&t->json, t->any ? ",\n  {" : "  {");
    if (t->at) text_add(&t->csv, ",");
    csv_cell(&t->csv, s);
    text_add(&t->json, "%s\"%s\": ", t->at ? ", " : " ", t->head[t->at]);
    if (is_number(s)) text_add(&t->json, "%s", s);
    else text_json(&t->json, s);
    text_add(&t->md, "| ");
    for (const char *c = s; *c; c++) text_add(&t->md, *c == '|' ? "\\|" : "%c", *c);
    text_add(&t->md, " ");
    t->any = true;
    if (++t->at < t->columns) return;
    t->at = 0;
    text_add(&t->csv, "\n"), text_add(&t->json, " }"), text_add(&t->md, "|\n");
}

static void number(struct table *t, uint64_t n)
{
    char s[32];
    snprintf(s, sizeof s, "%llu", (unsigned long long)n);
    cell(t, s);
}

static void hex(struct table *t, uint32_t v)
{
    char s[16];
    snprintf(s, sizeof s, "0x%X", v);
    cell(t, s);
}

/* ---- the tables -------------------------------------------------------------------------------------------------- */

static void cycles(const struct app *a, struct table *t)
{
    static const char *const names[] = { "cause", "cycles" };
    uint64_t by[CAUSE_COUNT];
    machine_causes(a->session.m, by);
    head(t, 2, names);
    for (unsigned i = 1; i < CAUSE_COUNT; i++)
        if (by[i]) cell(t, cause_name(i)), number(t, by[i]);
}

static void cpu(const struct app *a, struct table *t)
{
    static const char *const names[] = { "register", "real", "guest" };
    static const char *const regs[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    struct machine_cpu r, g;
    machine_cpu(a->session.m, &r);
    machine_guest(a->session.m, &g);
    head(t, 3, names);
    for (unsigned i = 0; i < 8; i++) cell(t, regs[i]), hex(t, r.reg[i]), hex(t, g.reg[i]);
    const struct { const char *name; uint32_t real, guest; } rest[] = {
        { "eip", r.eip, g.eip }, { "eflags", r.eflags, g.eflags }, { "cpl", r.cpl, g.cpl }, { "if", r.iflag, g.iflag },
        { "cr0", r.cr0, g.cr0 }, { "cr2", r.cr2, g.cr2 }, { "cr3", r.cr3, g.cr3 }, { "cr4", r.cr4, g.cr4 },
        { "gdt", r.gdt_base, g.gdt_base }, { "idt", r.idt_base, g.idt_base }, { "ldtr", r.ldtr, g.ldtr }, { "tr", r.tr, g.tr },
    };
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) cell(t, rest[i].name), hex(t, rest[i].real), hex(t, rest[i].guest);
}

/* At most so many, the newest. */
enum { EVENTS_MOST = 20000 };

static void events(const struct app *a, struct table *t)
{
    static const char *const names[] = { "event", "cycle", "moment", "vm", "ring", "kind", "what" };
    const struct trace *trace = machine_trace_of(a->session.m);
    uint32_t last = trace_last(trace);
    head(t, 7, names);
    for (uint32_t id = last > EVENTS_MOST ? last - EVENTS_MOST + 1 : 1; id <= last; id++) {
        const struct event *e = trace_by_id(trace, id);
        struct text line = { 0 };
        if (e->kind == EV_FORGOTTEN) continue;
        trace_line(e, &line);
        number(t, e->id), number(t, e->cycle), number(t, e->insns), number(t, e->vcpu), number(t, e->ring), cell(t, event_desc(e->kind)->word);
        cell(t, text_str(&line) + strspn(text_str(&line), " "));
        text_free(&line);
    }
}

static void devices(const struct app *a, struct table *t)
{
    static const char *const names[] = { "device", "driven by", "a VM has", "served", "virtual interrupts", "interrupts", "virtual moved", "moved" };
    struct device_uses u = { 0 };
    char owner[32];
    device_uses_count(&u, a->session.m);
    head(t, 8, names);
    for (unsigned i = 0; i < u.n; i++) {
        const struct device_use *d = &u.use[i];
        cell(t, device_use_title(d->is.name)), cell(t, device_use_owner(a->session.m, d->is.owner, owner, sizeof owner)), cell(t, d->is.sees);
        number(t, device_use_sum(d->accesses)), number(t, device_use_sum(d->signals)), number(t, d->real_signals);
        number(t, device_use_sum(d->commands)), number(t, d->real_commands);
    }
}

static void vms(const struct app *a, struct table *t)
{
    static const char *const names[] = { "vm", "machine", "image", "state", "turns", "exits", "ran", "waited", "slept", "capped" };
    head(t, 10, names);
    for (unsigned n = 0; n < machine_vms(a->session.m); n++) {
        struct machine_vm vm;
        char machine[48];
        machine_vm(a->session.m, n, &vm);
        snprintf(machine, sizeof machine, "%s/%s", vm.cpu, vm.mmu);
        number(t, n), cell(t, machine), cell(t, vm.image), cell(t, vm.state), number(t, vm.turns), number(t, vm.exits);
        number(t, vm.running), number(t, vm.ready), number(t, vm.asleep), number(t, vm.capped);
    }
}

/* The dashboard: figures, causes, registers, differences, how instructions were answered; a column for each machine. */
static void lockstep(const struct app *a, struct table *t)
{
    const struct pair_shot *s = pair_now(a->pair);
    const char *names[1 + PAIR_MACHINES] = { "what" };
    unsigned n = a->pair->n;
    for (unsigned k = 0; k < n; k++) names[1 + k] = a->pair->cpu[k];
    head(t, 1 + n, names);
    cell(t, "guest instructions");
    for (unsigned k = 0; k < n; k++) number(t, s->step.steps);
    cell(t, "cycles");
    for (unsigned k = 0; k < n; k++) number(t, s->side[k].cycles);
    cell(t, "exits");
    for (unsigned k = 0; k < n; k++) number(t, s->side[k].exits);
    for (unsigned i = 1; i < CAUSE_COUNT; i++) {
        uint64_t sum = 0;
        for (unsigned k = 0; k < n; k++) sum += s->side[k].by_cause[i];
        if (sum) cell(t, cause_name(i));
        for (unsigned k = 0; k < n && sum; k++) number(t, s->side[k].by_cause[i]);
    }
    for (unsigned i = 0; i < s->side[0].view.n; i++) {
        cell(t, s->side[0].view.at[i].name);
        for (unsigned k = 0; k < n; k++) hex(t, s->side[k].view.at[i].value);
    }
    for (unsigned i = 0; i < s->step.differences; i++) {
        const struct lockstep_difference *d = &s->step.difference[i];
        char what[64];
        snprintf(what, sizeof what, "differs: %s %08X", d->what, d->at);
        cell(t, what), hex(t, d->wanted);
        for (unsigned k = 1; k < n; k++)
            if (k == d->machine) hex(t, d->got);
            else cell(t, "");
    }
    for (unsigned i = 0; i < s->answers.n; i++) {
        const struct answer_row *r = &s->answers.row[i];
        char what[64];
        snprintf(what, sizeof what, "instruction: %s", r->word);
        cell(t, what);
        for (unsigned k = 0; k < n; k++) answers_cell(&r->by[k], !k, what), cell(t, what);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bool write_all(struct app *a, struct table *t, const char *name)
{
    char base[120], path[128];
    struct err e = { 0 };
    struct text json = { 0 };
    pick_stem(a, name, base, sizeof base);
    text_add(&json, "[\n%s\n]\n", text_str(&t->json));
    const struct { const char *end; const struct text *text; } files[] = { { "csv", &t->csv }, { "json", &json }, { "md", &t->md } };
    bool good = true;
    for (size_t i = 0; i < 3 && good; i++) {
        snprintf(path, sizeof path, "%s.%s", base, files[i].end);
        good = text_write(files[i].text, path, &e);
    }
    if (good) session_say(&a->session, false, "Wrote %s.csv, .json and .md.", base);
    else session_say(&a->session, true, "%s", e.text);
    text_free(&json);
    return good;
}

void export_table(struct app *a)
{
    static void (*const tables[VIEW_COUNT])(const struct app *a, struct table *t) = {
        [VIEW_CPU] = cpu, [VIEW_CYCLES] = cycles, [VIEW_EVENTS] = events, [VIEW_DEVICES] = devices, [VIEW_VMS] = vms, [VIEW_RINGS] = cycles,
    };
    struct table t = { 0 };
    if (!a->pair && !tables[a->focus]) {
        session_say(&a->session, false, "e is for CPU, Cycles, Events, Devices and VMs: choose one of them.");
        return;
    }
    if (a->pair) lockstep(a, &t);
    else tables[a->focus](a, &t);
    write_all(a, &t, a->pair ? "lockstep" : views[a->focus]->name);
    text_free(&t.csv), text_free(&t.json), text_free(&t.md);
}
