/* The mathematical library, with a generator that begins from the run's seed and not from the clock.
 *
 * xorshift64*: small, and its state is one number, set anew at the start of every step, so that a step gives the same
 * values when it is run again after going back in time. math.randomseed sets the state. Lua 5.4 reference manual
 * 6.7. */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

static uint64_t draw(struct sandbox *box)
{
    uint64_t x = box->chance ? box->chance : 0x9E3779B97F4A7C15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    box->chance = x;
    return x * 0x2545F4914F6CDD1Du;
}

static int math_random(lua_State *L)
{
    uint64_t x = draw(sandbox_of(L));
    int args = lua_gettop(L);
    if (args == 0) {
        lua_pushnumber(L, (double)(x >> 11) * 0x1p-53);
        return 1;
    }
    lua_Integer low = args == 1 ? 1 : luaL_checkinteger(L, 1), high = luaL_checkinteger(L, args == 1 ? 1 : 2);
    luaL_argcheck(L, args <= 2, 3, "math.random takes at most two numbers");
    luaL_argcheck(L, low <= high, args, "interval is empty");
    uint64_t span = (uint64_t)high - (uint64_t)low + 1; /* 0: all of them */
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + (span ? x % span : x)));
    return 1;
}

static int math_randomseed(lua_State *L)
{
    sandbox_of(L)->chance = (uint64_t)luaL_checkinteger(L, 1);
    return 0;
}

void lib_math_open(lua_State *L)
{
    luaL_requiref(L, "math", luaopen_math, 1);
    lua_pushcfunction(L, math_random);
    lua_setfield(L, -2, "random");
    lua_pushcfunction(L, math_randomseed);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 1);
}
