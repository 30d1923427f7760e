/* The same guest on several machines: what each made of it, and where a guest could first see a difference.
 *
 * Idea: the first machine is the reference. Each runs to its end; console, registers and memory at the end are held against
 * the reference's. Where they differ, or something failed silently, a fresh pair is brought there in step (lockstep.h).
 * A technique that wants a ported kernel gets the port that lies beside the image, NAME-pv.elf, if it refuses the image: another
 * kernel that is to say the same, so its console is compared and nothing else. */
#ifndef SIM_COMPARE_RUNS_H
#define SIM_COMPARE_RUNS_H

#include "sim/lockstep.h"
#include "sim/say.h"
#include "sim/subject.h"

enum { COMPARE_RUNS = 8, COMPARE_STEPS = 20000000 };

struct compare_run {
    char     cpu[16];
    bool     refused;                   /* `refusal` says why; nothing else is valid */
    char     refusal[512];
    char     port[sizeof ((struct machine_cfg *)0)->image]; /* the image it ran instead; "": the same */
    struct machine_summary sum;
    struct machine_end end;
    struct text serial;
    unsigned line;                      /* first line of the console that differs from the reference's, from 1; 0: none */
    uint64_t memory;                    /* bytes of guest memory that differ at the end */
    uint32_t memory_at;                 /* the first of them, guest-physical */
    char     memory_name[64];
    uint32_t silent_event;              /* the first one */
    bool     stepped;                   /* `step` is valid */
    struct lockstep step;               /* against the reference; its machines are gone */
    char     step_where[96];            /* symbol of step.eip */
    char     step_rule[400];            /* the rule of the instruction at which they part; "" if there is none */
    char     step_silent[120];          /* the detector's line about it, or "" */
};

struct compare_runs {
    const struct subject *s;            /* cfg is used; its machine is not */
    unsigned n;
    struct compare_run run[COMPARE_RUNS];
};

/* Fills in the list from words "native,te": EXIT_USAGE for what no version has. What this version or this guest refuses is
 * a row of its own. NULL: every technique there is. */
bool compare_runs_on(struct compare_runs *c, const struct subject *s, const char *list, struct err *e);
/* Runs them all, and (or, if `only_step`) in step. `steps`: the most instructions in step. False: ^C, --limit-wall, no memory. */
bool compare_runs_all(struct compare_runs *c, bool only_step, uint64_t steps, struct err *e);
bool compare_runs_ends(struct compare_runs *c, struct err *e); /* each to its end only */
bool compare_runs_differ(const struct compare_runs *c); /* could any guest see a difference? */
void compare_runs_done(struct compare_runs *c);

/* compare_table.c */
void compare_runs_text(const struct compare_runs *c, bool only_step, struct say *out);
void compare_runs_json(const struct compare_runs *c, struct text *out);

#endif
