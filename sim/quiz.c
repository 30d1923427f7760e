/* See quiz.h: what the topics share. */
#include "sim/quiz.h"

#include <stdio.h>
#include <string.h>
#include "sim/guard.h"
#include "sim/subject.h"

const struct quiz_topic quiz_topics[] = {
    { "tables", "how many page tables exist for N virtual machines with M processes", quiz_tables },
    { "walk", "where an address leads, what the hardware reads on the way, and which fault it is", quiz_walk },
    { "references", "how many entries a walk reads, for tables of every depth, with and without a second level", quiz_references },
    { "rings", "how often the processor changes its ring in a system call", quiz_rings },
    { "exits", "how often a mixture of operations leaves to the hypervisor", quiz_exits },
    { NULL, NULL, NULL },
};

void quiz_free(struct quiz_problem *p)
{
    text_free(&p->question);
    for (unsigned i = 0; i < p->parts; i++) text_free(&p->part[i].worked);
}

struct text *quiz_part(struct quiz_problem *p, const char *ask, const char *answer)
{
    unsigned n = p->parts < QUIZ_PARTS ? p->parts++ : QUIZ_PARTS - 1;
    snprintf(p->part[n].ask, sizeof p->part[n].ask, "%s", ask);
    snprintf(p->part[n].answer, sizeof p->part[n].answer, "%s", answer);
    return &p->part[n].worked;
}

uint32_t quiz_pick(uint64_t *seed, uint32_t n)
{
    uint64_t z = *seed += 0x9E3779B97F4A7C15u; /* splitmix64: good from any seed on */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (uint32_t)(((z ^ z >> 31) >> 32) * n >> 32);
}

bool quiz_guest(struct machine_cfg *cfg, const char *name, struct err *e)
{
    struct subject_guest list[64];
    unsigned n = subject_guests(list, 64);
    for (unsigned i = 0; i < n && i < 64; i++)
        if (!strcmp(list[i].name, name)) {
            snprintf(cfg->image, sizeof cfg->image, "%s", list[i].path);
            return true;
        }
    return err_set(e, EXIT_ENVIRONMENT, "quiz: the guest %s is not built; `make guests` builds it", name);
}

/* Before it began: paging is off, so a symbol's address is where its variable lies. */
static bool tell(struct machine *m, const char *name, uint32_t value, struct err *e)
{
    uint32_t at;
    if (machine_find_symbol(m, name, &at) && machine_poke(m, gva(at), &value, sizeof value)) return true;
    return err_set(e, EXIT_BUG, "quiz: the guest has no %s", name);
}

static bool tell_all(struct machine *m, const struct quiz_numbers *n, struct err *e)
{
    for (unsigned vm = 0; vm < machine_vms(m); vm++) {
        machine_look_at(m, (int)vm);
        if (!tell(m, "quiz_processes", n->processes, e) || !tell(m, "quiz_regions", n->regions, e) || !tell(m, "quiz_seed", n->seed, e)) return false;
    }
    machine_look_at(m, -1);
    return true;
}

struct machine *quiz_run(struct machine_cfg *cfg, struct err *e)
{
    const struct till never = { .kind = TILL_NEVER };
    if (!config_check(cfg, e)) return NULL;
    struct machine *m = machine_new(cfg, e);
    if (!m) return NULL;
    guard_watch(m);
    enum machine_stop stop = machine_run(m, &never, 200000000);
    bool ok = !guard_error(e) && !e->code;
    guard_watch(NULL);
    if (ok && stop == MACHINE_ENDED) return m;
    if (ok) err_set(e, EXIT_LIMIT, "quiz: the guest does not come to its end");
    machine_free(m);
    return NULL;
}

struct machine *quiz_machine(const struct machine_cfg *cfg, const struct quiz_numbers *n, struct err *e)
{
    struct machine_cfg c = *cfg;
    c.ram_mib = 4;
    if (!quiz_guest(&c, "quiz", e) || !config_check(&c, e)) return NULL;
    struct machine *m = machine_new(&c, e);
    if (!m) return NULL;
    machine_forward_only(m);
    guard_watch(m);
    bool ok = tell_all(m, n, e);
    struct till made = { .kind = n->seed ? TILL_LABEL : TILL_NEVER };
    if (ok && n->seed) ok = machine_find_symbol(m, "quiz_made", &made.a) || err_set(e, EXIT_BUG, "quiz: the guest has no landmark");
    enum machine_stop stop = ok ? machine_run(m, &made, 200000000) : MACHINE_PAUSED;
    if (ok && stop != MACHINE_ENDED && stop != MACHINE_TILL && !guard_error(e)) ok = err_set(e, EXIT_LIMIT, "quiz: the guest does not come to its end");
    guard_watch(NULL);
    if (ok && !e->code) return m;
    machine_free(m);
    return NULL;
}
