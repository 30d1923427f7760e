/* See compare.h. Not compared: memory, and what devices hold. */
#include "sim/compare.h"

#include <stdio.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/guest_view.h"

enum { LOOK_INSNS = 20000000 }; /* the search for one execution steps instruction by instruction: it must stay short */

/* --- finding the k-th execution ---------------------------------------------------------------------------------- */

/* Is event `e` the start of something that kept the instruction at `eip` from being carried out? */
static bool prevents(const struct event *e, uint32_t eip)
{
    return e->eip == eip && (e->kind == EV_FAULT || e->kind == EV_IRQ);
}

/* Goes on until the guest is about to carry out the instruction at `eip` once more, and does it; an arrival that ends
 * in a page fault or an interrupt is not an execution. Leaves what was before it in `before`. False: the run ended. */
static bool execute_once(struct machine *m, uint32_t eip, uint64_t until_insns, struct guest_view *before, bool *silent)
{
    const struct till label = { .kind = TILL_LABEL, .a = eip };
    const struct trace *t = machine_trace_of(m);
    while (machine_insns(m) < until_insns && !guard_stopped()) {
        struct machine_cpu c;
        machine_guest(m, &c);
        if (c.eip != eip || machine_place(m) == PLACE_VMM)
            if (machine_run(m, &label, until_insns - machine_insns(m)) != MACHINE_TILL) return false;
        guest_view(m, before);
        uint32_t events = trace_last(t);
        enum machine_stop stop = machine_run(m, NULL, 1);
        bool done = true;
        *silent = false;
        for (uint32_t id = events + 1; id <= trace_last(t); id++) {
            const struct event *e = trace_by_id(t, id);
            done &= !prevents(e, eip);
            *silent |= e->kind == EV_SILENT && e->eip == eip;
        }
        if (done) return true;
        if (stop == MACHINE_ENDED) return false;
    }
    return false;
}

static struct machine *another(const struct subject *s, bool native, struct err *e)
{
    struct machine_cfg cfg = s->cfg;
    cfg.serial = NULL;
    config_stays(&cfg);
    if (native) {
        strcpy(cfg.cpu, "native");
        strcpy(cfg.host, "bare-metal");
        cfg.mmu[0] = 0;
    }
    return config_check(&cfg, e) ? machine_new(&cfg, e) : NULL;
}

static void note_differences(struct compare_meeting *c, const struct guest_view before[2], const struct guest_view after[2])
{
    for (unsigned i = 0; i < after[0].n && c->regs < COMPARE_REGS; i++) {
        if (after[0].at[i].value == after[1].at[i].value) continue;
        struct compare_reg *r = &c->reg[c->regs++];
        snprintf(r->name, sizeof r->name, "%s", after[0].at[i].name);
        r->before = before[0].at[i].value;
        r->here = after[0].at[i].value;
        r->native = after[1].at[i].value;
        r->already = before[0].at[i].value != before[1].at[i].value;
    }
}

/* Brings both machines one step beyond the execution that failed silently. Returns why not, or NULL. */
static const char *meet(struct compare_meeting *c, struct machine *m[2], uint64_t until_insns)
{
    struct guest_view before[2], after[2];
    bool silent = false;
    while (!silent) {
        if (!execute_once(m[0], c->eip, until_insns, &before[0], &silent))
            return "the run could not be repeated up to it";
        c->arrival++;
    }
    bool ignored;
    for (uint64_t k = 0; k < c->arrival; k++)
        if (!execute_once(m[1], c->eip, LOOK_INSNS, &before[1], &ignored))
            return "the bare guest never comes there that often";
    guest_view(m[0], &after[0]);
    guest_view(m[1], &after[1]);
    note_differences(c, before, after);
    return NULL;
}

static void compare_registers(const struct subject *s, const struct event *silent, struct compare_meeting *c,
                              struct err *e)
{
    *c = (struct compare_meeting){ .silent = silent->id, .eip = silent->eip };
    c->no_regs = silent->insns > LOOK_INSNS ? "it comes too late in the run to be repeated step by step" : NULL;
    if (c->no_regs) return;
    struct machine *m[2] = { another(s, false, e), another(s, true, e) };
    c->no_regs = m[0] && m[1] ? meet(c, m, silent->insns + 2) : "there is no memory for two more machines";
    if (guard_stopped()) c->no_regs = "stopped";
    machine_free(m[0]);
    machine_free(m[1]);
}

/* Has this instruction failed in this field at an earlier meeting? */
static bool met_before(const struct compare *c, const struct trace *t, const struct event *e)
{
    for (unsigned i = 0; i < c->meetings; i++) {
        const struct event *old = trace_by_id(t, c->meeting[i].silent);
        if (old->u.SILENT.op == e->u.SILENT.op && old->u.SILENT.field == e->u.SILENT.field) return true;
    }
    return false;
}

static void compare_silent(const struct subject *s, struct compare *c, struct err *e)
{
    const struct trace *t = machine_trace_of(s->machine);
    for (size_t i = 0; i < trace_count(t) && c->meetings < COMPARE_MEETINGS && !guard_stopped(); i++) {
        const struct event *silent = trace_at(t, i);
        if (silent->kind == EV_SILENT && !met_before(c, t, silent))
            compare_registers(s, silent, &c->meeting[c->meetings++], e);
    }
}

/* --- what the guests said ---------------------------------------------------------------------------------------- */

static void keep_line(const char *text, size_t n, char *to)
{
    size_t len = 0;
    while (len < n && len < COMPARE_LINE - 1 && text[len] != '\n') len++;
    memcpy(to, text, len);
    to[len] = 0;
}

static void compare_serial(const struct machine *here, const struct machine *native, struct compare *c)
{
    size_t n[2], start = 0, i = 0;
    const char *a = machine_serial(here, &n[0]), *b = machine_serial(native, &n[1]);
    unsigned line = 1;
    while (i < n[0] && i < n[1] && a[i] == b[i])
        if (a[i++] == '\n') {
            start = i;
            line++;
        }
    if (i == n[0] && i == n[1]) return;
    c->cut = (machine_end(here).fate == FATE_LIMIT && i == n[0]) || (!c->ended && i == n[1]);
    if (c->cut) return;
    c->line = line;
    c->here_more = start < n[0];
    c->native_more = start < n[1];
    keep_line(a + start, n[0] - start, c->here);
    keep_line(b + start, n[1] - start, c->native);
}

bool compare_native(const struct subject *s, struct compare *c, struct err *e)
{
    *c = (struct compare){ 0 };
    struct subject native = { .machine = another(s, true, e) };
    if (!native.machine) return false;
    bool ok = subject_finish(&native, e);
    c->end = machine_end(native.machine);
    c->ended = c->end.fate != FATE_RUNNING && c->end.fate != FATE_LIMIT;
    c->cycles = machine_cycles(native.machine);
    struct machine_summary sum;
    machine_summary(native.machine, &sum);
    c->insns = sum.guest_insns;
    c->idle = sum.by_cause[CAUSE_IDLE];
    compare_serial(s->machine, native.machine, c);
    machine_free(native.machine);
    if (ok) compare_silent(s, c, e);
    return ok && !guard_error(e);
}

/* --- in words ---------------------------------------------------------------------------------------------------- */

static void say_line(struct say *out, const char *who, bool there, const char *line)
{
    say_add(out, "    %-7s ", who);
    if (!there) say_role(out, ROLE_FAINT, "(nothing more)");
    else say_bytes(out, line, strlen(line), SAY_WIDTH - 13);
    say_add(out, "\n");
}

/* What the instruction itself made different; what differed before it is only named. */
static bool parted(const struct compare_meeting *c)
{
    for (unsigned i = 0; i < c->regs; i++)
        if (!c->reg[i].already) return true;
    return false;
}

static void say_registers(const struct subject *s, const struct compare_meeting *c, struct say *out)
{
    bool already = false;
    const struct event *e = trace_by_id(machine_trace_of(s->machine), c->silent);
    if (parted(c)) say_role(out, ROLE_FAINT, "    the guest sees    before     after: %-8s   native\n", s->cfg.cpu);
    else
        say_add(out, "    no register differs after it: %s, wanted %X, got %X\n",
                trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted, e->u.SILENT.got);
    for (unsigned i = 0; i < c->regs; i++) {
        const struct compare_reg *r = &c->reg[i];
        already |= r->already;
        if (!r->already)
            say_role(out, ROLE_WARN, "      %-10s    %8X          %8X %8X\n", r->name, r->before, r->here, r->native);
    }
    if (!already) return;
    say_add(out, "    different before it already:");
    for (unsigned i = 0; i < c->regs; i++)
        if (c->reg[i].already) say_add(out, " %s", c->reg[i].name);
    say_add(out, "\n");
}

static void say_meeting(const struct subject *s, const struct compare_meeting *c, struct say *out)
{
    char where[64], eip[16];
    const struct event *e = trace_by_id(machine_trace_of(s->machine), c->silent);
    struct machine_insn i;
    machine_symbol(s->machine, c->eip, where, sizeof where);
    snprintf(eip, sizeof eip, "%08X", c->eip);
    say_add(out, "  %s at %s", trace_name("mnemonic", e->u.SILENT.op), eip);
    if (strcmp(where, eip)) say_add(out, " (%s)", where);
    if (c->arrival) say_add(out, ", execution %llu of it", (unsigned long long)c->arrival);
    say_add(out, "\n");
    if (c->no_regs) say_add(out, "    not compared: %s\n", c->no_regs);
    else say_registers(s, c, out);
    if (!machine_insn(s->machine, gva(c->eip), &i)) return;
    say_wrap(out, "    ", 4, i.rule);
}

void compare_say(const struct subject *s, const struct compare *c, struct say *out)
{
    struct text words = { 0 };
    say_role(out, ROLE_TITLE, "The same guest bare (--cpu native)");
    say_add(out, "\n");
    text_number(&words, c->insns);
    text_add(&words, " instructions, ");
    text_number(&words, c->cycles);
    text_add(&words, " cycles; %s", c->ended ? c->end.why : "it did not come to its end");
    say_wrap(out, "  ", 2, text_str(&words));
    text_free(&words);
    if (c->line) {
        say_role(out, ROLE_WARN, "  Its output differs from line %u on:\n", c->line);
        say_line(out, s->cfg.cpu, c->here_more, c->here);
        say_line(out, "native", c->native_more, c->native);
    } else if (c->cut) {
        say_add(out, "  Its output is the same as far as both got.\n");
    } else {
        say_add(out, "  Its output is the same, byte for byte.\n");
    }
    for (unsigned i = 0; i < c->meetings; i++) say_meeting(s, &c->meeting[i], out);
    bool part = false;
    for (unsigned i = 0; i < c->meetings; i++) part |= parted(&c->meeting[i]);
    if (!c->line && !c->cut && !c->meetings)
        say_role(out, ROLE_GOOD, "  They agree: nothing showed this guest that it was not alone.\n");
    else if (c->meetings)
        say_role(out, ROLE_BAD, "  %s the guest is not told.\n",
                 part || c->line ? "There the two part, and" : "They agree in what they say; but");
}
