/* See report.h. The layout follows the sample of the manual: technique, totals, exits, cycles, silent failures. */
#include "sim/report_vms.h"

#include <stdio.h>
#include <string.h>

enum { SILENT_LINES = 8 };

static const char *stop_word(const struct report *r, const struct err *early)
{
    if (early->code == EXIT_INTERRUPTED) return "interrupted";
    if (early->code == EXIT_LIMIT) return "limit";
    switch ((enum machine_fate)r->end.fate) {
    case FATE_EXITED: return "exited";
    case FATE_HALTED: return "halted";
    case FATE_DIED: return "died";
    case FATE_LIMIT: return "limit";
    case FATE_OFF: return "off";
    case FATE_RESET: return "reset";
    case FATE_GONE: return "saved";
    case FATE_RUNNING: break;
    }
    return "steps";
}

bool report_make(struct report *r, const struct subject *s, const struct err *early, double seconds, struct err *e)
{
    *r = (struct report){ .s = s, .seconds = seconds, .end = machine_end(s->machine) };
    machine_summary(s->machine, &r->sum);
    r->stop = stop_word(r, early);
    /* A limit or a death explains the expectations that failed after it. */
    bool cut = r->end.fate == FATE_LIMIT || r->end.fate == FATE_DIED;
    r->code = early->code ? early->code : subject_failed(s) && !cut ? EXIT_FAILED : machine_exit_code(s->machine);
    uint64_t sum = 0;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) sum += r->sum.by_cause[c];
    if (sum == r->sum.cycles && !r->sum.by_cause[CAUSE_NONE]) return true;
    return err_set(e, EXIT_BUG,
                   "our bug: %llu cycles, but the causes add up to %llu (%llu unattributed); please send the image and "
                   "this command line",
                   (unsigned long long)r->sum.cycles, (unsigned long long)sum,
                   (unsigned long long)r->sum.by_cause[CAUSE_NONE]);
}

static void number(struct say *out, uint64_t n, const char *word)
{
    text_number(&out->t, n);
    say_add(out, " %s%s", word, n == 1 ? "" : "s");
}

static void say_head(const struct report *r, struct say *out)
{
    const struct machine_cfg *c = &r->s->cfg;
    const char *dot = say_dot(out);
    bool narrow = strlen(r->s->name) > 12; /* then the machine gets a line of its own */
    say_role(out, ROLE_TITLE, "%s on %s%s%s%s%s", r->s->name, c->cpu, dot, c->mmu, dot, c->io);
    say_add(out, "%s%s, model %s, %u MB, seed %llu\n", narrow ? "\n  " : ", ", c->host, c->label, c->ram_mib,
            (unsigned long long)c->seed);
    for (unsigned i = 0; i < c->sets; i++) say_add(out, "  --set %s=%s\n", c->set[i].key, c->set[i].value);
}

static void say_totals(const struct report *r, struct say *out)
{
    const struct machine_summary *m = &r->sum;
    say_add(out, "  ");
    number(out, m->guest_insns, "guest instruction");
    if (machine_has_vmm(r->s->machine)) {
        say_add(out, "   ");
        number(out, m->exits, "exit");
    }
    say_add(out, "   ");
    number(out, m->cycles, "cycle");
    say_add(out, "\n");
    if (!r->bare || !r->bare->ended || r->end.fate == FATE_RUNNING || r->bare->cycles <= r->bare->idle) return;
    if (r->end.fate != r->bare->end.fate || r->end.code != r->bare->end.code) {
        say_add(out, "  not comparable with the bare machine's cycles: there the guest did not end like this\n");
        return;
    }
    say_add(out, "  %.2f times the cycles of the bare machine", (double)m->cycles / (double)r->bare->cycles);
    if (m->by_cause[CAUSE_IDLE] || r->bare->idle)
        say_add(out, "; %.2f times without idling",
                (double)(m->cycles - m->by_cause[CAUSE_IDLE]) / (double)(r->bare->cycles - r->bare->idle));
    say_add(out, "\n");
}

/* "privileged 140   page-fault 64   irq 2", broken to the width. */
static void say_exits(const struct report *r, struct say *out)
{
    struct text words = { 0 };
    for (unsigned i = 0; i < r->sum.reasons; i++) {
        text_add(&words, "%s%s ", i ? "   " : "", r->sum.reason[i].name);
        text_number(&words, r->sum.reason[i].count);
    }
    if (words.len) say_wrap(out, "  exits: ", 9, text_str(&words));
    text_clear(&words);
    text_free(&words);
}

/* "0 (hypervisor) 12,404, 1 (kernel) 183,203" */
static void say_rings(const struct report *r, struct say *out)
{
    static struct machine_account list[MACHINE_ACCOUNTS];
    struct text words = { 0 };
    char name[32];
    unsigned n = machine_accounts(r->s->machine, list, MACHINE_ACCOUNTS);
    for (unsigned i = 0; i < n; i++) {
        text_add(&words, "%s%u%s (%s) ", i ? ", " : "", list[i].ring, list[i].nonroot ? " non-root" : "",
                 machine_account_name(r->s->machine, &list[i], name, sizeof name));
        text_number(&words, list[i].cycles);
    }
    say_wrap(out, "  cycles by ring: ", 18, text_str(&words));
    text_free(&words);
}

/* What kind of page faults there were, and what the hypervisor's own tables took. */
static void say_shadow(const struct report *r, struct say *out)
{
    const struct machine_summary *m = &r->sum;
    struct text words = { 0 };
    const char *mmu = machine_config(r->s->machine)->mmu;
    bool direct = !strcmp(mmu, "direct");
    if (direct)
        text_add(&words, "%llu page faults; %llu entries validated; %llu tables", (unsigned long long)m->shadow.true_,
                 (unsigned long long)m->shadow.filled, (unsigned long long)m->shadow.tables);
    if (direct && m->shadow.traced)
        text_add(&words, "; %llu stores to tables carried out by the assist; %llu tables unhooked for more stores, %llu put back",
                 (unsigned long long)m->shadow.traced, (unsigned long long)m->shadow.unhooked, (unsigned long long)m->shadow.rehooked);
    else if (!strcmp(mmu, "two-level"))
        text_add(&words, "%llu entries filled, %llu stores traced; %llu tables (%llu KB), at most %llu of %llu; walks read %llu entries, "
                 "%llu of them of the second level", (unsigned long long)m->shadow.filled, (unsigned long long)m->shadow.traced,
                 (unsigned long long)m->shadow.tables, (unsigned long long)m->shadow.tables * 4, (unsigned long long)m->shadow.peak,
                 (unsigned long long)m->shadow.pool, (unsigned long long)m->walk_refs, (unsigned long long)m->walk_refs_second);
    else if (!direct && (m->shadow.filled || m->shadow.hidden)) {
        text_add(&words, "%llu hidden, %llu true, %llu traced page faults; %llu entries filled", (unsigned long long)m->shadow.hidden,
                 (unsigned long long)m->shadow.true_, (unsigned long long)m->shadow.traced, (unsigned long long)m->shadow.filled);
        if (m->shadow.eager) text_add(&words, ", %llu of them eagerly", (unsigned long long)m->shadow.eager);
        text_add(&words, "; %llu tables (%llu KB), at most %llu of %llu", (unsigned long long)m->shadow.tables,
                 (unsigned long long)m->shadow.tables * 4, (unsigned long long)m->shadow.peak, (unsigned long long)m->shadow.pool);
        if (m->shadow.evicted) text_add(&words, "; %llu evicted", (unsigned long long)m->shadow.evicted);
        if (m->shadow.released) text_add(&words, "; %llu released", (unsigned long long)m->shadow.released);
        if (m->shadow.switches) text_add(&words, "; dropped by %llu loads of CR3", (unsigned long long)m->shadow.switches);
    }
    if (words.len) say_wrap(out, direct ? "  direct: " : !strcmp(mmu, "two-level") ? "  tables: " : "  shadow: ", 10, text_str(&words));
    text_free(&words);
}

/* Which page tables were whose, and how far walks came in which. */
static void say_agile(const struct report *r, struct say *out)
{
    const struct machine_summary *m = &r->sum;
    struct text words = { 0 };
    if (strcmp(machine_config(r->s->machine)->mmu, "agile")) return;
    text_add(&words, "%llu tables became the guest's own, %llu are shadowed again; now its own %llu, at most %llu; walks", (unsigned long long)m->shadow.nested,
             (unsigned long long)m->shadow.renewed, (unsigned long long)m->shadow.own, (unsigned long long)m->shadow.own_peak);
    for (unsigned k = 0, n = 0; k < sizeof m->agile_walks / sizeof m->agile_walks[0]; k++) {
        const struct machine_walks *w = &m->agile_walks[k];
        if (!w->walks) continue;
        text_add(&words, n++ ? ", %llu " : " %llu ", (unsigned long long)w->walks);
        if (k == 0) text_add(&words, "in shadows");
        else if (k == 6) text_add(&words, "on two levels");
        else text_add(&words, "switched at level %u", k);
        text_add(&words, " (%.1f entries each)", (double)w->refs / (double)w->walks);
    }
    say_wrap(out, "  agile: ", 9, text_str(&words));
    text_free(&words);
}

/* What caches of page walks saved, if there are any. */
static void say_walks(const struct report *r, struct say *out)
{
    const struct machine_summary *m = &r->sum;
    struct text words = { 0 };
    if (!m->walk_hits[0] && !m->walk_hits[1] && !m->nested_hits) return;
    text_add(&words, "%llu entries read in %llu walks; caches saved %llu of the first dimension, %llu of the second, and %llu walks of the second",
             (unsigned long long)m->walk_refs, (unsigned long long)m->walks, (unsigned long long)m->walk_hits[0],
             (unsigned long long)m->walk_hits[1], (unsigned long long)m->nested_hits);
    say_wrap(out, "  walks: ", 9, text_str(&words));
    text_free(&words);
}

static void say_translation(const struct report *r, struct say *out)
{
    struct machine_translation t;
    struct machine_callout c[6];
    struct text words = { 0 };
    if (!machine_translation(r->s->machine, &t)) return;
    text_add(&words, "%llu units of %llu instructions, %llu bytes to %llu; %llu chained, %llu of them by standing in line; "
             "%llu died, %llu flushes; %llu instructions adapted, %llu back; %llu stores to page tables noted",
             (unsigned long long)t.units, (unsigned long long)t.insns, (unsigned long long)t.bytes, (unsigned long long)t.code,
             (unsigned long long)t.chains, (unsigned long long)t.elided, (unsigned long long)t.invalidated,
             (unsigned long long)t.flushes, (unsigned long long)t.adapted, (unsigned long long)t.reverted,
             (unsigned long long)t.noted);
    say_wrap(out, "  translated: ", 14, text_str(&words));
    text_clear(&words);
    text_add(&words, "%llu to go on, %llu to find a target, %llu to emulate", (unsigned long long)t.continued,
             (unsigned long long)t.lookups, (unsigned long long)t.emulated);
    unsigned n = machine_translated(r->s->machine, c, 6);
    for (unsigned i = 0; i < n; i++) text_add(&words, "%s %s %llu", i ? "," : ":", c[i].word, (unsigned long long)c[i].count);
    say_wrap(out, "  callouts: ", 12, text_str(&words));
    text_free(&words);
}

/* Causes of a reason's cycles, greatest first, as far as the line goes: "deliver 31%, device 24%". */
static void add_shares(const struct machine_reason *m, struct text *words, size_t room)
{
    bool told[CAUSE_COUNT] = { false };
    for (unsigned k = 0; k < CAUSE_COUNT; k++) {
        unsigned best = CAUSE_COUNT;
        for (unsigned c = 0; c < CAUSE_COUNT; c++)
            if (!told[c] && c != CAUSE_IDLE && (best == CAUSE_COUNT || m->by_cause[c] > m->by_cause[best])) best = c;
        if (best == CAUSE_COUNT || !m->by_cause[best]) return;
        char share[32];
        int n = snprintf(share, sizeof share, "%s%s %.0f%%", k ? ", " : "", cause_name(best),
                         100.0 * (double)m->by_cause[best] / (double)m->cycles);
        if (words->len + (size_t)n > room) return;
        text_add(words, "%s", share);
        told[best] = true;
    }
}

static void say_episodes(const struct report *r, struct say *out)
{
    if (!r->sum.reasons) return;
    say_add(out, "  episodes: from leaving the guest to its next instruction, in cycles\n");
    say_role(out, ROLE_FAINT, "    %-11s %7s %12s %6s %7s  %s\n", "reason", "count", "cycles", "mean", "longest", "goes to");
    for (unsigned i = 0; i < r->sum.reasons; i++) {
        const struct machine_reason *m = &r->sum.reason[i];
        struct text cell[3] = { { 0 } }, words = { 0 };
        text_number(&cell[0], m->episodes);
        text_number(&cell[1], m->cycles);
        text_number(&cell[2], m->longest);
        add_shares(m, &words, SAY_WIDTH - 53);
        say_add(out, "    %-11s %7s %12s %6.0f %7s  %s\n", m->name, text_str(&cell[0]), text_str(&cell[1]),
                m->episodes ? (double)m->cycles / (double)m->episodes : 0.0, text_str(&cell[2]), text_str(&words));
        for (unsigned k = 0; k < 3; k++) text_free(&cell[k]);
        text_free(&words);
    }
}

static void say_causes(const struct report *r, struct say *out)
{
    uint64_t total = r->sum.cycles;
    say_add(out, "  cycles by cause\n");
    for (unsigned c = 0; c < CAUSE_COUNT; c++) {
        uint64_t n = r->sum.by_cause[c];
        if (!n) continue;
        struct text share = { 0 };
        text_number(&share, n);
        char first[40];
        int indent =
            snprintf(first, sizeof first, "%11s %5.1f%% ", text_str(&share), 100.0 * (double)n / (double)total);
        say_wrap(out, first, (unsigned)indent, cause_about(c));
        text_free(&share);
    }
    struct text digits = { 0 };
    text_number(&digits, total);
    say_add(out, "%11s        total: every cycle has its cause\n", text_str(&digits));
    text_free(&digits);
    say_rings(r, out);
}

bool report_post(const struct report *r, uint8_t *code)
{
    struct machine_device d[REPORT_DEVICES];
    unsigned n = machine_devices(r->s->machine, d, REPORT_DEVICES);
    uint64_t written = 0;
    for (unsigned i = 0; i < n; i++)
        for (const struct reg_desc *row = d[i].regs; !strcmp(d[i].name, "post") && row->name; row++) {
            if (!strcmp(row->name, "code")) *code = (uint8_t)reg_read(row, d[i].state);
            else written = reg_read(row, d[i].state);
        }
    return written;
}

/* Firmware says how far it came. */
static void say_post(const struct report *r, struct say *out)
{
    uint8_t code;
    if (r->s->cfg.bios[0] && report_post(r, &code)) say_add(out, "  last POST code: %02X\n", code);
}

static void say_switch(const struct report *r, struct say *out)
{
    struct machine_switch w;
    struct text words = { 0 };
    if (!machine_switch(r->s->machine, &w)) return;
    text_add(&words, "%llu packets from virtual cards, %llu from the real one; %llu handed to virtual cards, %llu to the real one, %llu dropped, %llu waiting; "
             "%llu real interrupts, %llu bytes copied", (unsigned long long)w.from_vms, (unsigned long long)w.from_card, (unsigned long long)w.to_vms,
             (unsigned long long)w.to_card, (unsigned long long)w.dropped, (unsigned long long)w.waiting, (unsigned long long)w.interrupts,
             (unsigned long long)w.copied);
    say_wrap(out, "  switch: ", 10, text_str(&words));
    text_free(&words);
}

static void say_bridge(const struct report *r, struct say *out)
{
    struct machine_bridge b;
    struct text words = { 0 };
    if (!machine_bridge(r->s->machine, &b)) return;
    text_add(&words, "%u frames taken in domain 0, forwarded %u times: %u gone, %u waiting, %u dropped", b.received, b.forwarded,
             b.gone, b.waiting, b.dropped);
    say_wrap(out, "  bridge: ", 10, text_str(&words));
    text_free(&words);
}

/* "hosted: exits answered by the module 350, mean 9000 cycles; ..." */
static void say_hosted(const struct report *r, struct say *out)
{
    struct machine_hosted h;
    struct text words = { 0 };
    if (!machine_hosted(r->s->machine, &h)) return;
    text_add(&words, "exits answered by");
    for (unsigned i = 0; i < MACHINE_ANSWERS; i++) {
        text_add(&words, "%s the %s ", i ? ";" : "", machine_answer_name(i));
        text_number(&words, h.exits[i]);
        text_add(&words, ", mean ");
        text_number(&words, h.exits[i] ? h.cycles[i] / h.exits[i] : 0);
        text_add(&words, " cycles");
    }
    text_add(&words, "; the guest waited %llu time%s", (unsigned long long)h.waits, h.waits == 1 ? "" : "s");
    if (h.lost) text_add(&words, "; %llu accesses were lost, of interpreted code", (unsigned long long)h.lost);
    say_wrap(out, "  hosted: ", 10, text_str(&words));
    text_free(&words);
}

static void say_link(const struct report *r, struct say *out)
{
    struct machine_link l;
    const struct machine *peer = machine_peer(r->s->machine);
    if (!machine_link(r->s->machine, &l)) return;
    say_add(out, "  link: %llu frames to the other machine, %llu from it", (unsigned long long)l.out, (unsigned long long)l.in);
    if (!peer) say_add(out, ", as recorded\n");
    else if (machine_end(peer).fate == FATE_RUNNING) say_add(out, ", which runs\n");
    else say_add(out, ", which ended: %s\n", machine_end(peer).why);
}

/* How the disks were reached, and whether a device did harm. */
static void say_io(const struct report *r, struct say *out)
{
    struct machine_io io;
    struct text words = { 0 };
    if (r->s->cfg.nic[0]) say_add(out, "  network: %llu frames entered the switch\n", (unsigned long long)machine_frames(r->s->machine));
    say_link(r, out);
    say_switch(r, out);
    say_bridge(r, out);
    if (!machine_io(r->s->machine, &io)) return;
    text_add(&words, "%s: ", io.way);
    text_number(&words, io.commands);
    text_add(&words, " disk command%s, ", io.commands == 1 ? "" : "s");
    text_number(&words, io.interrupts);
    text_add(&words, " interrupt%s", io.interrupts == 1 ? "" : "s");
    text_add(&words, ", %llu port accesses served", (unsigned long long)io.accesses);
    if (io.passed)
        text_add(&words, ", %llu interrupts handed on", (unsigned long long)io.handed_on);
    if (io.exitless) text_add(&words, ", %llu taken by the guest without an exit", (unsigned long long)io.exitless);
    if (io.passed)
        text_add(&words, "; %llu bytes stored by DMA, IOMMU %s, %llu refused",
                 (unsigned long long)io.stored, io.iommu ? "on" : "off", (unsigned long long)io.refused);
    else if (io.requests)
        text_add(&words, "; %llu requests to the real drives, %llu sectors, %llu real interrupts, %llu sectors copied, %llu cycles in the queue",
                 (unsigned long long)io.requests, (unsigned long long)io.sectors, (unsigned long long)io.real_interrupts,
                 (unsigned long long)io.copies, (unsigned long long)io.waited);
    say_wrap(out, "  io: ", 6, text_str(&words));
    text_clear(&words);
    if (io.stray) {
        text_add(&words, "the device stored outside the guest's memory: %llu bytes, the first at machine address %X%s",
                 (unsigned long long)io.stray_bytes, io.stray_at, io.iommu ? "" : ", for no IOMMU translates the guest's addresses");
        say_wrap(out, "  safety: ", 10, text_str(&words));
    }
    text_free(&words);
}

static void say_disks(const struct report *r, struct say *out)
{
    struct machine_disk d[CONFIG_DISKS];
    unsigned n = machine_disks(r->s->machine, d, CONFIG_DISKS);
    for (unsigned i = 0; i < n; i++) {
        const char *slash = strrchr(d[i].path, '/');
        struct text words = { 0 };
        text_add(&words, "%s: ", slash ? slash + 1 : d[i].path);
        text_number(&words, d[i].sectors);
        text_add(&words, " sector%s", d[i].sectors == 1 ? "" : "s");
        if (d[i].padding) text_add(&words, ", the last one filled up with %u zero bytes", d[i].padding);
        if (d[i].changed) {
            text_add(&words, "; ");
            text_number(&words, d[i].changed);
            text_add(&words, " written, %s", r->kept ? "kept" : "not kept (--set disk.write=1 keeps them)");
        }
        say_wrap(out, "  disk: ", 8, text_str(&words));
        text_free(&words);
    }
}

/* --- silent failures --------------------------------------------------------------------------------------------- */

static bool same_silent(const struct event *a, const struct event *b)
{
    return a->eip == b->eip && a->u.SILENT.op == b->u.SILENT.op && a->u.SILENT.field == b->u.SILENT.field;
}

static bool first_of_its_kind(const struct trace *t, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (trace_at(t, i)->kind == EV_SILENT && same_silent(trace_at(t, i), trace_at(t, at))) return false;
    return true;
}

static unsigned times(const struct trace *t, size_t from)
{
    unsigned n = 0;
    for (size_t i = from; i < trace_count(t); i++)
        n += trace_at(t, i)->kind == EV_SILENT && same_silent(trace_at(t, i), trace_at(t, from));
    return n;
}

static void say_one_silent(const struct report *r, size_t at, struct say *out)
{
    const struct trace *t = machine_trace_of(r->s->machine);
    const struct event *e = trace_at(t, at);
    char where[64], plain[16];
    struct text words = { 0 };
    machine_symbol(r->s->machine, e->eip, where, sizeof where);
    snprintf(plain, sizeof plain, "%08X", e->eip);
    text_add(&words, "%s at %s", trace_name("mnemonic", e->u.SILENT.op), plain);
    if (strcmp(where, plain)) text_add(&words, " (%s)", where);
    text_add(&words, ": %s wanted %X, got %X", trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted,
             e->u.SILENT.got);
    unsigned n = times(t, at);
    if (n > 1) text_add(&words, "; %u times", n);
    text_add(&words, ", event %u", e->id);
    say_wrap(out, "    ", 4, text_str(&words));
    text_free(&words);
}

static void say_silent(const struct report *r, bool verbose, struct say *out)
{
    const struct trace *t = machine_trace_of(r->s->machine);
    unsigned kinds = 0;
    if (!r->sum.silent) {
        struct machine_translation bt;
        if (machine_translation(r->s->machine, &bt)) say_add(out, "  no sensitive instruction of the kernel ran untranslated\n");
        else if (machine_detects(r->s->machine)) say_add(out, "  every sensitive instruction that mattered trapped\n");
        return;
    }
    say_role(out, ROLE_WARN, "  %s %llu sensitive instruction%s did not trap and went wrong\n", out->utf8 ? "‼" : "!!",
             (unsigned long long)r->sum.silent, r->sum.silent == 1 ? "" : "s");
    for (size_t i = 0; i < trace_count(t); i++)
        if (trace_at(t, i)->kind == EV_SILENT && first_of_its_kind(t, i) && (kinds++ < SILENT_LINES || verbose))
            say_one_silent(r, i, out);
    if (kinds > SILENT_LINES && !verbose)
        say_add(out, "    ... and at %u more places; -v lists them\n", kinds - SILENT_LINES);
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void say_end(const struct report *r, struct say *out)
{
    unsigned passed = subject_passed(r->s), failed = subject_failed(r->s);
    if (failed)
        say_role(out, ROLE_BAD, "  %s %u of %u expectations failed\n", say_mark(out, false), failed, passed + failed);
    else if (passed)
        say_role(out, ROLE_GOOD, "  %s %s%u expectations held\n", say_mark(out, true), subject_elsewhere(r->s) ? "" : "all ", passed);
    if (subject_elsewhere(r->s))
        say_add(out, "  - %u more are about another technique (%s)\n", subject_elsewhere(r->s), r->s->lesson->techniques);
    if (r->end.fate == FATE_RUNNING) say_add(out, "  the guest was still running\n");
    else say_wrap(out, "  ", 2, r->end.why);
}

void report_text(const struct report *r, bool verbose, struct say *out)
{
    say_head(r, out);
    say_totals(r, out);
    say_exits(r, out);
    say_shadow(r, out);
    say_agile(r, out);
    say_walks(r, out);
    say_translation(r, out);
    say_episodes(r, out);
    say_causes(r, out);
    report_say_vms(r, out);
    say_hosted(r, out);
    say_io(r, out);
    report_say_memory(r, out);
    report_say_migration(r, out);
    say_disks(r, out);
    say_post(r, out);
    say_silent(r, verbose, out);
    say_end(r, out);
    if (verbose)
        say_add(out, "  run %016llX; %.2f s, %.1f million instructions a second; %llu TLB misses\n",
                (unsigned long long)r->sum.run_id, r->seconds,
                r->seconds > 0 ? (double)r->sum.insns / r->seconds / 1e6 : 0.0, (unsigned long long)r->sum.tlb_misses);
}
