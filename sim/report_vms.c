/* The part of a report that is about several virtual machines, their memory, and moves. See report.h. */
#include "sim/report_vms.h"

#include <stdio.h>
#include <string.h>

static const char *vm_stop_word(const struct machine_vm *v)
{
    static const char *const words[] = { "running", "exited", "halted", "died", "limit", "reset", "off", "saved" };
    return words[v->end.fate];
}

const char *report_vm_stop(const struct machine_vm *v) { return v->end.fate == FATE_RUNNING ? "steps" : vm_stop_word(v); }

/* What it took to reach devices through the service domain. */
static void say_split(const struct machine *m, struct say *out)
{
    if (!machine_is_split(m)) return;
    say_role(out, ROLE_FAINT, "    %-5s %-8s %13s %8s %13s %13s %10s\n", "vm", "", "notifications", "mapped", "bytes copied", "port accesses",
             "interrupts");
    for (unsigned i = 0; i < machine_vms(m); i++) {
        struct machine_vm v;
        machine_vm(m, i, &v);
        say_add(out, "    vm%-3u %-8s %13llu %8llu %13llu %13llu %10llu\n", i, i ? "guest" : "service", (unsigned long long)v.notified,
                (unsigned long long)v.mapped, (unsigned long long)v.copied, (unsigned long long)v.ports, (unsigned long long)v.interrupts);
        if (v.begun_again) say_add(out, "    vm%u died and was built anew %u time%s\n", i, v.begun_again, v.begun_again == 1 ? "" : "s");
    }
}

/* The hypervisor's page tables for each; direct tables are the guests' own. */
static void say_tables(const struct machine *m, struct say *out)
{
    struct text words = { 0 };
    uint64_t all = 0;
    for (unsigned i = 0; i < machine_vms(m); i++) {
        struct machine_vm v;
        machine_vm(m, i, &v);
        if (!v.tables_pool) continue;
        text_add(&words, "vm%u %llu (%llu KB), at most %llu of %llu; ", i, (unsigned long long)v.tables, (unsigned long long)v.tables * 4,
                 (unsigned long long)v.tables_peak, (unsigned long long)v.tables_pool);
        all += v.tables;
    }
    text_add(&words, "together %llu KB", (unsigned long long)all * 4);
    if (all) say_wrap(out, "    its tables: ", 16, text_str(&words));
    text_free(&words);
}

void report_say_vms(const struct report *r, struct say *out)
{
    const struct machine *m = r->s->machine;
    unsigned n = machine_vms(m);
    uint64_t own[CAUSE_COUNT];
    double all = (double)(r->sum.cycles ? r->sum.cycles : 1) / 100.0;
    if (n == 1) return;
    machine_vmm_costs(m, own);
    say_add(out, "  %u virtual machines, scheduler %s; of the processor's time, in %%\n", n, machine_scheduler(m));
    say_role(out, ROLE_FAINT, "    %-5s %-4s %-8s %8s %7s %7s %7s %7s %9s  %s\n", "vm", "cpu", "stop", "turns", "running", "ready", "asleep",
             "capped", "exits", "share");
    for (unsigned i = 0; i < n; i++) {
        struct machine_vm v;
        char share[24];
        machine_vm(m, i, &v);
        snprintf(share, sizeof share, v.cap ? "%u, cap %u%%" : "%u", v.weight, v.cap);
        say_add(out, "    vm%-3u %-4s %-8s %8llu %7.2f %7.2f %7.2f %7.2f %9llu  %s\n", i, v.cpu, vm_stop_word(&v), (unsigned long long)v.turns,
                (double)v.running / all, (double)v.ready / all, (double)v.asleep / all, (double)v.capped / all,
                (unsigned long long)v.exits, share);
    }
    say_add(out, "    the hypervisor itself: switching %.2f, idle %.2f\n", (double)own[CAUSE_SWITCH] / all, (double)own[CAUSE_IDLE] / all);
    say_tables(m, out);
    say_split(m, out);
}

/* Machine memory that goes from one to another. */
void report_say_memory(const struct report *r, struct say *out)
{
    const struct machine *m = r->s->machine;
    struct machine_memory y;
    struct text words = { 0 };
    if (!machine_memory(m, &y)) return;
    if (!strcmp(y.state, "pool"))
        text_add(&words, "%.1f MB, %.1f %% free; guests give frames back and ask for them; %llu frames scrubbed", y.frames / 256.0,
                 100.0 * y.free / y.frames, (unsigned long long)y.scrubbed);
    else text_add(&words, "%u MB, %.1f %% free (at least %.1f); state %s; %u pages on %u shared frames save %u; %llu scanned, %llu compared; %llu frames scrubbed",
             y.frames / 256, 100.0 * y.free / y.frames, 100.0 * y.least_free / y.frames, y.state, y.shared + y.saved, y.shared, y.saved,
             (unsigned long long)y.scanned, (unsigned long long)y.compared, (unsigned long long)y.scrubbed);
    say_wrap(out, "  memory: ", 10, text_str(&words));
    text_free(&words);
    say_role(out, ROLE_FAINT, "    %-5s %6s %6s %7s %8s %8s %7s %8s %8s %8s\n", "vm", "pages", "here", "shared", "balloon", "target", "active", "swapped",
             "out", "in");
    for (unsigned n = 0; n < machine_vms(m); n++) {
        struct machine_vm_memory v;
        machine_vm_memory(m, n, &v);
        say_add(out, "    vm%-3u %6u %6u %7u %8u %8u %6.0f%% %8u %8llu %8llu\n", n, v.pages, v.here, v.shared, v.ballooned, v.target, v.active / 10.0, v.swapped,
                (unsigned long long)v.swaps_out, (unsigned long long)v.swaps_in);
    }
}

/* Milliseconds of a machine's cycles. */
static double ms(const struct machine_migration *g, uint64_t from, uint64_t to) { return g->hz ? (double)(to - from) * 1e3 / (double)g->hz : 0; }

static void say_rounds(const struct machine_migration *g, struct say *out)
{
    say_role(out, ROLE_FAINT, "    %-6s %7s %7s %7s %6s %8s %8s %8s %10s\n", "round", "pages", "sent", "zero", "hot", "dirtied", "Mbit/s", "ms", "KB");
    for (unsigned n = 0; n < g->rounds; n++) {
        const struct machine_round *x = &g->round[n];
        bool last = g->stopped && n + 1 == g->rounds;
        char name[16];
        snprintf(name, sizeof name, last ? "stop" : "%u", n + 1);
        say_add(out, "    %-6s %7u %7u %7u %6u %8u %8u %8.2f %10.1f\n", name, x->pages, x->sent, x->zero, x->hot, x->dirtied, x->mbit,
                x->ended > x->began ? ms(g, x->began, x->ended) : 0, (double)x->bytes / 1024);
    }
}

void report_say_migration(const struct report *r, struct say *out)
{
    struct machine_migration g;
    struct text words = { 0 };
    if (!machine_migration(r->s->left ? r->s->left : r->s->machine, &g)) return;
    const struct machine *there = machine_moved(r->s->machine);
    if (g.several) text_add(&words, "vm%u: ", g.vm);
    if (g.done) text_add(&words, "gone to %s in %.2f ms; it stood still for %.3f ms (", machine_config(there ? there : r->s->machine)->cpu, ms(&g, g.began, g.resumed), ms(&g, g.stopped, g.resumed));
    else text_add(&words, "%s; the virtual machine stayed here", g.failed ? g.failed : g.stage);
    if (g.done) text_number(&words, g.resumed - g.stopped);
    if (g.done) text_add(&words, " cycles); stopped, for %s; %llu stores noted", g.stopped_for, (unsigned long long)g.faults);
    say_wrap(out, "  migration: ", 13, text_str(&words));
    text_free(&words);
    say_rounds(&g, out);
}
