/* A report that `grade` wrote, read again: who it is about, and which tests failed. For `grade --at ... --report FILE`. */
#ifndef SIM_GRADE_SAVED_H
#define SIM_GRADE_SAVED_H

#include "sim/grading.h"

struct grade_saved {
    char     student[100];               /* "": the format does not say */
    char     run[17];                    /* the run identity; "": the format does not say */
    unsigned tests;
    struct { char name[96]; bool failed; } test[GRADING_TESTS]; /* those that ran */
};
/* From --format json, gradescope or prairielearn. Of a list of reports (--all) the one about `student`. EXIT_INPUT. */
bool grade_saved_read(struct grade_saved *s, const char *path, const char *student, struct err *e);

#endif
