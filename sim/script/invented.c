/* The handle `isa` of an invented instruction set (sim/invented.h): for a submission something to experiment on, for tests the judge.
 *
 *     isa.names                 a list of the instructions' names
 *     isa:run(name, state)      executes one: the state after it, with trap = "privileged" or "memory" if it trapped
 *     isa:state { user = true } a state to begin with, with those fields changed
 *     isa:nature(name)          tests only: privileged, control, mode, location, user */
#include "sim/invented.h"
#include "sim/script/grading.h"
#include "sim/script/words.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_COST = 150 };

static struct invented *isa_at(lua_State *L)
{
    const int *number = luaL_checkudata(L, 1, "isa");
    struct grading *g = grading_of(L);
    if (*number >= (int)g->now.inventions) luaL_error(L, "this isa belongs to a test that has ended");
    sandbox_charge(L, 20);
    return g->now.invented[*number];
}

static unsigned insn_at(lua_State *L, const struct invented *m, int idx)
{
    const char *name = luaL_checkstring(L, idx), *words[INVENTED_MOST];
    char maybe[80];
    for (unsigned i = 0; i < m->count; i++) {
        if (!strcmp(m->insn[i].name, name)) return i;
        words[i] = m->insn[i].name;
    }
    luaL_error(L, "there is no instruction '%s'%s; isa.names has all", name, sandbox_suggest(name, words, m->count, maybe, sizeof maybe));
    return 0;
}

static uint16_t number(lua_State *L, int idx, const char *name, uint32_t most, uint16_t otherwise)
{
    lua_getfield(L, idx, name);
    lua_Integer v = lua_isnil(L, -1) ? otherwise : lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    lua_pop(L, 1);
    if (v < 0 || v > (lua_Integer)most) luaL_error(L, "state: %s must be a whole number from 0 to %d", name, (int)most);
    return (uint16_t)v;
}

static void numbers(lua_State *L, int idx, const char *name, uint16_t *to, unsigned n)
{
    lua_getfield(L, idx, name);
    if (!lua_isnil(L, -1)) {
        luaL_checktype(L, -1, LUA_TTABLE);
        for (unsigned i = 0; i < n; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            if (lua_isinteger(L, -1)) to[i] = (uint16_t)lua_tointeger(L, -1);
            else if (!lua_isnil(L, -1)) luaL_error(L, "state: %s holds whole numbers", name);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void read_state(lua_State *L, int idx, struct invented_state *s)
{
    *s = (struct invented_state){ .bound = INVENTED_WORDS, .pc = 16, .timer = 100 };
    for (unsigned i = 0; i < INVENTED_WORDS; i++) s->memory[i] = (uint16_t)(1000 + i);
    if (lua_isnoneornil(L, idx)) return;
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_getfield(L, idx, "user");
    s->user = lua_toboolean(L, -1);
    lua_pop(L, 1);
    s->base = (uint8_t)number(L, idx, "base", INVENTED_MEMORY - INVENTED_WORDS, 0);
    s->bound = (uint8_t)number(L, idx, "bound", INVENTED_WORDS, INVENTED_WORDS);
    s->pc = (uint8_t)number(L, idx, "pc", 255, 16);
    s->timer = number(L, idx, "timer", 65535, 100);
    s->output = number(L, idx, "output", 65535, 0);
    numbers(L, idx, "r", s->reg, INVENTED_REGS);
    numbers(L, idx, "memory", s->memory, INVENTED_WORDS);
}

static void set(lua_State *L, const char *name, lua_Integer v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, name);
}

static void set_list(lua_State *L, const char *name, const uint16_t *v, unsigned n)
{
    lua_createtable(L, (int)n, 0);
    for (unsigned i = 0; i < n; i++) {
        lua_pushinteger(L, v[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static void push_state(lua_State *L, const struct invented_state *s)
{
    lua_createtable(L, 0, 9);
    lua_pushboolean(L, s->user);
    lua_setfield(L, -2, "user");
    set(L, "base", s->base), set(L, "bound", s->bound), set(L, "pc", s->pc), set(L, "timer", s->timer), set(L, "output", s->output);
    set_list(L, "r", s->reg, INVENTED_REGS);
    set_list(L, "memory", s->memory, INVENTED_WORDS);
}

static int isa_run(lua_State *L)
{
    static const char *const traps[] = { NULL, "privileged", "memory" };
    struct invented_state s;
    const struct invented *m = isa_at(L);
    unsigned i = insn_at(L, m, 2);
    read_state(L, 3, &s);
    sandbox_charge(L, RUN_COST);
    grading_of(L)->now.experiments++;
    enum invented_trap t = invented_run(m, i, &s);
    push_state(L, &s);
    if (traps[t]) {
        lua_pushstring(L, traps[t]);
        lua_setfield(L, -2, "trap");
    }
    return 1;
}

static int isa_state(lua_State *L)
{
    struct invented_state s;
    isa_at(L);
    read_state(L, 2, &s);
    push_state(L, &s);
    return 1;
}

static int isa_nature(lua_State *L)
{
    struct invented_nature n;
    const struct invented *m = isa_at(L);
    invented_judge(m, insn_at(L, m, 2), &n);
    const struct { const char *name; bool is; } field[] = { { "privileged", n.privileged }, { "control", n.control }, { "mode", n.mode },
                                                            { "location", n.location }, { "user", n.user } };
    lua_createtable(L, 0, 5);
    for (unsigned i = 0; i < 5; i++) {
        lua_pushboolean(L, field[i].is);
        lua_setfield(L, -2, field[i].name);
    }
    return 1;
}

unsigned isa_words(const char **words)
{
    words[0] = "names", words[1] = "run", words[2] = "state", words[3] = "nature";
    return 4;
}

static int isa_index(lua_State *L)
{
    const char *words[SCRIPT_WORDS_MOST];
    const struct invented *m = isa_at(L);
    const char *name = luaL_checkstring(L, 2);
    char maybe[80];
    if (!strcmp(name, "run")) return lua_pushcfunction(L, isa_run), 1;
    if (!strcmp(name, "state")) return lua_pushcfunction(L, isa_state), 1;
    if (!strcmp(name, "nature") && script_of(L) == grading_of(L)->tests) return lua_pushcfunction(L, isa_nature), 1;
    if (strcmp(name, "names") != 0) return luaL_error(L, "isa has no '%s'%s; it has names, run and state", name, sandbox_suggest(name, words, isa_words(words) - 1, maybe, sizeof maybe));
    lua_createtable(L, (int)m->count, 0);
    for (unsigned i = 0; i < m->count; i++) {
        lua_pushstring(L, m->insn[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

void invented_push(lua_State *L, int number_of)
{
    int *to = lua_newuserdatauv(L, sizeof *to, 0);
    *to = number_of;
    luaL_setmetatable(L, "isa");
}

int invented_number(lua_State *L, int idx)
{
    const int *n = luaL_testudata(L, idx, "isa");
    return n ? *n : -1;
}

int invented_new(lua_State *L)
{
    struct grading *g = grading_of(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_getfield(L, 2, "seed");
    lua_Integer seed = luaL_checkinteger(L, -1);
    lua_getfield(L, 2, "count");
    lua_Integer count = luaL_optinteger(L, -1, 16);
    lua_getfield(L, 2, "hybrid");
    bool hybrid = lua_toboolean(L, -1);
    if (g->now.inventions == GRADING_PARTS) return luaL_error(L, "t:invent: at most %d in a test", GRADING_PARTS);
    struct invented *m = malloc(sizeof *m);
    if (!m) return luaL_error(L, "out of memory");
    invented_make(m, (uint64_t)seed, count < 0 ? 0 : (unsigned)count, hybrid);
    g->now.invented[g->now.inventions] = m;
    invented_push(L, (int)g->now.inventions++);
    return 1;
}

void invented_free(struct grading *g)
{
    while (g->now.inventions) free(g->now.invented[--g->now.inventions]);
}

void invented_open(lua_State *L)
{
    luaL_newmetatable(L, "isa");
    lua_pushcfunction(L, isa_index);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
