/* pairs and next in an order that is the same in every run: numbers ascending, then strings by their bytes, then
 * false and true, then tables and functions in the order of their creation.
 *
 * Stock Lua walks its hash, whose order depends on addresses and on a random seed. pairs takes the keys once, at its
 * start; keys that have lost their value by the time they are reached are passed over, keys added meanwhile are not
 * seen. Lua 5.4 reference manual 6.1. Not supported: built-in functions and handles as keys of a table that is
 * walked. */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <string.h>

static int rank(int type)
{
    switch (type) {
    case LUA_TNUMBER: return 0;
    case LUA_TSTRING: return 1;
    case LUA_TBOOLEAN: return 2;
    default: return 3;
    }
}

static int by_bytes(lua_State *L, int a, int b)
{
    size_t na, nb;
    const char *sa = lua_tolstring(L, a, &na), *sb = lua_tolstring(L, b, &nb);
    int c = memcmp(sa, sb, na < nb ? na : nb);
    return c ? c : (na > nb) - (na < nb);
}

static uint32_t birth(lua_State *L, int idx)
{
    uint32_t n = sandbox_birth(L, idx);
    if (!n)
        luaL_error(L, "a table with %s as a key has no order to walk it in; use its name as the key",
                   luaL_typename(L, idx));
    return n;
}

/* <0, 0, >0 as the key at `a` comes before, is, or comes after the one at `b`. */
static int compare(lua_State *L, int a, int b)
{
    int ra = rank(lua_type(L, a)), rb = rank(lua_type(L, b));
    if (ra != rb) return ra - rb;
    switch (ra) {
    case 0: return lua_compare(L, a, b, LUA_OPLT) ? -1 : lua_compare(L, a, b, LUA_OPEQ) ? 0 : 1;
    case 1: return by_bytes(L, a, b);
    case 2: return lua_toboolean(L, a) - lua_toboolean(L, b);
    default: break;
    }
    uint32_t na = birth(L, a), nb = birth(L, b);
    return (na > nb) - (na < nb);
}

/* Keys in the table at `keys`, 1..n, heap-sorted in place: no recursion, no memory. */
static bool before(lua_State *L, int keys, lua_Integer i, lua_Integer j)
{
    lua_rawgeti(L, keys, i);
    lua_rawgeti(L, keys, j);
    bool less = compare(L, lua_gettop(L) - 1, lua_gettop(L)) < 0;
    lua_pop(L, 2);
    return less;
}

static void swap(lua_State *L, int keys, lua_Integer i, lua_Integer j)
{
    lua_rawgeti(L, keys, i);
    lua_rawgeti(L, keys, j);
    lua_rawseti(L, keys, i);
    lua_rawseti(L, keys, j);
}

static void sift(lua_State *L, int keys, lua_Integer root, lua_Integer n)
{
    for (lua_Integer child; (child = 2 * root) <= n; root = child) {
        if (child < n && before(L, keys, child, child + 1)) child++;
        if (!before(L, keys, root, child)) return;
        swap(L, keys, root, child);
    }
}

static void sort_keys(lua_State *L, int keys, lua_Integer n)
{
    for (lua_Integer i = n / 2; i >= 1; i--) sift(L, keys, i, n);
    for (lua_Integer end = n; end > 1; end--) {
        swap(L, keys, 1, end);
        sift(L, keys, 1, end - 1);
    }
}

/* The iterator: upvalues are the sorted keys, how many, and how far it is. */
static int pairs_step(lua_State *L)
{
    lua_Integer n = lua_tointeger(L, lua_upvalueindex(2)), at = lua_tointeger(L, lua_upvalueindex(3));
    lua_settop(L, 1);
    while (at < n) {
        lua_rawgeti(L, lua_upvalueindex(1), ++at);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, 1) != LUA_TNIL) break;
        lua_settop(L, 1);
    }
    lua_pushinteger(L, at);
    lua_replace(L, lua_upvalueindex(3));
    if (lua_gettop(L) == 3) return 2;
    lua_pushnil(L);
    return 1;
}

lua_Integer sandbox_keys(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    lua_newtable(L);
    int keys = lua_gettop(L);
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawseti(L, keys, ++n);
    }
    uint64_t deep = 1;
    while (n >> deep) deep++;
    sandbox_charge(L, (uint64_t)n * deep);
    sort_keys(L, keys, n);
    return n;
}

static int base_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
        return 3;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_pushinteger(L, sandbox_keys(L, 1));
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_step, 3);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The smallest key after the one given: a walk by `next` alone costs n for each step, and is charged so. */
static int base_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    bool first = lua_isnil(L, 2);
    uint64_t seen = 1;
    lua_pushnil(L); /* 3: the best key so far */
    for (lua_pushnil(L); lua_next(L, 1); seen++) {
        lua_pop(L, 1);
        if ((first || compare(L, 4, 2) > 0) && (lua_isnil(L, 3) || compare(L, 4, 3) < 0)) {
            lua_pushvalue(L, 4);
            lua_replace(L, 3);
        }
    }
    sandbox_charge(L, seen);
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) return 1;
    lua_pushvalue(L, 3);
    lua_rawget(L, 1);
    return 2;
}

void lib_order_open(lua_State *L)
{
    lua_pushcfunction(L, base_pairs);
    lua_setglobal(L, "pairs");
    lua_pushcfunction(L, base_next);
    lua_setglobal(L, "next");
}
