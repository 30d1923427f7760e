/* A file of tests with points, as the grader sees it. Implemented by sim/script; read by sim/grade*.c.
 *
 * Idea 1: tests and a submission run in two Lua states that share numbers, text and tables of these, by value; what a test is worth,
 * and what it gave, is computed and kept in C.
 * Idea 2: a test needs no clock: it is bounded by simulated cycles and Lua instructions, so its score is the same everywhere. */
#ifndef SIM_GRADING_H
#define SIM_GRADING_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

enum { GRADING_TESTS = 64, GRADING_BOARD = 8, GRADING_VARIANTS = 100, GRADING_WHOLE = 1000 /* of a test's points, all */ };

struct grading_test {
    char     name[96], hint[200];        /* hint: what a student may be told of a hidden test that failed; "" */
    uint32_t points, variants;
    bool     hidden;                     /* name and result only */
    const char *visibility;              /* the word it was declared with: "visible", "hidden", "after_due_date", "after_published" */
    uint64_t cycles, lua;                /* limits */
};

enum grading_status {
    GRADING_FAILED,                      /* a claim did not hold */
    GRADING_PASSED,
    GRADING_PARTIAL,                     /* some parts held */
    GRADING_LIMIT,                       /* ran out of cycles, Lua instructions or memory */
    GRADING_ERROR,                       /* the submission's Lua broke, or is no Lua */
    GRADING_CRASHED,                     /* the process that ran it ended without a result: the grader's problem, or an attack on it */
    GRADING_UNGRADABLE,                  /* the tests are broken or missing: no score at all */
    GRADING_STATUSES
};
extern const char *const grading_status_word[GRADING_STATUSES];

/* What came of a test. Plain bytes: it goes through a pipe. */
struct grading_outcome {
    uint32_t status, credit;             /* enum grading_status; 0..GRADING_WHOLE */
    uint32_t variant;                    /* the one that the message is about, from 1; 0: all, or there is one */
    uint64_t cycles, insns, lua;         /* of all variants together */
    int64_t  board[GRADING_BOARD];       /* the leaderboard's values, where the test gave one */
    uint32_t boards;                     /* bit: it did */
    char     message[1500];              /* lines for people; "" if all held */
    char     printed[500];               /* what the submission printed, from its beginning */
};

struct grading_board { char name[48]; bool ascending; };

struct grading;
struct lesson;
struct machine;
/* Reads the tests of the lab in `dir` from `path`. EXIT_INPUT with file and line for broken Lua. */
struct grading *grading_open(const char *dir, const char *path, struct err *e);
void     grading_free(struct grading *g);
unsigned grading_tests(const struct grading *g);
const struct grading_test *grading_test(const struct grading *g, unsigned i);
unsigned grading_boards(const struct grading *g, const struct grading_board **list);

/* Whom to grade: the folder with the files, and of which file the functions are; the seed of this student and test. */
struct grading_student { const char *dir, *file; uint64_t seed; const char *image; /* what was built of it; NULL: its file is Lua */ };
/* Runs test `i` in this process, which should have nothing to lose. */
void grading_run(struct grading *g, unsigned i, const struct grading_student *who, struct grading_outcome *out);
/* Runs test `i` up to its first claim that does not hold, or to where the submission ended it, and leaves the machine there, in `m`, which is
 * lent until the lesson is freed. The lesson has one step, the test. NULL: EXIT_INPUT, for it passes, or has no machine, or is broken. */
struct lesson *grading_stand(struct grading *g, unsigned i, const struct grading_student *who, struct machine **m, struct err *e);

/* Looks a file of tests and, against it, a submission through; runs nothing. `names`: the submission's own names, too (once is enough). Adds a line
 * "FILE:LINE: what" for each finding; returns how many. */
unsigned grading_dry(struct grading *g, const struct grading_student *who, bool names, struct text *out);

/* What a lab is: lab.lua in its folder, a table of words and numbers. */
struct grading_lab {
    char     dir[512], name[48], title[160];
    char     file[64];                   /* the student's file that is run, "handlers.lua" */
    unsigned files;                      /* all that a student hands in */
    char     name_of[16][64];
    char     build[64];                  /* the folder whose C and assembler is built together with those; "": nothing is built */
    unsigned order;
    unsigned bugs;                       /* mutants of the reference solution, for `lab selftest` */
    struct grading_bug { char name[64], file[64], *from, *to; } bug[32];
};
/* `name`: a shipped lab's, or a folder's path. EXIT_INPUT, with the nearest name. The caller frees it with grading_lab_free. */
bool grading_lab(const char *name, struct grading_lab *lab, struct err *e);
void grading_lab_free(struct grading_lab *lab);
/* The shipped ones, by order. Returns how many. */
unsigned grading_labs(struct grading_lab *list, unsigned room, struct err *e);

/* A sealed answer, "NAME SALT HASH": a test asks t:sealed("NAME", value), and nobody can read what it wants. */
void grading_seal(const char *name, const char *value, uint64_t salt, struct text *line);
/* First 8 bytes of a hash over key, student and test: variants that only the holder of the key can foretell. */
uint64_t grading_seed(const char *key, const char *student, const char *test);

#endif
