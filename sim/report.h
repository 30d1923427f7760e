/* What came out of a run, for people (text) and for programs (JSON).
 *
 * Idea: everything is derived from the machine after the run; `struct report` only adds what the machine cannot know:
 * real time, the bare run, why the front end stopped. */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "sim/compare.h"
#include "sim/say.h"
#include "sim/subject.h"

struct report {
    const struct subject *s;
    const struct compare *bare;  /* NULL: no comparison was made */
    struct machine_summary sum;
    struct machine_end end;
    const char *stop;            /* "exited", "halted", "died", "limit", "interrupted", "steps" */
    bool     kept;               /* what the guest wrote to its disks went into their images */
    double   seconds;            /* real time of the run */
    int      code;               /* exit code, without errors of the front end */
};

/* Fills in what follows from the machine; `err`: what ended the run early, or with code 0. EXIT_BUG if cycles and causes
 * do not add up (design law 5). */
bool report_make(struct report *r, const struct subject *s, const struct err *early, double seconds, struct err *e);
const char *report_vm_stop(const struct machine_vm *v); /* what `stop` is for one VM */
enum { REPORT_DEVICES = 32 };
/* The last POST code that was written to port 80h or 190h; false if there was none. */
bool report_post(const struct report *r, uint8_t *code);
/* One line per fact, at most 78 columns. */
void report_text(const struct report *r, bool verbose, struct say *out);
/* One JSON object, with a newline at its end. */
void report_json(const struct report *r, struct text *out);

/* report_log.c: the events worth reading. At most REPORT_LINES lines, repetitions folded; all of them if `verbose`. */
enum { REPORT_LINES = 40 };
void report_log(const struct subject *s, uint32_t from, uint32_t to, bool verbose, struct say *out);

#endif
