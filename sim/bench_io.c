/* Running the ways; see bench_io.h. */
#include "sim/bench_io.h"

#include <stdio.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/machine.h"
#include "sim/subject.h"
#include "sim/vmm/exit.h"
#include "sim/vmm/hosted.h"

static const struct way { const char *name, *cpu, *io, *host, *settings, *words; unsigned vms; const char *operations; } ways[] = {
#define WAY(name, cpu, io, host, settings, words, vms, operations) { name, cpu, io, host, settings, words, vms, operations },
#include "sim/bench_io.def"
};
enum { WAYS = sizeof ways / sizeof ways[0] };
_Static_assert((int)WAYS <= (int)BENCH_IO_WAYS, "room for the results of all ways");

/* The shell's command, with how many; and what a run without any has, which must not be nothing: a first frame finds the card. */
static const struct operation { const char *name, *command; unsigned base, times; bool ticks; } operations[BENCH_IO_OPERATIONS] = {
    { "disk", "/bin/disk read %u %u", 1, 16, false },
    { "net", "/bin/net ping 59 %u 64", 2, 16, true },
};

const char *bench_io_way(unsigned way) { return ways[way].name; }
const char *bench_io_operation(unsigned operation) { return operations[operation].name; }
unsigned bench_io_times(unsigned operation) { return operations[operation].times; }

static bool guest(const char *name, const char *ending, char *path, size_t room, struct err *e)
{
    static struct subject_guest guests[64];
    for (unsigned i = subject_guests(guests, 64); i--; )
        if (!strcmp(guests[i].name, name)) {
            snprintf(path, room, "%.*s%s", (int)(strrchr(guests[i].path, '.') - guests[i].path), guests[i].path, ending);
            return true;
        }
    return err_set(e, EXIT_ENVIRONMENT, "bench io: the guest %s was not built; `make guests` builds it", name);
}

static bool settings(struct machine_cfg *cfg, const char *list, struct err *e)
{
    char one[64];
    for (; *list; list += strcspn(list, " "), list += *list == ' ') {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(list, " "), list);
        if (!config_option(cfg, "set", one, e)) return false;
    }
    return true;
}

/* Files come from the first drive and the operations go to the second; a board with virtio disks has files as a module. */
static bool devices(struct machine_cfg *cfg, bool virtio, struct err *e)
{
    char disk[512];
    if (!guest("mini", ".img", disk, sizeof disk, e)) return false;
    if (virtio) return config_option(cfg, "module", disk, e) && config_option(cfg, "disk", disk, e);
    return config_option(cfg, "disk", disk, e) && config_option(cfg, "disk", disk, e);
}

static bool configure(const struct bench_io *b, const struct way *w, const struct operation *op, unsigned times, struct machine_cfg *cfg, struct err *e)
{
    char command[64];
    bool ported = !strcmp(w->cpu, "pv"), virtio = strstr(w->settings, "virtio") != NULL;
    *cfg = b->o->machine;
    cfg->ram_mib = 16;
    cfg->vms = w->vms > 1 ? w->vms : 0;
    if (!guest(ported ? "mini-pv" : "mini", ".elf", cfg->image, sizeof cfg->image, e) || !config_option(cfg, "cpu", w->cpu, e)) return false;
    if (*w->io && !config_option(cfg, "io", w->io, e)) return false;
    if (*w->host && !config_option(cfg, "host", w->host, e)) return false;
    if (!settings(cfg, w->settings, e) || !devices(cfg, virtio, e)) return false;
    if (op != operations && !config_option(cfg, "nic", "mirror", e)) return false;
    if (op == operations) snprintf(command, sizeof command, op->command, virtio ? 0 : 1, times);
    else snprintf(command, sizeof command, op->command, times);
    snprintf(cfg->append, sizeof cfg->append, "%s %s %s run=\"%s || halt 1; halt\"", op->ticks ? "" : "timer=0", virtio || ported ? "" : "disk disks=2", w->words, command);
    subject_host(cfg);
    return config_check(cfg, e);
}

static void count(const struct machine *m, struct bench_io_cell *c, int sign)
{
    const struct trace *t = machine_trace_of(m);
    static const struct { uint8_t reason, measure; } kinds[] = {
        { EXIT_REASON_PORT, BENCH_IO_PORT }, { EXIT_REASON_INTERRUPT, BENCH_IO_IRQ }, { EXIT_REASON_HYPERCALL, BENCH_IO_CALL },
    };
    c->there = true;
    c->sum[BENCH_IO_CYCLES] += sign * (int64_t)machine_cycles(m);
    for (size_t i = 0; i < trace_count(t); i++) {
        const struct event *ev = trace_at(t, i);
        if (ev->kind == EV_HOST && ev->u.HOST.to_host && ev->u.HOST.why == HOSTED_PORT) c->sum[BENCH_IO_PROCESS] += sign;
        if (ev->kind != EV_EXIT) continue;
        c->sum[BENCH_IO_EXITS] += sign;
        for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (ev->u.EXIT.reason == kinds[k].reason) c->sum[kinds[k].measure] += sign;
    }
}

static bool run_one(struct bench_io *b, const struct way *w, const struct operation *op, unsigned times, struct bench_io_cell *c, int sign, struct err *e)
{
    struct machine_cfg cfg;
    struct subject one = { 0 };
    if (!configure(b, w, op, times, &cfg, e)) return false;
    one.machine = machine_new(&cfg, e);
    if (!one.machine) return false;
    bool ok = subject_run(&one, NULL, NULL, e);
    if (ok && machine_exit_code(one.machine)) ok = err_set(e, machine_exit_code(one.machine), "%s, %s: %s", w->name, op->name, machine_end(one.machine).why);
    if (ok) count(one.machine, c, sign);
    machine_free(one.machine);
    return ok;
}

bool bench_io_run(struct bench_io *b, const struct options *o, struct err *e)
{
    *b = (struct bench_io){ .o = o, .ways = WAYS };
    for (unsigned n = 0; n < WAYS; n++)
        for (unsigned i = 0; i < BENCH_IO_OPERATIONS; i++) {
            const struct operation *op = &operations[i];
            struct bench_io_cell *c = &b->cell[n][i];
            struct err why = { 0 };
            if (!strstr(ways[n].operations, op->name)) continue;
            if (run_one(b, &ways[n], op, op->base + op->times, c, 1, &why) && run_one(b, &ways[n], op, op->base, c, -1, &why)) continue;
            if (why.code != EXIT_USAGE) return err_set(e, why.code, "%s", why.text); /* what cannot be combined has no figures */
            c->there = false;
            snprintf(b->refusal[n][i], sizeof b->refusal[n][i], "%.230s", why.text);
        }
    return true;
}
