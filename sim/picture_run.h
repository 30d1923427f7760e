/* What diagrams of events need of a run, whether a machine stands behind it or a recorded trace (.rtrace).
 *
 * Idea: kinds that only read the history (ladder, rings, timeline, hist, vmx, diff) take this and never ask for a machine, so a file is as
 * good to them as a run. */
#ifndef SIM_PICTURE_RUN_H
#define SIM_PICTURE_RUN_H

#include "sim/subject.h"
#include "sim/trace/recording.h"

struct picture_run {
    const struct trace *t;
    const char *name, *title;                        /* "popf"; the lesson's title, or the name */
    const char *cpu, *mmu, *io, *host, *model, *label; /* label: the model with its what-ifs */
    uint64_t seed, end;                              /* end: the cycle at which the run ended */
    uint8_t  kernel_ring;                            /* the ring the guest's kernel really ran in */
    bool     hypervisor, hosted;
    unsigned vms;                                    /* 0: none */
    uint32_t from, to;                               /* of a file: the range that its ladder is best drawn of; 0: unknown */
    unsigned steps;                                  /* of a scenario; 0: an image */
    uint32_t step_end[SUBJECT_STEPS];                /* id of the last event of each */
    const char *(*symbol)(void *self, uint32_t eip, char *buf, size_t n); /* may be NULL */
    void    *self;
    char     words[10][256];                         /* where a file's words stand */
};

/* Borrows from `s` or `r`, which stay as long. */
void picture_run_of(struct picture_run *run, const struct subject *s);
void picture_run_recorded(struct picture_run *run, struct recording *r);
/* Adds "te·shadow·hypervisor-direct, popf, model p4, seed 0". */
void picture_run_caption(const struct picture_run *run, bool ascii, struct text *out);

/* A place on the command line: --from, --to, --at with step:N, event:N or cycle:N. */
struct place { char what; uint64_t n; }; /* 's', 'e', 'c'; 0: not given */
bool place_read(const char *option, const char *value, struct place *p, struct err *e);
/* The first and the last event of a place. EXIT_USAGE: the run has none such. */
bool place_resolve(const struct picture_run *run, const struct place *p, uint32_t *first, uint32_t *last, struct err *e);

#endif
