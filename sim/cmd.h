/* The commands: what `ringside VERB` does. Idea: one table (commands.c) feeds dispatch, help and suggestions; a
 * command is one function that gets its parsed options and returns an exit code, with an error for main to print. */
#ifndef SIM_CMD_H
#define SIM_CMD_H

#include "sim/options.h"
#include "sim/say.h"

struct command {
    const char *word, *form, *about; /* form: its operands, for the usage line; about: one line */
    unsigned    bit;                 /* FOR_...; 0: planned */
    const char *more;                /* examples and notes for its own help; may be NULL */
    int       (*run)(const struct options *o, struct err *e);
};
extern const struct command commands[]; /* ends with word NULL */

int cmd_run(const struct options *o, struct err *e);
int cmd_tui(const struct options *o, struct err *e);
int cmd_draw(const struct options *o, struct err *e);
int cmd_trace(const struct options *o, struct err *e);
int cmd_exec(const struct options *o, struct err *e);
int cmd_classify(const struct options *o, struct err *e);
int cmd_quiz(const struct options *o, struct err *e);
int cmd_explain(const struct options *o, struct err *e);
int cmd_compare(const struct options *o, struct err *e);
int cmd_bench(const struct options *o, struct err *e);
int cmd_completion(const struct options *o, struct err *e);
int cmd_grade(const struct options *o, struct err *e);
int cmd_lab(const struct options *o, struct err *e);
int cmd_repl(const struct options *o, struct err *e);
int cmd_merge(const struct options *o, struct err *e);
int cmd_doctor(const struct options *o, struct err *e);
int cmd_narrate(const struct options *o, struct err *e); /* run --narrate */
int cmd_watch(const struct options *o, struct err *e); /* run --watch */
int cmd_dry(const struct options *o, struct err *e); /* run --dry */
int cmd_notes(const struct options *o, struct err *e);
int cmd_list(const struct options *o, struct err *e);
int cmd_manual(const struct options *o, struct err *e);
int cmd_help(const struct options *o, struct err *e);
int cmd_version(const struct options *o, struct err *e);

/* The screen, or where there is none its lines, for a machine and its lesson, at a place (tui_options.at); options of the screen are `o`'s. */
struct machine;
struct lesson;
int command_screen(const struct options *o, struct machine *m, struct lesson *l, const char *at, struct err *e);
/* grade --at: the screen where a test of this report fails; `run`: how its tests are run, to know. */
struct grade_report;
struct grade_run;
void grade_at_hint(const struct options *o, const struct grade_report *r); /* on a terminal: the line that shows the first failure */
struct grade_saved;
/* --at; `saved`: --report, NULL: the tests are run to see which fail */
int grade_at(const struct options *o, struct grade_report *r, struct grade_run run, const struct grade_saved *saved, struct err *e);

/* Finds a command that exists in this version. EXIT_USAGE with a suggestion, or because it is planned. */
const struct command *command_find(const char *word, struct err *e);
void command_help(const struct command *c, struct text *out); /* the page of one command */
void command_overview(struct text *out);                      /* `ringside --help` */
void command_short(struct text *out);                         /* a bare `ringside` off a terminal */
/* ... and on one: the scenarios, and which is to be opened. `picked` is its name, "" if the person wants none; if nobody can be asked, what to
 * type is said. Returns an exit code. */
int  command_picker(char *picked, size_t room, struct err *e);

/* How this program was called, for "next:" lines: "./ringside". */
const char *command_program(void);
void command_called(const char *argv0);

/* The one word a command works on. EXIT_USAGE if it is missing or more than one is left after operand `at`. */
const char *command_operand(const struct options *o, unsigned at, const char *what, struct err *e);
/* The operand that names what to work on; "" if there is none and none is needed, because the machine has a ROM or a
 * disk to boot from. */
const char *command_subject(const struct options *o, unsigned at, struct err *e);

#endif
