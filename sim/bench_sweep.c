/* Planning a sweep and running its points; see bench_sweep.h. */
#include "sim/bench_sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/machine.h"
#include "sim/subject.h"
#include "sim/vmm/strategy.h"

enum { STEPS = 7 };

/* --- what to change ------------------------------------------------------------------------------------------------- */

static bool read_range(struct sweep *s, const char *key, const char *value, struct err *e)
{
    char *end;
    unsigned long long from = strtoull(value, &end, 10), to, steps = STEPS;
    bool ok = end != value && !strncmp(end, "..", 2) && end[2] >= '0' && end[2] <= '9';
    to = ok ? strtoull(end + 2, &end, 10) : 0;
    if (ok && *end == ':') ok = end[1] >= '0' && end[1] <= '9', steps = strtoull(end + 1, &end, 10);
    if (!ok || *end || to > 1000000000 || from >= to || *value == '-')
        return err_set(e, EXIT_USAGE, "--set %s=%s: not a range; write it like 400..4000 or 400..4000:10", key, value);
    if (steps < 2 || steps > SWEEP_STEPS)
        return err_set(e, EXIT_USAGE, "--set %s=%s: 2 to %d steps", key, value, SWEEP_STEPS);
    if (s->key[0]) return err_set(e, EXIT_USAGE, "--set %s=%s: one figure at a time; %s has a range, too", key, value, s->key);
    snprintf(s->key, sizeof s->key, "%s", key);
    s->steps = (unsigned)steps;
    for (unsigned i = 0; i < s->steps; i++)
        s->value[i] = (uint32_t)(from + ((to - from) * i + (steps - 1) / 2) / (steps - 1));
    return true;
}

static bool find_range(struct sweep *s, struct err *e)
{
    const struct machine_cfg *c = &s->o->machine;
    for (unsigned i = 0; i < c->sets; i++)
        if (strstr(c->set[i].value, "..") && !read_range(s, c->set[i].key, c->set[i].value, e)) return false;
    if (!s->key[0]) s->steps = 1;
    return true;
}

/* The settings of the command line with the range's place taken by one value. */
static void choose(const struct sweep *s, unsigned step, struct machine_cfg *cfg)
{
    *cfg = s->o->machine;
    for (unsigned i = 0; i < cfg->sets; i++)
        if (strstr(cfg->set[i].value, "..")) snprintf(cfg->set[i].value, sizeof cfg->set[i].value, "%u", s->value[step]);
}

/* --- on what -------------------------------------------------------------------------------------------------------- */

static const struct { const char *name, *program, *about; unsigned times; } loads[] = {
#define LOAD(name, program, times, about) { name, program, about, times },
#include "sim/bench_loads.def"
#undef LOAD
};
enum { LOADS = sizeof loads / sizeof loads[0] };

static bool guest_path(const char *name, char *path, size_t room, struct err *e)
{
    static struct subject_guest guests[64];
    for (unsigned i = subject_guests(guests, 64); i--; )
        if (!strcmp(guests[i].name, name)) {
            snprintf(path, room, "%s", guests[i].path);
            return true;
        }
    return err_set(e, EXIT_ENVIRONMENT, "bench: the guest %s was not built; `make guests` builds it", name);
}

static bool add_load(struct sweep *s, unsigned which, struct err *e)
{
    struct sweep_load *l = &s->load[s->loads++];
    snprintf(l->name, sizeof l->name, "%s", loads[which].name);
    l->program = loads[which].program;
    l->times = loads[which].times;
    if (!guest_path("mini", l->image, sizeof l->image, e) || !guest_path("mini-pv", l->pv, sizeof l->pv, e)) return false;
    memcpy(l->module, l->image, sizeof l->module);
    strcpy(strrchr(l->module, '.'), ".img");
    return true;
}

static bool add_image(struct sweep *s, const char *word, struct err *e)
{
    struct sweep_load *l = &s->load[s->loads];
    const char *slash = strrchr(word, '/'), *words[LOADS];
    for (unsigned i = 0; i < LOADS; i++) words[i] = loads[i].name;
    if (!strchr(word, '/') && !strchr(word, '.')) {
        const char *near = config_suggest(word, words, LOADS);
        if (near) return err_set(e, EXIT_USAGE, "%s: no such workload; did you mean %s?", word, near);
        return err_set(e, EXIT_USAGE, "%s: no such workload; there are fork, wide, call, compute, walk, and images by their path", word);
    }
    if (strlen(word) >= sizeof l->image) return err_set(e, EXIT_INPUT, "%.60s...: the path is too long", word);
    snprintf(l->name, sizeof l->name, "%.39s", slash ? slash + 1 : word);
    strcpy(l->image, word);
    strcpy(l->pv, word);
    s->loads++;
    return true;
}

static bool find_loads(struct sweep *s, struct err *e)
{
    for (unsigned i = 1; i < s->o->operands; i++) {
        unsigned which = 0;
        while (which < LOADS && strcmp(loads[which].name, s->o->operand[i])) which++;
        if (!(which < LOADS ? add_load(s, which, e) : add_image(s, s->o->operand[i], e))) return false;
    }
    if (s->loads) return true;
    for (unsigned i = 0; i < LOADS; i++)
        if (!add_load(s, i, e)) return false;
    return true;
}

/* "vtx", or "vtx/two-level" with how memory is virtualised. */
static bool choose_machine(struct machine_cfg *cfg, const char *name, struct err *e)
{
    char cpu[sizeof ((struct sweep *)0)->cpu[0]];
    const char *slash = strchr(name, '/');
    snprintf(cpu, sizeof cpu, "%.*s", slash ? (int)(slash - name) : (int)strlen(name), name);
    cfg->mmu[0] = 0;
    return config_option(cfg, "cpu", cpu, e) && (!slash || config_option(cfg, "mmu", slash + 1, e));
}

static bool find_machines(struct sweep *s, const char *list, struct err *e)
{
    if (s->o->value[OPT_ON]) list = s->o->value[OPT_ON];
    while (*list) {
        size_t n = strcspn(list, ",");
        struct machine_cfg probe = config_defaults;
        char *cpu = s->cpu[s->machines];
        if (!n || n >= sizeof s->cpu[0]) return err_set(e, EXIT_USAGE, "--on: an empty or too long name; write it like native,vtx");
        if (s->machines == SWEEP_MACHINES) return err_set(e, EXIT_USAGE, "--on: at most %d machines", SWEEP_MACHINES);
        snprintf(cpu, sizeof s->cpu[0], "%.*s", (int)n, list);
        if (!choose_machine(&probe, cpu, e)) return false;
        for (unsigned i = 0; i < s->machines; i++)
            if (!strcmp(s->cpu[i], cpu)) return err_set(e, EXIT_USAGE, "--on: %s is there twice", cpu);
        s->machines++;
        list += n + (list[n] == ',');
    }
    return s->machines || err_set(e, EXIT_USAGE, "--on: no machine; write it like native,vtx");
}

bool sweep_plan(struct sweep *s, const char *machines, const struct options *o, struct err *e)
{
    struct machine_cfg cfg;
    memset(s, 0, sizeof *s);
    s->o = o;
    if (!find_range(s, e) || !options_shard(s->o, OPT_SHARD, &s->shard, &s->shards, e) || !find_machines(s, machines, e) || !find_loads(s, e)) return false;
    for (unsigned i = 0; i < s->steps; i++) {
        choose(s, i, &cfg);
        if (!config_model(&cfg, NULL, e)) return false;
    }
    return true;
}

/* --- a point -------------------------------------------------------------------------------------------------------- */

static void read_point(const struct machine *m, struct sweep_point *p)
{
    const struct trace *t = machine_trace_of(m);
    p->there = true;
    p->cycles = machine_cycles(m);
    machine_causes(m, p->by_cause);
    for (size_t i = 0; i < trace_count(t); i++) {
        unsigned kind = trace_at(t, i)->kind;
        p->exits += kind == EV_EXIT;
        p->vmexits += kind == EV_VMEXIT;
        p->vmentries += kind == EV_VMENTRY;
    }
}

static void take_off(struct sweep_point *p, const struct sweep_point *twin)
{
    p->cycles -= twin->cycles;
    p->exits -= twin->exits;
    p->vmexits -= twin->vmexits;
    p->vmentries -= twin->vmentries;
    for (unsigned c = 0; c < CAUSE_COUNT; c++) p->by_cause[c] -= twin->by_cause[c];
}

static bool configure(const struct sweep *s, const struct sweep_load *l, unsigned machine, unsigned step, unsigned times,
                      struct machine_cfg *cfg, struct err *e)
{
    char program[64];
    choose(s, step, cfg);
    if (!choose_machine(cfg, s->cpu[machine], e)) return false;
    snprintf(cfg->image, sizeof cfg->image, "%s", cpu_strategy_find(cfg->cpu)->aware ? l->pv : l->image);
    if (l->program) {
        int n = snprintf(program, sizeof program, "%.40s", l->program);
        char *at = strstr(program, "%u");
        if (at) snprintf(at, sizeof program - (size_t)n + 2, "%u", times);
        snprintf(cfg->append, sizeof cfg->append, "timer=0 run=\"%s; halt\"", program);
        if (!config_option(cfg, "module", l->module, e)) return false;
    }
    return config_check(cfg, e);
}

static bool run_one(const struct sweep *s, unsigned load, unsigned machine, unsigned step, unsigned times, struct sweep_point *p,
                    struct err *e)
{
    struct machine_cfg cfg;
    struct subject one = { 0 };
    if (!configure(s, &s->load[load], machine, step, times, &cfg, e)) return false;
    one.machine = machine_new(&cfg, e);
    if (!one.machine) return false;
    bool ok = subject_run(&one, NULL, NULL, e);
    struct machine_end end = machine_end(one.machine);
    if (ok && machine_exit_code(one.machine))
        ok = err_set(e, machine_exit_code(one.machine), "%s on %s: %s", s->load[load].name, cfg.cpu, end.why);
    if (ok) read_point(one.machine, p);
    machine_free(one.machine);
    return ok;
}

static bool run_point(struct sweep *s, unsigned load, unsigned machine, unsigned step, struct err *e)
{
    struct sweep_point *p = &s->point[load][machine][step], twin = { 0 };
    struct err why = { 0 };
    bool ok = run_one(s, load, machine, step, s->load[load].times, p, &why);
    if (ok && s->load[load].program) {
        ok = run_one(s, load, machine, step, 0, &twin, &why);
        take_off(p, &twin);
    }
    if (ok) return true;
    p->there = false;
    bool guests_own = why.code == EXIT_FAILED || why.code == EXIT_GUEST_DIED; /* trap-and-emulate's guests may well end so */
    if (why.code != EXIT_USAGE && !(guests_own && machine)) return err_set(e, why.code, "%s", why.text);
    snprintf(s->refusal[load][machine], sizeof s->refusal[0][0], "%.230s", why.text);
    return true;
}

bool sweep_run(struct sweep *s, struct err *e)
{
    unsigned n = 0;
    for (unsigned load = 0; load < s->loads; load++)
        for (unsigned machine = 0; machine < s->machines; machine++)
            for (unsigned step = 0; step < s->steps; step++, n++)
                if (n % s->shards == s->shard - 1 && !s->refusal[load][machine][0] && !run_point(s, load, machine, step, e))
                    return false;
    return true;
}
