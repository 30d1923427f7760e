/* What the files of students' handlers share: handlers.c, handlers_vm.c. */
#ifndef SCRIPT_HANDLERS_H
#define SCRIPT_HANDLERS_H

#include <lua.h>
#include "sim/script/grading.h"

/* Registers the types of `vm` and of `vm.guest`. */
void handlers_vm_open(lua_State *L);
const char *handlers_register(unsigned n); /* "eax" .. "edi", by number */
/* A type of handle that scripts cannot look behind. */
void handlers_type(lua_State *L, const char *name, lua_CFunction index, lua_CFunction newindex);
/* Raises "TYPE has no 'NAME'", with the word among words[0..n) that is most like it. */
int handlers_unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n);

#endif
