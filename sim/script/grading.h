/* Inside of struct grading: what grading.c (files, running), claims.c (t:...), submission.c and labs.c share. */
#ifndef SCRIPT_GRADING_H
#define SCRIPT_GRADING_H

#include <lauxlib.h>
#include <lua.h>
#include "sim/grading.h"
#include "sim/invented.h"
#include "sim/machine_policy.h"
#include "sim/script/script.h"

enum { GRADING_PARTS = 16 };

struct grading_part { char name[80]; uint32_t weight; bool held; };

/* A test that runs. */
struct grading_now {
    const struct grading_test *test;
    const struct grading_student *who;
    uint32_t variant;                /* from 1 */
    uint64_t chance;                 /* of t:number and t:pick */
    unsigned parts;
    struct grading_part part[GRADING_PARTS];
    bool     in_part;
    uint32_t credit;                 /* by t:credit; GRADING_WHOLE */
    int64_t  board[GRADING_BOARD];
    uint32_t boards;
    uint64_t experiments;            /* what the submission tried on an invented machine */
    int      blame;                  /* the submission ended the test: its exit code, with the message below */
    char     blamed[480];
    struct text printed;
    enum { ASKED_NOT, ASKED_TRAP, ASKED_FAULT, ASKED_CR3, ASKED_STORED, ASKED_RULE } asked; /* which handler runs */
    struct policy_trap trap;
    struct policy_fault fault;
    struct policy_ruling ruling;
    struct policy_code *code;        /* while a rule runs */
    struct ring_trial *ring;         /* while a front end does */
    unsigned stored;                 /* bytes */
    bool     has_cr3, has_stored;
    char     broken[200];            /* the first shadow entry that did not follow from the guest's tables */
    struct invented *invented[GRADING_PARTS];
    unsigned inventions;
};

struct grading {
    struct script *tests;            /* the file of tests; freed with it */
    struct script *submission;       /* while a test runs */
    struct grading_test test[GRADING_TESTS];
    int      body_ref[GRADING_TESTS];
    unsigned count;
    struct grading_board board[GRADING_BOARD];
    unsigned boards;
    struct text seals;
    struct policy policy;            /* the submission's handlers, as the machine asks them */
    bool     stay, stays;            /* stand.c: end at the first claim that does not hold, and keep the machine; it was kept */
    uint64_t begun;                  /* the seed with which the submission was opened */
    struct grading_now now;
};

static inline struct grading *grading_of(lua_State *L) { return script_of(L)->grading; }

/* expect.c: what both expect. and t: claim; ends with a NULL row. */
extern const luaL_Reg expect_claims[];

/* grading.c: one variant of a test. With `stay`, one that did not get all points leaves machine and submission as they are, until grading_leave. */
uint32_t grading_variant(struct grading *g, const struct grading_test *t, const struct grading_student *who, uint32_t variant, struct grading_outcome *out);
void grading_leave(struct grading *g);
/* claims.c: the handle that a test gets, and its methods. */
void claims_open(lua_State *L);
/* submission.c: opens the student's file in a state of its own. False: now.blame says why. */
bool submission_open(struct grading *g);
void submission_close(struct grading *g);
void submission_budget(struct grading *g, const char *doing);  /* its instructions anew; `doing` as of sandbox_budget */
void submission_blame(struct grading *g, const struct err *e); /* the first one counts */
void submission_printed(struct grading *g);                    /* keeps what it has printed so far */
/* handlers.c: the machine of the tests asks the submission from now on; the types of what handlers get. */
bool handlers_attach(struct grading *g, const char *what, struct err *e); /* "gp", "page_fault" */
void handlers_open(lua_State *L);
/* t:call(name, ...): the values at `from`..top of L go to the submission's function; its results are pushed. */
int  submission_call(lua_State *L, const char *name, int from);
/* Values as bytes, and back: numbers, text, booleans, tables of these, handles of invented machines. Raises a Lua error in `L`. */
void submission_encode(lua_State *L, int from, struct text *t, unsigned *count);
int  submission_decode(lua_State *L, const struct text *t, unsigned count);

/* ring.c: the handle of a split driver's ring, and t:orders. */
void ring_open(lua_State *L);
int  ring_orders(lua_State *L);

/* invented.c: the handle of an invented instruction set. */
void invented_open(lua_State *L);
int  invented_new(lua_State *L);                /* t:invent { seed = n, count = n } */
int  invented_number(lua_State *L, int idx);    /* which one of the test's the value at `idx` is; -1: none */
void invented_push(lua_State *L, int number);
void invented_free(struct grading *g);

#endif
