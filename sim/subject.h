/* What a command works on: an image or a scenario, and the machine it runs on. Shared by run, draw, trace and tui.
 *
 * Idea: a path to an existing file wins; `.lua` is a scenario, anything else an image; otherwise the word is the name
 * of a shipped scenario. A scenario brings its machine, and the options of the command line come on top. A recorded trace
 * (.rtrace) names what was run and how: that is opened, and must have the recording's run id. */
#ifndef SIM_SUBJECT_H
#define SIM_SUBJECT_H

#include "sim/lesson.h"
#include "sim/machine.h"
#include "sim/options.h"

enum { SUBJECT_STEPS = 64 };
#define SUBJECT_EPILOGUE 1000000000u /* cycles a scenario's guest may go on after the last step, to come to its end */

struct subject {
    uint64_t must_be;                 /* of a recorded trace that is run again: its run id before the first instruction; 0: none */
    char   name[64];                  /* "popf": the file's name without folder and ending */
    struct machine_cfg cfg;
    struct lesson  *lesson;           /* NULL for an image */
    struct machine *machine;
    struct machine *left;             /* its VM went from this one to `machine`; NULL: it did not move */
    unsigned steps;                   /* steps that ran */
    uint32_t step_end[SUBJECT_STEPS]; /* id of the last event of each */
    char   written_for[64];           /* "te, shadow, model p4" if options chose another machine than the scenario's; else "" */
};

/* What files and captions call `path`, a subject's word: its last part without the ending. */
void subject_word(const char *path, char *name, size_t room);
/* Opens `word`; its machine stands before the guest's first instruction. On failure nothing is left open. */
bool subject_open(struct subject *s, const char *word, const struct options *o, struct err *e);
/* The same, but without a machine (cfg is complete and checked): whoever sets cfg.serial makes it with subject_boot. */
bool subject_find(struct subject *s, const char *word, const struct options *o, struct err *e);
bool subject_boot(struct subject *s, struct err *e);
void subject_close(struct subject *s);

/* Runs everything: a scenario's steps, calling `told` (may be NULL) after each, or an image. False: an error, a limit
 * of the scenario, ^C or --limit-wall; what ran until then can be reported. */
typedef void subject_told(void *self, const struct subject *s, unsigned step);
bool subject_run(struct subject *s, subject_told *told, void *self, struct err *e);
/* A scenario's guest goes on after the last step, to its end or for SUBJECT_EPILOGUE cycles. */
bool subject_finish(struct subject *s, struct err *e);

unsigned subject_failed(const struct subject *s); /* expectations that did not hold */
unsigned subject_passed(const struct subject *s);
unsigned subject_elsewhere(const struct subject *s); /* those that are about another technique, and do not hold under this one */

/* The folder above the shipped scenarios, or "." where there are none: sources and built guests lie in it. */
void subject_root(char *dir, size_t room);

/* Who hosts hosted virtual machines, if nobody is named: mini, among the built guests. */
void subject_host(struct machine_cfg *c);

/* The guests that were built: their folder's name in `dir`, file names without ending, sorted. Returns how many. */
struct subject_guest { char name[32], path[512]; };
unsigned subject_guests(struct subject_guest *list, unsigned room);

#endif
