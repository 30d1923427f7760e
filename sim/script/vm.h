/* What vm.c (fields) and vm_call.c (methods) of the machine handle share. */
#ifndef SCRIPT_VM_H
#define SCRIPT_VM_H

#include <lauxlib.h>
#include <lua.h>
#include "sim/script/script.h"

/* vm_several.c: which VM is looked at, and what became of each. */
int  vm_look(lua_State *L);
int  vm_of(lua_State *L);

extern const luaL_Reg vm_methods[]; /* ends with a NULL row */

/* Raises "TYPE has no 'name' (did you mean ...?)". */
int vm_unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n);

#endif
