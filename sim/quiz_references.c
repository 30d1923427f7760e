/* `ringside quiz references`: how many entries a walk reads, for tables of every depth. See quiz.h.
 *
 * Idea: the guest `depth` looks at one page again and again behind an INVLPG. What a run with many looks reads more than one with none, by
 * the number of looks, is one walk, counted. The formula that a student should find stands beside it: (n+1)(m+1)-1. */
#include <stdio.h>
#include "sim/guard.h"
#include "sim/machine.h"
#include "sim/quiz.h"

enum { LOOKS = 100 };

static bool run(const struct options *o, const char *cpu, const char *const set[3], unsigned levels, unsigned looks, uint64_t *refs, struct err *e)
{
    struct machine_cfg cfg = o->machine;
    struct machine_summary s;
    snprintf(cfg.append, sizeof cfg.append, "levels=%u touches=%u", levels, looks);
    if (!quiz_guest(&cfg, "depth", e) || !config_option(&cfg, "cpu", cpu, e)) return false;
    if (*cpu == 'v' && !config_option(&cfg, "mmu", "two-level", e)) return false;
    for (unsigned i = 0; i < 3; i++)
        if (set[i] && !config_option(&cfg, "set", set[i], e)) return false;
    struct machine *m = quiz_run(&cfg, e);
    if (!m) return false;
    machine_summary(m, &s);
    *refs = s.walk_refs;
    machine_free(m);
    return true;
}

static bool count(const struct options *o, const char *cpu, const char *const set[3], unsigned levels, unsigned *each, struct err *e)
{
    uint64_t none = 0, many = 0;
    if (!run(o, cpu, set, levels, 0, &none, e) || !run(o, cpu, set, levels, LOOKS, &many, e)) return false;
    *each = (unsigned)((many - none) / LOOKS);
    return (many - none) % LOOKS == 0 || err_set(e, EXIT_BUG, "quiz: walks of different lengths");
}

bool quiz_references(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e)
{
    const unsigned n = 2 + quiz_pick(&seed, 4), m = 2 + quiz_pick(&seed, 4);
    char levels[24], second[24], number[16];
    unsigned bare, both, large;
    snprintf(levels, sizeof levels, "mmu.levels=%u", n);
    snprintf(second, sizeof second, "mmu.second=%u", m);
    if (!count(o, "native", (const char *[]){ levels, NULL, NULL }, n, &bare, e) ||
        !count(o, "vtx", (const char *[]){ levels, second, NULL }, n, &both, e) ||
        !count(o, "vtx", (const char *[]){ levels, second, "ept.large=1" }, n, &large, e))
        return false;
    text_add(&p->question, "A guest's page tables have %u levels, those of the second level %u. An address is in no TLB, no cache of walks keeps anything, and all of its "
             "tables and pages are there. The processor walks.", n, m);
    snprintf(number, sizeof number, "%u", bare);
    text_add(quiz_part(p, "How many entries does it read on a bare machine?", number), "one of each level: %u. Counted, over %u walks: %u.", n, (unsigned)LOOKS, bare);
    snprintf(number, sizeof number, "%u", both);
    text_add(quiz_part(p, "How many, of both levels, in a virtual machine with two levels of paging?", number),
             "the address of each of the guest's %u tables, and at last the page's own, is a guest-physical one that takes %u: %u x %u; and the guest's entries, %u: "
             "(%u+1)(%u+1)-1 = %u. Counted: %u.", n, m, n + 1, m, n, n, m, (n + 1) * (m + 1) - 1, both);
    snprintf(number, sizeof number, "%u", large);
    text_add(quiz_part(p, "How many if the second level maps the guest's memory by large pages, one entry above the last level's?", number),
             "each of those %u walks is one shorter: (%u+1)(%u)-1 = %u. Counted: %u.", n + 1, n, m, (n + 1) * m - 1, large);
    return true;
}
