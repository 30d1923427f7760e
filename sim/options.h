/* The command line, taken apart. Idea: option.def is the only list of options; what a row says is what happens. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include "sim/config.h"
#include "sim/core/err.h"
#include "sim/core/text.h"

/* The commands an option may belong to. */
enum {
    FOR_RUN = 1, FOR_TUI = 2, FOR_DRAW = 4, FOR_LIST = 8, FOR_TRACE = 16, FOR_TALK = 32, /* help, version */
    FOR_EXEC = 64, FOR_COMPARE = 128, FOR_CLASSIFY = 256, FOR_EXPLAIN = 512, FOR_BENCH = 1024, FOR_QUIZ = 2048, FOR_DOCTOR = 4096, FOR_NOTES = 8192,
    FOR_GRADE = 16384, FOR_LAB = 32768, FOR_MERGE = 65536, FOR_REPL = 131072,
    FOR_BATCH = FOR_RUN | FOR_DRAW | FOR_TRACE | FOR_COMPARE,
    FOR_MACHINE = FOR_BATCH | FOR_TUI | FOR_REPL,
    FOR_ALL = FOR_MACHINE | FOR_LIST | FOR_TALK | FOR_EXEC | FOR_CLASSIFY | FOR_EXPLAIN | FOR_BENCH | FOR_QUIZ | FOR_DOCTOR | FOR_NOTES |
              FOR_GRADE | FOR_LAB | FOR_MERGE | FOR_REPL
};

enum option {
#define OPTION(id, name, letter, value, kind, commands, help) OPT_##id,
#include "sim/option.def"
#undef OPTION
    OPT_COUNT
};

enum { OPTIONS_OPERANDS = 1024 /* `merge` takes a file for each shard */ };
struct options {
    const char *value[OPT_COUNT];        /* the last one given; "" for a switch; NULL: not given */
    const char *operand[OPTIONS_OPERANDS];
    unsigned    operands;
    struct machine_cfg machine;          /* the defaults, with this command line's options of the machine on top */
    int         argc;                    /* what they were parsed from, for options_machine */
    char      **argv;
    unsigned    command;
};

/* Parses argv[0..argc) (without program and command) for `command` (one FOR_ bit). EXIT_USAGE with one suggestion. */
bool options_parse(struct options *o, unsigned command, int argc, char **argv, struct err *e);
/* Applies this command line's options of the machine to `cfg` (a scenario's), in their order. */
bool options_machine(const struct options *o, struct machine_cfg *cfg, struct err *e);
/* Adds a word as one types it into a shell, quoted if it needs to be. */
void options_word(const char *word, struct text *out);
/* Adds " --name=value" for each option of the machine that was given, for a line that somebody types again. */
void options_again(const struct options *o, struct text *out);
/* Seconds of --limit-wall; 0 if it was not given. */
double options_wall(const struct options *o);
/* The value of option `id` must be one of `words`: its index, or -1 with EXIT_USAGE and a suggestion. */
int options_choice(const struct options *o, enum option id, const char *const *words, unsigned n, struct err *e);
/* Option `id` is I/N: the Ith of N shares of some work, that begins with piece I and takes every Nth; not given: 1/1. EXIT_USAGE. */
bool options_shard(const struct options *o, enum option id, unsigned *shard, unsigned *shards, struct err *e);
/* What is said about option `i` of OPT_COUNT in the help of `command`; false: it is not one of that command's, or only planned. */
struct option_about { const char *name, *value, *help; char letter; }; /* value: NULL: a switch */
bool options_about(unsigned i, unsigned command, struct option_about *about);
/* Adds the option lines of --help for `command`. */
void options_help(unsigned command, struct text *out);

#endif
