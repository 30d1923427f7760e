/* Grading: tests times submissions, each in a process of its own, and what to write of the outcome.
 *
 * Idea 1: a report is complete at every moment: it begins with no points anywhere, is written, and is written again after each test.
 * So whatever dies on the way, there is a result (Gradescope's own advice).
 * Idea 2: outcomes lie where they belong by number, so no order of running shows. docs/grading.md is the manual. */
#ifndef SIM_GRADE_H
#define SIM_GRADE_H

#include "sim/grading.h"

enum { GRADE_FILES = 8 };

struct grade_test {
    const struct grading_test *is;
    struct grading *file;                /* in which file of tests it is, and which one of them */
    unsigned number;
};

/* A lab with its tests, read. */
struct grade_lab {
    struct grading_lab lab;
    struct grading *file[GRADE_FILES];
    unsigned files;
    struct grade_test test[GRADING_TESTS];
    unsigned tests;
    char     missing[300];               /* "": else why nothing can be graded */
    char     key[80];                    /* for seeds: key.txt of the lab, or "" */
};

/* Tests of the lab's tests/ folder, and of `hidden` if that is not NULL, in the order of the files' names. */
bool grade_open(struct grade_lab *g, const char *name, const char *hidden, struct err *e);
void grade_close(struct grade_lab *g);

/* The test `what` (a name, or a number from 1) names; -1 with EXIT_INPUT and the nearest name: none. `option`: what is said first, "--only". */
int grade_find(const struct grade_lab *g, const char *option, const char *what, struct err *e);

struct grade_report {
    const struct grade_lab *of;
    char     student[100], dir[512];
    uint64_t seed;                       /* instead of the student's own, if has_seed */
    bool     has_seed;
    struct grading_outcome *out;         /* as many as tests */
    bool     done[GRADING_TESTS];        /* false: it has not run; not asked for, or not yet */
    char     id[17];                     /* of the run: of submission, tests, seed and version */
    char     built[400], image[400];     /* of a lab that is built: the folder it is in, "" before; the guest that came of it */
    char     unbuilt[480];               /* why none came of it, the submission's fault; "" */
    bool     unbuilt_limit;
};
bool     grade_report_make(struct grade_report *r, const struct grade_lab *g, const char *dir, const char *student, struct err *e);
void     grade_report_free(struct grade_report *r);
/* Points in hundredths: of one test, of all that are there; and how many there are to have. */
uint32_t grade_points(const struct grade_report *r, unsigned test);
uint32_t grade_score(const struct grade_report *r);
uint32_t grade_full(const struct grade_lab *g);
bool     grade_ungradable(const struct grade_report *r);
/* The first test that ran and did not give all of its points; -1: there is none. */
int      grade_first_failing(const struct grade_report *r);
/* 12.50 as "12.5"; returns buf. */
const char *grade_number(uint32_t hundredths, char *buf, size_t n);

struct grade_run {
    unsigned jobs;                       /* processes at once */
    int      only;                       /* number of the one test, from 0; -1: all */
    double   wall;                       /* seconds for a test: the last guard */
    unsigned whole;                      /* so many reports are asked everything, those after them until the first test that fails; 0: all are */
    void   (*after)(void *self, struct grade_report *r, unsigned test); /* a test of it is done; may be NULL */
    void    *self;
};
/* Runs the tests of all reports. EXIT_ENVIRONMENT if no process can be made; EXIT_INTERRUPTED. */
bool grade_all(struct grade_report *r, unsigned reports, const struct grade_run *run, struct err *e);
/* Builds what was handed in, if the lab says so; once. EXIT_ENVIRONMENT: there is no compiler. The folder goes with grade_build_free. */
bool grade_build(struct grade_report *r, struct err *e);
void grade_build_free(struct grade_report *r);
/* Whom test `test` of the report is about. */
struct grading_student grade_who(const struct grade_report *r, unsigned test);
/* What a process that runs a submission may not do. grade_jail.c; false: this system offers no filter of calls. */
bool grade_jail(double seconds);

/* Formats: a word, and what makes the text. `staff`: messages of hidden tests, too. */
struct grade_format {
    const char *word, *about;
    bool many;                           /* takes more than one report */
    void (*make)(const struct grade_report *r, unsigned reports, bool staff, struct text *out);
};
extern const struct grade_format grade_formats[]; /* ends with word NULL */
const struct grade_format *grade_format(const char *word, struct err *e);
/* What a student may read of a test's outcome; staff read all. "" if there is nothing to say. */
const char *grade_message(const struct grade_report *r, unsigned test, bool staff);

#endif
