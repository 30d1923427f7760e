/* Events in full words, one line each. See narrate.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "tui/narrate.h"
#include "tui/narrate_visit.h"
#include "tui/words.h"

enum { PERIOD = 6 /* the longest sequence of lines that is told once */ };

static const char *field_words(const char *name)
{
    static const struct { const char *name, *words; } list[] = {
        { "IF", "the interrupt flag" }, { "IOPL", "the I/O privilege level" }, { "CPL", "the ring it sees" },
        { "base", "the base of the table" }, { "limit", "the limit of the table" },
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (!strcmp(list[i].name, name)) return list[i].words;
    return name;
}

/* "Guest kernel, ring 1, at popf_insn: ". Below a hypervisor ring 0 is the hypervisor's, but for VMX's guests. */
static void say_who(const struct machine *m, const struct event *e, struct text *out)
{
    char where[64];
    const struct event *led = e->kind == EV_EXIT ? trace_by_id(machine_trace_of(m), e->cause) : NULL; /* there the guest still ran */
    unsigned ring = led ? led->ring : e->ring;
    const char *cpu = machine_config(m)->cpu;
    bool below = machine_has_vmm(m) && strcmp(cpu, "vtx") && ring == 0;
    bool called = below && e->kind == EV_EXIT && !strcmp(cpu, "bt"); /* by translated code, without a gate */
    bool vmm = !called && (below || (e->kind != EV_EXIT && e->episode) || (machine_has_vmm(m) && (e->kind == EV_RUN || e->kind == EV_RESUME)));
    const char *who = vmm ? "Hypervisor" : called ? "Translated kernel" : ring == 3 ? "User code" : machine_has_vmm(m) ? "Guest kernel" : "Kernel";
    text_add(out, "%s, ring %u, at %s: ", who, called ? 1 : ring, machine_symbol(m, e->eip, where, sizeof where));
}

static void say_silent(const struct event *e, struct text *out)
{
    text_add(out, "%s. Here %s should have become %X and is %X. No trap: nobody was told.", trace_name("mnemonic", e->u.SILENT.op),
             field_words(trace_name("field", e->u.SILENT.field)), e->u.SILENT.wanted, e->u.SILENT.got);
}

/* Arrows are read as nothing, or as their name. */
static void say_plain(const struct machine *m, const struct event *e, struct text *out)
{
    struct words w;
    words_event(e, m, &w);
    text_add(out, "%s", w.word);
    if (*w.what) text_char(out, ' ');
    for (const char *s = w.what; *s;) {
        if (strncmp(s, "→", strlen("→"))) text_char(out, *s++);
        else text_add(out, "to"), s += strlen("→");
    }
    text_char(out, '.');
}

void narrate_event(const struct machine *m, const struct event *e, struct text *out)
{
    text_add(out, "Event %u, cycle %llu. ", e->id, (unsigned long long)e->cycle);
    say_who(m, e, out);
    switch (e->kind) {
    case EV_RUN: text_add(out, "the machine starts."); break;
    case EV_RESUME: text_add(out, "it goes to the guest, in ring %u.", e->u.RESUME.to); break;
    case EV_HALT: text_add(out, "the CPU halts until an interrupt comes."); break;
    case EV_SILENT: say_silent(e, out); break;
    case EV_EXIT: narrate_visit(m, e, out); break;
    case EV_FAULT: narrate_vector(e->u.FAULT.vector, e->u.FAULT.code, e->u.FAULT.addr, out), text_char(out, '.'); break;
    case EV_INT: text_add(out, "software interrupt %02X hex.", e->u.INT.vector); break;
    case EV_IRQ: text_add(out, "a device interrupts, vector %02X hex.", e->u.IRQ.vector); break;
    case EV_GATE: text_add(out, "the CPU goes from ring %u to ring %u.", e->u.GATE.from, e->u.GATE.to); break;
    case EV_RETURN: text_add(out, "return from ring %u to ring %u.", e->u.RETURN.from, e->u.RETURN.to); break;
    default: say_plain(m, e, out); break;
    }
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

struct item {
    const struct event *e;
    uint64_t key; /* equal keys read alike but for numbers */
};

static uint64_t key_of(const struct event *e)
{
    uint64_t k = (uint64_t)e->kind << 56 | e->eip;
    if (e->kind == EV_EXIT) k |= (uint64_t)e->u.EXIT.reason << 32 | (uint64_t)e->u.EXIT.vector << 40;
    if (e->kind == EV_SILENT) k |= (uint64_t)e->u.SILENT.op << 32;
    return k;
}

/* Under a hypervisor a visit is one line: what led to it and what happens in it are in that line. */
static bool wanted(const struct trace *t, size_t i)
{
    const struct event *e = trace_at(t, i), *next = trace_at(t, i + 1), *after = trace_at(t, i + 2);
    const struct event *cause = trace_by_id(t, e->cause);
    if (e->kind == EV_RAISE || e->kind == EV_VMEXIT || e->kind == EV_VMENTRY) return false;
    if (e->episode && e->kind != EV_EXIT && e->kind != EV_SILENT && e->kind != EV_DIE) return false;
    if (e->kind == EV_RETURN && cause && cause->kind == EV_RESUME) return false;
    if (e->kind == EV_GATE && next && next->kind == EV_EXIT) return false;
    return !(next && after && next->kind == EV_GATE && next->cause == e->id && after->kind == EV_EXIT);
}

static size_t repeats(const struct item *list, size_t n, size_t at, size_t period)
{
    size_t k = at + period;
    while (k < n && list[k].key == list[k - period].key) k++;
    return (k - at) / period;
}

/* The period that says most with least, and how often it comes. */
static size_t best_period(const struct item *list, size_t n, size_t at, size_t *times)
{
    size_t best = 1;
    *times = 1;
    for (size_t p = 1; p <= PERIOD && at + 2 * p <= n; p++) {
        size_t r = repeats(list, n, at, p);
        if (r > 1 && r * p > *times * best) best = p, *times = r;
    }
    return best;
}

static void tell(const struct machine *m, const struct item *list, size_t n, unsigned most, struct text *out)
{
    unsigned lines = 0;
    for (size_t i = 0; i < n;) {
        size_t times, period = best_period(list, n, i, &times);
        if (lines + period > most) {
            text_add(out, "%zu more events are left out here; ringside trace has them all.\n", n - i);
            return;
        }
        for (size_t k = 0; k < period; k++, lines++) {
            narrate_event(m, list[i + k].e, out);
            text_char(out, '\n');
        }
        if (times > 1 && period == 1) text_add(out, "The same %zu times in all.\n", times);
        else if (times > 1) text_add(out, "These %zu lines %zu times in all.\n", period, times);
        i += period * times;
    }
}

void narrate_events(const struct machine *m, uint32_t from, uint32_t to, unsigned most, struct text *out)
{
    const struct trace *t = machine_trace_of(m);
    size_t n = 0, count = trace_count(t), first = count;
    while (first && trace_at(t, first - 1)->id > from) first--;
    struct item *list = calloc(count - first + 1, sizeof *list);
    for (size_t i = first; list && i < count && trace_at(t, i)->id <= to; i++)
        if (wanted(t, i)) list[n++] = (struct item){ trace_at(t, i), key_of(trace_at(t, i)) };
    if (list) tell(m, list, n, most, out);
    free(list);
}

void narrate_place(const struct machine *m, struct text *out)
{
    static const char *const who[] = { [PLACE_USER] = "user code", [PLACE_KERNEL] = "kernel", [PLACE_VMM] = "the hypervisor" };
    struct machine_cpu cpu;
    char where[64], insn[128];
    uint32_t at = machine_eip(m);
    machine_cpu(m, &cpu);
    if (machine_end(m).fate != FATE_RUNNING) {
        text_add(out, "The end. %s\n", machine_end(m).why);
        return;
    }
    unsigned n = machine_disasm(m, gva(at), insn, sizeof insn);
    bool guest = machine_has_vmm(m) && machine_place(m) != PLACE_VMM;
    text_add(out, "Now: %s%s, ring %u, about to execute %s at %s, address %08X.\n", guest ? "guest " : "", who[machine_place(m)], cpu.cpl,
             n ? insn : "what is no instruction", machine_symbol(m, at, where, sizeof where), at);
}
