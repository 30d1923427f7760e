/* Handles: how scripts hold C objects. A handle owns nothing and never outlives its object quietly: it carries the
 * generation of the machine it was made for, and using it later is a Lua error. */
#ifndef SCRIPT_HANDLE_H
#define SCRIPT_HANDLE_H

#include <lua.h>
#include <stdint.h>

struct handle {
    void    *obj;
    uint32_t birth; /* sandbox.birth when it was pushed */
};

/* Makes a type: its methods are found by `index` (C function, or NULL: the table of methods alone). */
void handle_type(lua_State *L, const char *type, lua_CFunction index, lua_CFunction newindex);
void handle_push(lua_State *L, const char *type, void *obj);
/* The object of the handle at `idx`; a Lua error if it is of another type or its machine is gone. */
void *handle_check(lua_State *L, int idx, const char *type);

#endif
