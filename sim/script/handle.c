/* See handle.h. */
#include "sim/script/handle.h"

#include <lauxlib.h>
#include "sim/script/sandbox.h"

void handle_type(lua_State *L, const char *type, lua_CFunction index, lua_CFunction newindex)
{
    luaL_newmetatable(L, type); /* sets __name */
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    if (newindex) {
        lua_pushcfunction(L, newindex);
        lua_setfield(L, -2, "__newindex");
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void handle_push(lua_State *L, const char *type, void *obj)
{
    struct handle *h = lua_newuserdatauv(L, sizeof *h, 0);
    *h = (struct handle){ obj, sandbox_of(L)->birth };
    luaL_setmetatable(L, type);
}

void *handle_check(lua_State *L, int idx, const char *type)
{
    const struct handle *h = luaL_checkudata(L, idx, type);
    if (h->birth != sandbox_of(L)->birth)
        luaL_error(L, "this %s belongs to a step that has ended; use the one the function is given", type);
    return h->obj;
}
