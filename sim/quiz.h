/* Practice problems about virtual memory, from a seed, with answers that the machine works out: `ringside quiz`.
 *
 * Idea: a problem is a guest that was given numbers and a run of it; what is asked is what then lies in its memory, or is counted. So no
 * answer can be wrong in a way that the machine is not. The formula that a student should find stands beside the count. */
#ifndef SIM_QUIZ_H
#define SIM_QUIZ_H

#include "sim/options.h"
#include "sim/say.h"

enum { QUIZ_PARTS = 8 };
struct quiz_problem {
    struct text question;
    unsigned parts;
    struct { char ask[160]; char answer[80]; bool hex; struct text worked; } part[QUIZ_PARTS];
};
void quiz_free(struct quiz_problem *p);
/* Adds a part; returns where its worked answer goes. */
struct text *quiz_part(struct quiz_problem *p, const char *ask, const char *answer);

/* What somebody answered, against the right answer; numbers are in hexadecimal or decimal, unless they say so themselves. QUIZ_UNCLEAR:
 * it is no answer to such a question; quiz_wanted tells what would be. */
enum quiz_verdict { QUIZ_RIGHT, QUIZ_WRONG, QUIZ_PASSED /* nothing was said */, QUIZ_UNCLEAR };
enum quiz_verdict quiz_judge(const char *right, bool hex, const char *given);
void quiz_wanted(const char *right, bool hex, char *to, size_t room);

/* A number below n from a seed that goes on. */
uint32_t quiz_pick(uint64_t *seed, uint32_t n);
/* The image is one of our guests; false: it is not built. */
bool quiz_guest(struct machine_cfg *cfg, const char *name, struct err *e);
/* Runs a machine to its guest's end; NULL: it has none. */
struct machine *quiz_run(struct machine_cfg *cfg, struct err *e);
/* A machine with the guest `quiz`, told its numbers in every VM, and run to its end; with a seed, until its first process is made. */
struct quiz_numbers { uint32_t processes, regions, seed; };
struct machine *quiz_machine(const struct machine_cfg *cfg, const struct quiz_numbers *n, struct err *e);

/* The topics; each makes a problem of a seed for the machine of the command line. */
struct quiz_topic { const char *name, *about; bool (*make)(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e); };
extern const struct quiz_topic quiz_topics[]; /* ends with a name of NULL */
bool quiz_tables(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e);
bool quiz_walk(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e);
bool quiz_references(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e);
bool quiz_exits(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e);
bool quiz_rings(struct quiz_problem *p, const struct options *o, uint64_t seed, struct err *e);

#endif
