/* Tables that an author wrote, read field by field against a list of known names. For what scenario files declare. */
#ifndef SCRIPT_FIELDS_H
#define SCRIPT_FIELDS_H

#include <lua.h>

struct field {
    const char *name;
    void (*take)(lua_State *L, void *to); /* the value lies on top of the stack; it is popped afterwards */
};

/* Calls the taker of every field of the table at `idx` that is there, in the order of the list. A Lua error, which names `what`, for a name that is
 * not in the list. */
void fields_take(lua_State *L, int idx, const char *what, const struct field *list, unsigned n, void *to);
#define TAKE_FIELDS(L, idx, what, list, to) fields_take(L, idx, what, list, sizeof(list) / sizeof((list)[0]), to)
/* The value on top, which must be text: else a Lua error that names `name`. It stays on the stack. */
const char *fields_text(lua_State *L, const char *name);

#endif
