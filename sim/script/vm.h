/* What vm.c (fields), vm_call.c, vm_several.c and vm_translate.c (methods) of the machine handle share. */
#ifndef SCRIPT_VM_H
#define SCRIPT_VM_H

#include <lauxlib.h>
#include <lua.h>
#include "sim/script/script.h"

/* vm_several.c: which VM is looked at, and what became of each. */
int  vm_look(lua_State *L);
int  vm_of(lua_State *L);

/* vm_translate.c: addresses, and what TLBs remember of them. */
int  vm_translate(lua_State *L);
int  vm_tlb(lua_State *L);

/* The machine of the handle that is argument 1, charged a call; an address or a symbol's. */
struct machine *vm_self(lua_State *L);
uint32_t vm_address(lua_State *L, int idx);

extern const luaL_Reg vm_methods[]; /* ends with a NULL row */

/* Raises "TYPE has no 'name' (did you mean ...?)". */
int vm_unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n);

void vm_hosted(lua_State *L, const struct machine *m);    /* pushes vm.hosted */
void vm_migration(lua_State *L, const struct machine *m); /* pushes vm.migration */
#endif
