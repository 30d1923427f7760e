/* till.*: what to run until, as plain tables in Lua and as struct till (sim/machine.h) in C. */
#ifndef SCRIPT_TILL_H
#define SCRIPT_TILL_H

#include <lua.h>
#include <stdbool.h>
#include "sim/machine.h"

enum { TILL_NODES = 64 };
/* Storage for one condition and its parts. */
struct till_set {
    struct till node[TILL_NODES];
    unsigned used;
};

/* Converts the table at `idx` for machine `m`. Raises a Lua error, with the place where the table was written, if a
 * label, mnemonic, exit reason or field is unknown. The result lives in `set`. */
const struct till *till_convert(lua_State *L, int idx, const struct machine *m, struct till_set *set);
/* The vector a trap's name stands for; -1 if it is none. "GP", "#GP" and 13 are the same. */
int till_trap_vector(const char *name);
/* Is the value at `idx` a table made by till.*? */
bool till_is(lua_State *L, int idx);
/* Where it was written: "popf.lua:12". */
const char *till_where(lua_State *L, int idx, char *buf, size_t room);
/* Do two such tables describe the same condition? */
bool till_same(lua_State *L, int a, int b);

#endif
