/* The basic functions, restricted: what a script may call without a prefix.
 *
 * Taken from the stock library: assert error getmetatable ipairs rawequal rawget rawlen rawset select tonumber type.
 * Our own: pcall and xpcall (they do not catch the end of the budget), print, tostring (no addresses), setmetatable
 * (no finalizers). Absent: load loadfile dofile require collectgarbage warn, and the libraries os io package debug
 * utf8. Reading a global name that does not exist is an error with a suggestion. Lua 5.4 reference manual 6.1. */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <string.h>

enum { PRINTED_MOST = 16384 };

/* --- protected calls -------------------------------------------------------------------------------------------- */

/* Lua goes through all calls that are under way when an error was caught (ldo.c, luaD_shrinkstack), so that is charged. */
static void charge_depth(lua_State *L)
{
    lua_Debug ar;
    int depth = 8;
    while (depth < (1 << 22) && lua_getstack(L, depth, &ar)) depth *= 2;
    sandbox_charge(L, (uint64_t)depth / 8);
}

/* Results of a protected call lie above `base` slots; after an error, its value does. */
static int finish_pcall(lua_State *L, int status, lua_KContext base)
{
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)base;
    if (sandbox_of(L)->over) return lua_error(L);
    charge_depth(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int base_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish_pcall(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish_pcall), 0);
}

/* The handler is called after unwinding: there is no stack to look at, and it runs under the budget. */
static int finish_xpcall(lua_State *L, int status, lua_KContext base)
{
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)base;
    if (sandbox_of(L)->over) return lua_error(L);
    charge_depth(L);
    lua_pushboolean(L, 0);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -3);
    lua_call(L, 1, 1);
    return 2;
}

static int base_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_insert(L, 1);    /* handler, f, handler, arguments */
    lua_remove(L, 3);
    lua_pushboolean(L, 1);
    lua_insert(L, 2);    /* handler, true, f, arguments */
    return finish_xpcall(L, lua_pcallk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, 1, finish_xpcall), 1);
}

/* --- text ------------------------------------------------------------------------------------------------------- */

bool sandbox_is_nan(lua_State *L, int idx) { return lua_type(L, idx) == LUA_TNUMBER && isnan(lua_tonumber(L, idx)); }

const char *sandbox_tostring(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    if (sandbox_is_nan(L, idx)) return lua_pushliteral(L, "nan");
    int type = lua_type(L, idx);
    bool object = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD || type == LUA_TUSERDATA;
    if (!object || luaL_getmetafield(L, idx, "__tostring") != LUA_TNIL) {
        if (object) lua_pop(L, 1);
        return luaL_tolstring(L, idx, NULL);
    }
    if (luaL_getmetafield(L, idx, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
    uint32_t n = sandbox_shown(L, idx);
    if (n) return lua_pushfstring(L, "%s#%d", lua_typename(L, type), (int)n);
    return lua_pushfstring(L, "%s#builtin", lua_typename(L, type));
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    sandbox_tostring(L, 1);
    return 1;
}

static int base_print(lua_State *L)
{
    struct text *out = &sandbox_of(L)->printed;
    int n = lua_gettop(L);
    for (int i = 1; i <= n; i++) {
        size_t len;
        sandbox_tostring(L, i);
        const char *s = lua_tolstring(L, -1, &len);
        sandbox_charge(L, len / 8 + 1);
        if (out->len + len < PRINTED_MOST) text_add(out, "%s%s", i > 1 ? "  " : "", s);
        lua_pop(L, 1);
    }
    if (out->len < PRINTED_MOST) text_char(out, '\n');
    return 0;
}

/* --- metatables, globals ---------------------------------------------------------------------------------------- */

static int base_setmetatable(lua_State *L)
{
    static const char *const refused[] = { "__gc", "__mode" };
    int type = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) return luaL_error(L, "cannot change a protected metatable");
    for (size_t i = 0; type == LUA_TTABLE && i < sizeof refused / sizeof refused[0]; i++) {
        lua_pushstring(L, refused[i]);
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "%s is not available to scenarios: what the collector does must not show; remove it",
                              refused[i]);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

static int unknown_global(lua_State *L)
{
    static const char *const words[] = {
        "scenario", "test",   "till",  "expect", "include",   "print",        "pairs",        "ipairs", "next",
        "string",   "table", "math",   "coroutine", "tostring",     "tonumber",     "type",   "pcall",
        "xpcall",   "error", "assert", "select",    "setmetatable", "getmetatable",
    };
    char maybe[80];
    const char *name = lua_tostring(L, 2);
    sandbox_suggest(name, words, sizeof words / sizeof words[0], maybe, sizeof maybe);
    return luaL_error(L, "there is nothing called '%s' here%s%s", name ? name : "?", maybe,
                      *maybe ? "" : "; docs/lua.md lists what a scenario may use");
}

static const luaL_Reg own[] = {
    { "pcall", base_pcall },       { "xpcall", base_xpcall }, { "tostring", base_tostring },
    { "print", base_print },       { "setmetatable", base_setmetatable },
    { NULL, NULL },
};

void lib_base_open(lua_State *L)
{
    static const char *const absent[] = { "load", "loadfile", "dofile", "collectgarbage", "warn" };
    luaL_requiref(L, "_G", luaopen_base, 1);
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, absent[i]);
    }
    luaL_setfuncs(L, own, 0);
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, unknown_global);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
