/* See till.h. In Lua a condition is { kind = "label", name = "kmain", where = "popf.lua:12" }: it can be shown,
 * compared and kept. It becomes a struct till only when a machine is at hand, for labels and exit reasons are the
 * machine's. */
#include "sim/script/till.h"
#include "sim/script/words.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/config.h"
#include "sim/script/event.h"
#include "sim/script/script.h"
#include "sim/trace/vector.h"

enum { EXCEPTIONS = 32 };

/* --- making the tables ------------------------------------------------------------------------------------------ */

/* A new table with its kind and place, on the stack; `value` (if not 0) is copied to its field `name`. */
static int make(lua_State *L, const char *kind, const char *name, int value)
{
    lua_createtable(L, 0, 4);
    luaL_setmetatable(L, "till");
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    luaL_where(L, 1);
    size_t n;
    const char *w = lua_tolstring(L, -1, &n);
    lua_pushlstring(L, w, n > 2 ? n - 2 : n); /* without ": " */
    lua_setfield(L, -3, "where");
    lua_pop(L, 1);
    if (value) {
        lua_pushvalue(L, value);
        lua_setfield(L, -2, name);
    }
    return 1;
}

int till_trap_vector(const char *name)
{
    for (unsigned v = 0; v < EXCEPTIONS; v++) {
        const char *has = vector_name((uint8_t)v);
        if (*has && (!strcmp(has, name) || (*has == '#' && !strcmp(has + 1, name)))) return (int)v;
    }
    return -1;
}

static void check_trap(lua_State *L, int idx)
{
    if (lua_isnoneornil(L, idx)) return;
    if (lua_isinteger(L, idx)) {
        lua_Integer v = lua_tointeger(L, idx);
        luaL_argcheck(L, v >= 0 && v < 256, idx, "a vector is 0 to 255");
        return;
    }
    const char *name = luaL_checkstring(L, idx), *words[EXCEPTIONS + 1];
    unsigned n = 0;
    char maybe[80];
    if (!strcmp(name, "IRQ") || till_trap_vector(name) >= 0) return;
    for (unsigned v = 0; v < EXCEPTIONS; v++)
        if (vector_name((uint8_t)v)[0] == '#') words[n++] = vector_name((uint8_t)v) + 1;
    words[n++] = "IRQ";
    sandbox_suggest(name, words, n, maybe, sizeof maybe);
    luaL_error(L, "there is no trap called '%s'%s%s", name, maybe,
               *maybe ? "" : "; write \"GP\", \"PF\", \"IRQ\" or a vector number");
}

static int till_trap(lua_State *L)
{
    lua_settop(L, 1);
    check_trap(L, 1);
    return make(L, "trap", "name", 1);
}

static int till_exit(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) luaL_checkstring(L, 1);
    return make(L, "exit", "name", 1);
}

static int till_event(lua_State *L)
{
    lua_settop(L, 2);
    unsigned kind = event_check_kind(L, luaL_checkstring(L, 1));
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_pushnil(L);
        if (lua_next(L, 2)) {
            const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
            if (!event_find_field(kind, name))
                luaL_error(L, "'%s' events have no field '%s'; docs/lua.md lists them", event_desc(kind)->word, name);
            lua_pop(L, 1);
            if (lua_next(L, 2))
                luaL_error(L, "till.event compares one field; test the others in the step's expectations");
        }
        lua_settop(L, 2);
    }
    make(L, "event", "name", 1);
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "fields");
    return 1;
}

static int place(lua_State *L, const char *kind)
{
    lua_settop(L, 1);
    if (!lua_isinteger(L, 1)) luaL_checktype(L, 1, LUA_TSTRING);
    return make(L, kind, "name", 1);
}
static int till_label(lua_State *L) { return place(L, "label"); }
static int till_write(lua_State *L) { return place(L, "write"); }

static int word(lua_State *L, const char *kind)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    return make(L, kind, "name", 1);
}
static int till_insn(lua_State *L) { return word(L, "insn"); }

static int till_silent(lua_State *L)
{
    lua_settop(L, 1);
    if (!lua_isnil(L, 1)) luaL_checkstring(L, 1);
    return make(L, "silent", "name", 1);
}

static int count(lua_State *L, const char *kind, lua_Integer most)
{
    lua_settop(L, 1);
    lua_Integer n = (lua_Integer)luaL_checknumber(L, 1); /* 1e6 is a float */
    luaL_argcheck(L, n >= 0 && n <= most, 1, "number out of range");
    lua_pushinteger(L, n);
    lua_replace(L, 1);
    return make(L, kind, "name", 1);
}
static int till_ring(lua_State *L) { return count(L, "ring", 3); }
static int till_cycles(lua_State *L) { return count(L, "cycles", INT64_MAX); }
static int till_insns(lua_State *L) { return count(L, "insns", INT64_MAX); }
static int till_guest(lua_State *L) { return make(L, "guest", NULL, 0); }
static int till_stop(lua_State *L) { return make(L, "stop", NULL, 0); }

static int several(lua_State *L, const char *kind)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n > 0 && n < TILL_NODES, 1, "give a list of conditions");
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 1, i);
        if (!till_is(L, -1))
            luaL_error(L, "till.%s: entry %d is not a condition; write till.label \"...\" or the like", kind, (int)i);
        lua_pop(L, 1);
    }
    return make(L, kind, "parts", 1);
}
static int till_any(lua_State *L) { return several(L, "any"); }
static int till_all(lua_State *L) { return several(L, "all"); }

static const luaL_Reg makers[] = {
    { "trap", till_trap },   { "exit", till_exit },     { "event", till_event },
    { "label", till_label }, { "insn", till_insn },     { "write", till_write },
    { "ring", till_ring },   { "cycles", till_cycles }, { "insns", till_insns },
    { "guest", till_guest }, { "silent", till_silent }, { "stop", till_stop },
    { "any", till_any },     { "all", till_all },       { NULL, NULL },
};

unsigned till_words(const char **words)
{
    unsigned n = 0;
    for (; makers[n].name; n++) words[n] = makers[n].name;
    return n;
}

static int unknown_maker(lua_State *L)
{
    const char *words[sizeof makers / sizeof makers[0]], *name = luaL_checkstring(L, 2);
    char maybe[80];
    unsigned n = till_words(words);
    sandbox_suggest(name, words, n, maybe, sizeof maybe);
    return luaL_error(L, "there is no till.%s%s%s", name, maybe, *maybe ? "" : "; docs/lua.md lists the conditions");
}

void till_open(lua_State *L)
{
    luaL_newmetatable(L, "till");
    lua_pop(L, 1);
    luaL_newlib(L, makers);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_maker);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "till");
}

bool till_is(lua_State *L, int idx)
{
    if (!lua_istable(L, idx) || !lua_getmetatable(L, idx)) return false;
    luaL_getmetatable(L, "till");
    bool is = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is;
}

const char *till_where(lua_State *L, int idx, char *buf, size_t room)
{
    lua_getfield(L, idx, "where");
    snprintf(buf, room, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "scenario");
    lua_pop(L, 1);
    return buf;
}

bool till_same(lua_State *L, int a, int b)
{
    static const char *const fields[] = { "kind", "name" };
    for (unsigned i = 0; i < 2; i++) {
        lua_getfield(L, a, fields[i]);
        lua_getfield(L, b, fields[i]);
        bool same = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (!same) return false;
    }
    return true;
}
