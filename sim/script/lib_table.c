/* The table library: stock functions behind a charge, and a sort of our own.
 *
 * Stock table.sort picks pivots by the clock when a partition goes badly, so equal elements could change places from
 * run to run; ours is a merge sort: stable, n log n, the same in every run. Lua 5.4 reference manual 6.6. */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdbool.h>

static int call_stock(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Pays for a walk from i to j. */
static void charge_range(lua_State *L, lua_Integer i, lua_Integer j)
{
    if (j >= i) sandbox_charge(L, (uint64_t)j - (uint64_t)i + 1);
}

static bool has_nan(lua_State *L, lua_Integer i, lua_Integer j)
{
    bool found = false;
    for (lua_Integer k = i; k <= j && !found; k++) {
        lua_rawgeti(L, 1, k);
        found = sandbox_is_nan(L, -1);
        lua_pop(L, 1);
        if (k == LUA_MAXINTEGER) break;
    }
    return found;
}

/* A table with the same elements, but for the NaNs, which are text: the stock function would show their sign. */
static void without_nans(lua_State *L, lua_Integer i, lua_Integer j)
{
    lua_newtable(L);
    for (lua_Integer k = i; k <= j; k++) {
        lua_geti(L, 1, k);
        if (sandbox_is_nan(L, -1)) {
            lua_pop(L, 1);
            lua_pushliteral(L, "nan");
        }
        lua_rawseti(L, -2, k);
        if (k == LUA_MAXINTEGER) break;
    }
    lua_replace(L, 1);
}

static int tab_concat(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer i = luaL_optinteger(L, 3, 1), j = lua_isnoneornil(L, 4) ? luaL_len(L, 1) : luaL_checkinteger(L, 4);
    charge_range(L, i, j);
    if (has_nan(L, i, j)) {
        lua_settop(L, 4);
        lua_pushinteger(L, j); /* the new table's own length is another */
        lua_replace(L, 4);
        without_nans(L, i, j);
    }
    return call_stock(L);
}

static int tab_unpack(lua_State *L)
{
    lua_Integer i = luaL_optinteger(L, 2, 1), j = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (j >= i && (uint64_t)j - (uint64_t)i >= SANDBOX_RESULTS)
        return luaL_error(L, "table.unpack gives at most %d values; walk the table with ipairs", SANDBOX_RESULTS);
    return call_stock(L);
}

static int tab_shift(lua_State *L) /* insert, remove: everything behind the place moves */
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 1);
    bool at_end = lua_gettop(L) < 2 || (lua_gettop(L) == 2 && !lua_isinteger(L, 2));
    lua_Integer from = at_end ? n : lua_isinteger(L, 2) ? lua_tointeger(L, 2) : n;
    charge_range(L, from, n);
    return call_stock(L);
}

static int tab_move(lua_State *L)
{
    charge_range(L, luaL_checkinteger(L, 2), luaL_checkinteger(L, 3));
    return call_stock(L);
}

/* Is element i of the table at index 3 to stand before element j? */
static bool before(lua_State *L, lua_Integer i, lua_Integer j)
{
    bool less;
    int top = lua_gettop(L);
    if (lua_isnil(L, 2)) {
        lua_rawgeti(L, 3, i);
        lua_rawgeti(L, 3, j);
        less = lua_compare(L, -2, -1, LUA_OPLT);
    } else {
        lua_pushvalue(L, 2);
        lua_rawgeti(L, 3, i);
        lua_rawgeti(L, 3, j);
        lua_call(L, 2, 1);
        less = lua_toboolean(L, -1);
    }
    lua_settop(L, top);
    return less;
}

/* Merges two sorted runs [lo, mid) and [mid, hi) of the table at 3 into the one at 4. */
static void merge(lua_State *L, lua_Integer lo, lua_Integer mid, lua_Integer hi)
{
    for (lua_Integer i = lo, j = mid, k = lo; k < hi; k++) {
        bool right = i >= mid || (j < hi && before(L, j, i));
        lua_rawgeti(L, 3, right ? j++ : i++);
        lua_rawseti(L, 4, k);
    }
}

static int tab_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_Integer n = luaL_len(L, 1);
    charge_range(L, 1, n);
    lua_newtable(L);
    lua_newtable(L);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 1, i);
        lua_rawseti(L, 3, i);
    }
    for (lua_Integer width = 1; width < n; width *= 2) {
        charge_range(L, 1, 2 * n);
        for (lua_Integer lo = 1; lo <= n; lo += 2 * width) {
            lua_Integer mid = lo + width, hi = lo + 2 * width;
            merge(L, lo, mid > n + 1 ? n + 1 : mid, hi > n + 1 ? n + 1 : hi);
        }
        lua_insert(L, 3); /* the merged table becomes the source */
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 3, i);
        lua_seti(L, 1, i);
    }
    return 0;
}

static const luaL_Reg charged[] = {
    { "concat", tab_concat }, { "unpack", tab_unpack }, { "insert", tab_shift },
    { "remove", tab_shift },  { "move", tab_move },
};

void lib_table_open(lua_State *L)
{
    luaL_requiref(L, "table", luaopen_table, 1);
    for (size_t i = 0; i < sizeof charged / sizeof charged[0]; i++) {
        lua_getfield(L, -1, charged[i].name);
        lua_pushcclosure(L, charged[i].func, 1);
        lua_setfield(L, -2, charged[i].name);
    }
    lua_pushcfunction(L, tab_sort);
    lua_setfield(L, -2, "sort");
    lua_pop(L, 1);
}
