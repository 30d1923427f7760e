/* A session: a machine, perhaps a lesson, and the ways of moving through their time.
 *
 * Idea: every movement ends at an instruction boundary, tells the lesson where the machine is now, and leaves one
 * line saying what happened if that is not plain to see. A lesson's steps begin where the one before ended: whoever
 * strays from it and asks for the next step is first taken back to the lesson's place.
 * What is changed in the past is changed on a branch (session_branch.c): the run that was stays. */
#ifndef TUI_SESSION_H
#define TUI_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/lesson.h"
#include "sim/machine.h"
#include "sim/micro.h"
#include "sim/source_lines.h"

enum session_unit { UNIT_INSN, UNIT_LINE, UNIT_EVENT, UNIT_EXIT, UNITS };
enum { SESSION_BACK = 64 };
enum { SESSION_MACHINES = 8, MARKS = 36, SESSION_STOPS = 32, SESSION_BRANCHES = 4 };
struct branch {
    struct machine *m, *trunk;      /* trunk: the one that was not changed */
    struct lesson *trunk_lesson;
    uint64_t from;                  /* the moment of the first change */
    char what[72];                  /* that change, as it was typed */
};
struct mark {
    char name;                      /* a letter or digit; 0: none */
    uint64_t insns;                 /* the moment */
    unsigned step;                  /* of the lesson, for the list */
};
struct session {
    struct machine *m;
    struct lesson *lesson;          /* NULL: none, or another machine than its own is shown */
    struct machine *own;            /* the one the session was opened with, and its lesson */
    struct lesson *own_lesson;
    struct machine *machine[SESSION_MACHINES]; /* session_machine.c: by technique; NULL: not made yet */
    char name[64];                  /* "popf.lua", "rings.elf" */
    char message[256];              /* "": nothing to say */
    bool warn;                      /* the message is bad news */
    bool moved;                     /* the machine stands elsewhere than before; the reader clears it */
    uint64_t far_insns, far_cycles; /* the furthest ever seen */
    uint32_t far_event;
    struct micro micro;             /* of the instruction at moment micro.moment, the first `parts` of it shown; 0: none */
    unsigned parts;
    struct mark mark[MARKS];        /* session_marks.c: of the machine the session was opened with */
    unsigned marks;
    char last_mark;
    char marks_file[512];           /* where they are kept; "": nowhere */
    uint32_t stop[SESSION_STOPS];   /* session_stop.c: linear addresses */
    unsigned stops;
    struct branch branch[SESSION_BRANCHES]; /* session_branch.c */
    unsigned branches;
    struct lesson *lua;             /* of session_line; NULL until it is used */
    unsigned speed;                 /* of c: instructions a frame; 0: as many as there is time for */
    bool paced;                     /* c is running so: poll is to take a frame's time */
    unsigned unit;                  /* enum session_unit: what a step is */
    struct { const struct machine *m; uint64_t from, to; } strides[SESSION_BACK]; /* session_unit.c: the longer ones that were made last */
    unsigned strides_n;
    struct source_lines *sources; /* of the image; NULL: none */
    struct lab *lab;                /* of session_exec; NULL until it is used */
    /* Called between slices of a long run; true: stop. May draw. */
    bool (*poll)(void *self);
    void *poll_self;
};

void session_open(struct session *s, struct machine *m, struct lesson *l);
void session_close(struct session *s); /* frees the machines that session_machine made */
void session_say(struct session *s, bool warn, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void session_step(struct session *s); /* a unit, at first an instruction */
void session_insn(struct session *s); /* one instruction */
void session_unit_next(struct session *s); /* the next unit: s steps by it, and r takes back what s did */
bool session_unstride(struct session *s);  /* takes back the last stride, if it ended at this moment; false: it did not */
void session_over(struct session *s); /* with the whole visit to the hypervisor */
void session_exit(struct session *s); /* to the next exit, fault, silent failure */
void session_run(struct session *s);  /* to the end, or until poll says so */
void session_back(struct session *s); /* one instruction */
void session_back_exit(struct session *s);
void session_home(struct session *s);
void session_next(struct session *s); /* a step of the lesson */
void session_previous(struct session *s);
void session_goto(struct session *s,
                  const char *where); /* "41", "event:41", "cycle:N", "insn:N", "step:N", "label:NAME", "mark:X", "fail:N" */
/* Branches of the past: the machine at hand becomes one that may be changed; next: trunk, 1, 2, ...; drop: the last one. False: it says why. */
bool session_branch(struct session *s, const char *what);
int  session_on_branch(const struct session *s); /* -1: on none */
void session_branch_next(struct session *s);
void session_branch_drop(struct session *s);
void session_branch_list(const struct session *s, struct text *out);
/* Both futures, as far as they go within some bounds: the first event that differs, what they print, how they end. */
bool session_branch_compare(struct session *s, struct text *out);
void session_branches_free(struct session *s);
/* A line of Lua, or `expect` and an expression; one that changes the machine makes a branch. False: it says what is wrong. */
bool session_line(struct session *s, const char *line, struct text *out);
bool session_explain(struct session *s, const char *word, struct text *out); /* as `ringside explain` */
/* Stop points: one at the instruction about to run, or not any more; the list; is one at that address. session_arm is for those
 * who run: from now on the machine stops there, or no more; session_stopped says so if it did. */
void session_stop(struct session *s);
void session_stop_list(const struct session *s, struct text *out);
bool session_stops_at(const struct session *s, uint32_t at);
void session_arm(struct session *s, bool on);
bool session_stopped(struct session *s);
/* The guest on every machine to its end, and in step where they part: the table of `ringside compare`. False: it says why. */
bool session_compare(struct session *s, struct text *out);
/* Marks: a letter or digit for a moment. They outlive the program once session_keep has said so: they belong to the run (its
 * identity), so that whatever would make them wrong makes other ones. session_mark_names lists them, MARKS + 1 bytes. */
void session_keep(struct session *s);
void session_mark(struct session *s, uint32_t name);
void session_to_mark(struct session *s, uint32_t name); /* ': the one set last */
void session_mark_names(const struct session *s, char *names);
/* The next technique that can run this guest, or the one before: same guest, same moment, other machine. */
void session_machine_next(struct session *s);
void session_machine_previous(struct session *s);
void session_machine_to(struct session *s, const char *cpu); /* the one of that name */
void session_arrive(struct session *s); /* after any movement: what was the furthest */
/* Writes the ladder of the events so far; the message names the file. */
void session_draw(struct session *s);
/* Runs a line of the laboratory (docs/exec.md), which has a machine of its own. False: nothing to show; the message says
 * what is wrong with the line. */
bool session_exec(struct session *s, const char *line, struct text *out);
/* One part more of what happens inside the next instruction, with its cycles; behind the last, the instruction is done, and
 * it returns false: there is nothing to show. */
bool session_micro(struct session *s, struct text *out);
/* Of the parts that session_micro shows: why they take so long. False: it shows none. */
bool session_micro_why(const struct session *s, struct text *out);
/* Two sentences: the rule of the last silent failure, if it has just happened, else of the next instruction. */
void session_why(const struct session *s, struct text *out);

#endif
