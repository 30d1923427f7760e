/* Coroutines under the budget.
 *
 * Taken from the stock library: yield status running isyieldable. Our own: create (puts the hook on), resume and wrap
 * (pass the end of the budget on; wrap does not close the variables of a coroutine that died, see sandbox.c), close
 * (likewise: only one that has not died of an error). Lua 5.4 reference manual 6.2. */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

static lua_State *check_co(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co, 1, "coroutine");
    return co;
}

static int co_create(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    sandbox_watch(co);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

/* Results on L's stack, or -1 and the error value. */
static int resume(lua_State *L, lua_State *co, int args)
{
    struct sandbox *box = sandbox_of(L);
    if (!lua_checkstack(co, args)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, args);
    int results = 0;
    lua_State *was = box->running;
    box->running = co;
    int status = lua_resume(co, L, args, &results);
    box->running = was;
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return box->over ? lua_error(L) : -1;
    }
    if (results <= SANDBOX_RESULTS && lua_checkstack(L, results + 1)) {
        lua_xmove(co, L, results);
        return results;
    }
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
}

static int co_resume(lua_State *L)
{
    lua_State *co = check_co(L);
    int n = resume(L, co, lua_gettop(L) - 1);
    lua_pushboolean(L, n >= 0);
    lua_insert(L, n >= 0 ? -n - 1 : -2);
    return n >= 0 ? n + 1 : 2;
}

static int wrapped(lua_State *L)
{
    int n = resume(L, lua_tothread(L, lua_upvalueindex(1)), lua_gettop(L));
    return n >= 0 ? n : lua_error(L);
}

static int co_wrap(lua_State *L)
{
    co_create(L);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int co_close(lua_State *L)
{
    lua_State *co = check_co(L);
    lua_Debug ar;
    int status = lua_status(co);
    if (co == L || (status == LUA_OK && lua_getstack(co, 0, &ar)))
        return luaL_error(L, "cannot close a coroutine that is running");
    bool died = status != LUA_OK && status != LUA_YIELD;
    if (!died) status = lua_resetthread(co);
    if (sandbox_of(L)->over) return luaL_error(L, "the budget ended");
    lua_pushboolean(L, !died && status == LUA_OK);
    if (!died && status == LUA_OK) return 1;
    lua_pushliteral(L, "the coroutine ended with an error");
    return 2;
}

static const luaL_Reg own[] = {
    { "create", co_create }, { "resume", co_resume }, { "wrap", co_wrap }, { "close", co_close }, { NULL, NULL },
};

void lib_coroutine_open(lua_State *L)
{
    luaL_requiref(L, "coroutine", luaopen_coroutine, 1);
    luaL_setfuncs(L, own, 0);
    lua_pop(L, 1);
}
