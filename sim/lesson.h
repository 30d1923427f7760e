/* A lesson: a scenario as front ends see it. Implemented by sim/script; read by the terminal, `run` and `draw`.
 *
 * A scenario file brings a machine and steps; each step runs the machine until something, tells a note, may ask a
 * question and checks expectations. Front ends never see Lua. */
#ifndef SIM_LESSON_H
#define SIM_LESSON_H

#include "sim/machine.h"

enum { LESSON_CHOICES = 6, LESSON_READINGS = 8 };
struct lesson_step {
    const char *title, *note;               /* note: plain text, may hold newlines; "" if none */
    const char *show;                       /* view the author wants in front: "rings", "address", ... or "" */
    const char *say;                        /* for the speaker's eyes: plain text as the note; "" if none */
    unsigned    minutes;                    /* of talk, as its author plans; 0: not said */
    const char *ask;                        /* question, or NULL */
    unsigned    choices, answer;            /* answer: 1..choices */
    const char *choice[LESSON_CHOICES];
    uint64_t    insns;                      /* position at which the step ended; UINT64_MAX while it has not run */
    uint64_t    cycles;                     /* the clock then: a CPU that is halted waits at one position */
    int         look;                       /* the VM that the step looked at when it ended; -1: the one that runs */
    bool        left_out;                   /* under this technique it does not happen; a check says why */
};
struct lesson_check {                       /* one expectation that was evaluated */
    unsigned step;                          /* index of its step */
    bool     passed;
    bool     elsewhere;                     /* not passed, but it is about another technique: no failure */
    uint64_t insns;                         /* where */
    uint32_t event;                         /* last event then */
    const char *text;                       /* "popf.lua:31: IF: expected 0, got 1", or what was expected */
};

struct lesson;
struct lesson_ops {
    void     (*free)(struct lesson *l);
    unsigned (*steps)(const struct lesson *l);
    void     (*step)(const struct lesson *l, unsigned i, struct lesson_step *out);
    /* Runs step l->next to its end on `m`, evaluates its expectations, advances l->next. False: a script error (EXIT_INPUT),
     * a limit (EXIT_LIMIT); a failed expectation is not an error but a check with passed == false. Under a technique that the
     * lesson does not name, a step that cannot be gone is left out: the machine stands where it stood before. */
    bool     (*advance)(struct lesson *l, struct machine *m, struct err *e);
    /* The machine went somewhere else in time: forget steps and checks later than its position. */
    void     (*rewind)(struct lesson *l, const struct machine *m);
    unsigned (*checks)(const struct lesson *l);
    const struct lesson_check *(*check)(const struct lesson *l, unsigned i);
    /* Diagrams the author declared: name, kind, and the range of steps (by index, inclusive) it covers. */
    unsigned (*drawings)(const struct lesson *l);
    bool     (*drawing)(const struct lesson *l, unsigned i, const char **name, const char **kind, unsigned *from, unsigned *to);
};
struct lesson {
    const struct lesson_ops *ops;
    struct machine_cfg cfg;                 /* the machine it wants; options of the command line override */
    char     path[512], title[160], lecture[160];
    char     techniques[64];                /* "te bt": what it claims is about these only; "": it does not say */
    char     reading[LESSON_READINGS][160]; /* what to read about it */
    unsigned readings;
    unsigned next;                          /* the step that would run next */
};

/* Is the machine's technique (cfg.cpu) one of which the lesson says that its claims are about it? */
bool lesson_is_about(const struct lesson *l);

/* A lesson without steps, for lines that somebody types. NULL: no memory. */
struct lesson *lesson_empty(struct err *e);
/* Runs a line of Lua with `vm` as that machine, in the sandbox of scenarios; `l` is of lesson_empty. What it gives, prints, and claims
 * is added to `out`. The line may run the machine, and change it, which forgets its past. EXIT_INPUT, EXIT_LIMIT. */
bool lesson_eval(struct lesson *l, struct machine *m, const char *line, struct text *out, struct err *e);
/* Does `text` break off in the middle of something that further lines could complete? */
bool lesson_unfinished(struct lesson *l, const char *text);
/* What a line typed so far could go on with: how many words fit; what they all go on with in `more`; they themselves in `all`. `l`: of lesson_empty, whose
 * names of earlier lines are offered, too; NULL: only those of the bindings. */
unsigned lesson_complete(struct lesson *l, const char *typed, char *more, size_t room, struct text *all);

/* The files that a lesson is made of, beside its own: what it includes, its guest, its module; by number. False behind the last. */
bool lesson_file(const struct lesson *l, unsigned i, char *path, size_t room);
/* Looks a lesson through without running it: names that do not exist, conditions that cannot be (for `m`, at its first instruction), notes that
 * are too wide. Adds a line "FILE:LINE: what" for each finding; returns how many. */
unsigned lesson_dry(struct lesson *l, struct machine *m, struct text *out);

/* Loads a scenario file. `name` is a path, or the name of a shipped scenario ("popf"). NULL and an error otherwise:
 * EXIT_INPUT with file and line for broken Lua, EXIT_LIMIT if it loops or eats memory while loading. */
struct lesson *lesson_open(const char *name, struct err *e);

/* The shipped scenarios: path, title, lecture part; in teaching order. Returns how many. */
struct lesson_entry { char name[32], path[512], title[160], lecture[160]; };
unsigned lesson_list(struct lesson_entry *list, unsigned room, struct err *e);
extern const char lesson_language[]; /* what scenarios are written in, with its version: "Lua 5.4.4" */

#endif
