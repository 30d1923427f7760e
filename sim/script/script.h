/* A scenario, seen from inside sim/script: the C side of struct lesson.
 *
 * Idea: everything a front end may ask is held in C (steps, notes, checks), so answering it never runs Lua. Lua runs
 * only while the file is loaded and while a step is. References (`..._ref`) are luaL_ref numbers; LUA_NOREF: none.
 * TOUR script.1: lesson.c opens a file, scenario.c reads what it declares, run.c runs a step, vm.c is what it sees. */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include "sim/lesson.h"
#include "sim/script/sandbox.h"

enum { SCRIPT_STEPS = 64, SCRIPT_DRAWINGS = 16, SCRIPT_SOURCES = 16, SCRIPT_HANDLERS = 32 };
#define SCRIPT_LIMIT 2000000000u /* cycles a step may take, unless it says otherwise */

struct script_step {
    char  *title, *note, *show, *ask, *say; /* as declared; ask NULL: no question */
    unsigned minutes;
    char  *choice[LESSON_CHOICES];
    unsigned choices, answer;
    int    run_ref, body_ref, expect_ref;
    uint64_t limit;                      /* cycles */
    char   where[80];                    /* "popf.lua:12", of the step's body */
    /* Of the last time it ran: */
    char  *told, *showed;                /* the note with what was added to it; the view asked for */
    uint64_t insns, cycles;
    int    look;                         /* machine_looks_at, at its end */
    bool   left_out;
};

struct script_drawing {
    char *name, *kind;
    unsigned from, to;
};

struct script_handler { /* vm:on, for the step that runs */
    int kind;
    int filter_ref, fn_ref;
};

struct script {
    struct lesson pub;                   /* first: a struct lesson * is a struct script * */
    struct sandbox box;
    char   file[128];                    /* "popf.lua": the name in messages */
    char   dir[512];                     /* where it lies; include looks nowhere else */
    char   guest[512], module[512], disk[512], peer[512]; /* as the file says it; "" if it does not */
    int    order;
    bool   declared;                     /* scenario{} has been called */
    char  *pending;                      /* a title given to s:step, before its body */
    struct script_step *step;
    unsigned steps;
    struct script_drawing drawing[SCRIPT_DRAWINGS];
    unsigned drawings;
    struct lesson_check *check;
    unsigned checks, check_room;
    struct script_source { char *name; struct text text; } source[SCRIPT_SOURCES]; /* to quote from in expectations */
    unsigned sources;
    unsigned include_depth;
    /* While a step runs: */
    struct machine *machine;             /* lent; NULL between steps */
    unsigned now;                        /* index of the step */
    uint32_t first;                      /* id of the last event before it */
    uint32_t hit;                        /* event that ended the last run; 0: none */
    struct script_handler handler[SCRIPT_HANDLERS];
    unsigned handlers;
    struct event *queue;                 /* events the handlers have not seen yet */
    unsigned queued, queue_room;
    bool   handling;
    struct lab *lab;                     /* exec's, made at its first call */
    int    failure;                      /* exit code of an error raised by C, when it is not EXIT_INPUT */
    struct grading *grading;             /* of a file of tests, or of a submission to them; NULL: a scenario */
};

static inline struct script *script_of(lua_State *L) { return sandbox_of(L)->owner; }
/* A script that will be read from `path`: nothing is loaded yet. NULL: no memory. */
struct script *script_new(const char *path, struct err *e);
void script_free(struct script *s);
/* The guest that the script named, and what its loader is to bring along, as paths in its configuration. */
bool script_find_files(struct script *s, struct err *e);
/* The machine lent to the running step; a Lua error outside one. */
struct machine *script_machine(lua_State *L);
/* A copy of a string, or of "", with control characters other than newlines made spaces. Ends the program if there is
 * no memory, as the trace does. */
char *script_copy(const char *s);
/* Takes the indentation that all lines but the first share from a note, and empty lines from its ends; in place. */
void script_unindent(char *note);
/* Raises a Lua error that ends the run with another exit code than EXIT_INPUT. The message is complete. */
int script_fail(lua_State *L, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Everything a scenario file may call, beyond the libraries. */
void scenario_open(lua_State *L); /* scenario */
void till_open(lua_State *L);     /* till */
void expect_open(lua_State *L);   /* expect */
void include_open(lua_State *L);  /* include */
void exec_open(lua_State *L);     /* exec */
void vm_open(lua_State *L);       /* the machine handle's types */

/* scenario_machine.c: takes the table at `idx` as `machine = { ... }` of a scenario. Raises a Lua error. */
void scenario_machine(lua_State *L, int idx);

/* scenario.c: complete declarations, after the file has run. Raises a Lua error if something is missing. */
void scenario_finish(lua_State *L);

/* include.c: loads a file as a function on the stack. `fd` is closed. Raises a Lua error. */
void include_source(lua_State *L, int fd, const char *name);
/* A script's own file: begin opens it and a sandbox with the functions that `api` puts there (its argument: `self`); run executes it, and then,
 * protected as well, `then` (NULL: nothing). Between the two the caller may set a budget. False: the reason; the file is closed in any case. */
struct loading { struct script *s; void *self; void (*then)(lua_State *L); int fd; };
bool include_begin(struct loading *x, lua_CFunction api, struct err *e);
bool include_run(struct loading *x, struct err *e);

/* show.c: adds the value at `idx` as a person wants to read it: tables written out, bounded, in a fixed order. Raises a Lua error. */
void script_show(lua_State *L, int idx, struct text *out);

/* run.c: a step, under sandbox_run; arg is the struct script *. */
int script_run_step(lua_State *L);
/* Runs until the till table at `idx` (0: for ever) or `limit` more cycles; handlers of vm:on are called on the way.
 * RUN_LIMIT after the limit, RUN_ENDED if the machine ended first. */
enum script_ran { RUN_REACHED, RUN_LIMIT, RUN_ENDED };
enum script_ran script_run_until(lua_State *L, int idx, uint64_t limit);
enum script_ran script_run_insns(lua_State *L, uint64_t n); /* `n` instructions of the CPU, within the step's limit */
int  script_listen(struct script *s); /* from now on events of its machine reach the handlers of vm:on */
bool script_on(lua_State *L, int kind, int filter_idx, int fn_idx); /* vm:on; false: too many */

/* find.c: paths. `found` must hold 512 bytes. */
bool find_scenario(const char *name, char *found);                     /* shipped: NAME.lua */
bool find_guest(const char *dir, const char *guest, char *found);      /* as written in a scenario that lies in `dir` */
bool find_lab(const char *name, char *found);                          /* shipped: the folder of the lab of that name */
unsigned find_labs(char (*names)[32], unsigned room);                  /* names of all shipped labs, sorted */
unsigned find_scenarios(char (*names)[32], unsigned room,
                        char *dir); /* names of all shipped, sorted; their directory */

#endif
