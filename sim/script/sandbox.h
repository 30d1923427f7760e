/* The walls around a scenario: a Lua state that can neither run for ever, nor eat the host, nor see it.
 *
 * Idea 1: everything a script does is paid for in one currency, Lua instructions: the interpreter's own are counted by
 * a hook, work done in C (matching, sorting, copying) is charged at its size. When the budget is gone the script ends,
 * and no pcall, coroutine or handler can swallow that.
 * Idea 2: every block the allocator hands out carries the number of its birth. So tables and functions have an order
 * and a name ("table#3") that are the same in every run, although their addresses are not.
 *
 * Lua 5.4 reference manual 4.6 (lua_Alloc, lua_sethook). Not provided: a limit on host time; only on counted work. */
#ifndef SCRIPT_SANDBOX_H
#define SCRIPT_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/text.h"

enum {
    SANDBOX_MEMORY = 64 << 20,     /* bytes a script may hold */
    SANDBOX_STRING = 1 << 20,      /* longest string: comparing two is one instruction, however long they are */
    SANDBOX_LOADING = 5000000,     /* Lua instructions to load a scenario */
    SANDBOX_STEP = 50000000,       /* Lua instructions for one step */
    SANDBOX_RESULTS = 250,         /* most values one call may spread (unpack, byte) */
    SANDBOX_SOURCE = 1 << 20,      /* bytes of a source file */
};

enum sandbox_over { OVER_NOTHING, OVER_INSTRUCTIONS, OVER_MEMORY, OVER_STRING, OVER_STACK, OVER_INTERRUPTED };

struct sandbox {
    lua_State *main, *running;   /* the state; the coroutine that runs now */
    size_t     bytes, refused;   /* held now; the request just refused, until the next one */
    unsigned   refusals;         /* requests refused and not repeated */
    uint64_t   used, budget;     /* Lua instructions since sandbox_budget */
    uint8_t    over;             /* enum sandbox_over: why the script must end; final until the next sandbox_budget */
    int        over_line;        /* where that was; 0 if unknown */
    char       over_file[64];
    char       doing[200];       /* " in step 'STI traps'" for the message; "" while loading */
    uint32_t   births, shown;    /* objects created; objects that got a number in text */
    uint64_t   chance;           /* math.random's state */
    uint32_t   birth;            /* generation of the machine lent to scripts: handles of another one are stale */
    struct text printed;         /* what print wrote, until somebody takes it */
    void      *owner;            /* the scenario's C side */
};

static inline struct sandbox *sandbox_of(lua_State *L) { return *(struct sandbox **)lua_getextraspace(L); }

/* Opens a state with the restricted libraries in a zeroed `box`. EXIT_ENVIRONMENT if there is no memory. */
bool sandbox_open(struct sandbox *box, struct err *e);
void sandbox_close(struct sandbox *box);

/* A new activity: a fresh budget, the generator seeded; `doing` completes the sentence of a limit message. */
void sandbox_budget(struct sandbox *box, uint64_t instructions, uint64_t seed, const char *doing);

/* Charges `n` Lua instructions for work done in C. Raises a Lua error when the budget is gone. */
void sandbox_charge(lua_State *L, uint64_t n);

/* Ends the script for that reason, uncatchably. Raises a Lua error. */
int sandbox_end(lua_State *L, enum sandbox_over why);

/* Puts the hook on a new coroutine. */
void sandbox_watch(lua_State *co);

/* Runs `fn(arg)` protected: EXIT_INPUT with the script's message and a suggestion if it raises a Lua error, EXIT_LIMIT
 * if it exhausts budget or memory. Everything that touches the state goes through here. */
bool sandbox_run(struct sandbox *box, lua_CFunction fn, void *arg, struct err *e);

/* Birth number of a table, Lua function or coroutine; 0 for what has none (built-in functions, userdata). */
uint32_t sandbox_birth(lua_State *L, int idx);
/* Its number in text: 1, 2, 3 in the order in which they were first shown. */
uint32_t sandbox_shown(lua_State *L, int idx);

/* Loads text (never bytecode) as a function, named `name` in messages. Raises a Lua error. */
void sandbox_load(lua_State *L, const char *text, size_t n, const char *name);

/* Pushes a list of the keys of the table at `idx`, in the order of pairs; how many. Charged. Raises a Lua error for keys that have no order. */
lua_Integer sandbox_keys(lua_State *L, int idx);

/* The libraries, one file each; every function leaves the state's globals as the manual page docs/lua.md says. */
void lib_base_open(lua_State *L);
void lib_coroutine_open(lua_State *L);
void lib_string_open(lua_State *L);
void lib_table_open(lua_State *L);
void lib_math_open(lua_State *L);
void lib_order_open(lua_State *L); /* pairs, next */

/* Pushes the value as text, without addresses: "table#1". Honours __tostring. A NaN is "nan", whatever its sign. */
const char *sandbox_tostring(lua_State *L, int idx);
/* Is it a NaN? x86's arithmetic makes one with the sign set, that of other hosts without, and C's printf shows the sign. */
bool sandbox_is_nan(lua_State *L, int idx);

/*
 * A name among the keys of the table at idx that is none of the `n` words, or NULL: of several the first in the order of their bytes,
 * not of the hash, so that a message says the same each time. A key that is no string counts as "?". Lives as long as the table has it.
 */
const char *sandbox_unknown_key(lua_State *L, int idx, const char *const *words, unsigned n);

/* Nearest of `n` words, as " (did you mean 'x'?)" or "" in buf. */
const char *sandbox_suggest(const char *word, const char *const *words, unsigned n, char *buf, size_t room);

#endif
