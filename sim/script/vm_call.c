/* The machine handle's methods: vm:run, vm:u32, vm:translate, vm:events ...
 *
 * Addresses may be numbers or the names of symbols. Looking at memory that is not there gives nil, so that a claim
 * about it fails with a clear text instead of ending the script. Virtual addresses are the guest's own: they go through
 * the guest's tables, present in a shadow table yet or not. */
#include "sim/script/vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/event.h"
#include "sim/script/handle.h"
#include "sim/script/till.h"

enum { NOTES_MOST = 8192, BYTES_MOST = 65536 };
/* Lua instructions that calls are worth, so that a budget is also a bound on time. */
enum { CALL_COST = 20, EVENT_COST = 40, LOOKUP_COST = 500, TRAVEL_COST = 100000 };

struct machine *vm_self(lua_State *L)
{
    handle_check(L, 1, "vm");
    sandbox_charge(L, CALL_COST);
    return script_machine(L);
}

uint32_t vm_address(lua_State *L, int idx)
{
    if (lua_type(L, idx) != LUA_TSTRING) return (uint32_t)luaL_checkinteger(L, idx);
    const char *name = lua_tostring(L, idx);
    uint32_t at;
    sandbox_charge(L, LOOKUP_COST);
    if (machine_find_symbol(script_machine(L), name, &at)) return at;
    const char *near = machine_suggest_symbol(script_machine(L), name);
    luaL_error(L,
               near && *near ? "there is no symbol '%s' in the guest (did you mean '%s'?)"
                             : "there is no symbol '%s' in the guest; nm lists those of an image",
               name, near);
    return 0;
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

static int read_word(lua_State *L, size_t n)
{
    const struct machine *m = vm_self(L);
    uint32_t at = vm_address(L, 2), v = 0;
    if (machine_peek_guest(m, gva(at), &v, n) || machine_peek(m, gva(at), &v, n)) {
        lua_pushinteger(L, v);
        return 1;
    }
    lua_pushnil(L);
    return 1;
}
static int vm_u8(lua_State *L) { return read_word(L, 1); }
static int vm_u16(lua_State *L) { return read_word(L, 2); }
static int vm_u32(lua_State *L) { return read_word(L, 4); }

enum space { VIRTUAL, PHYSICAL, MACHINE };

static int read_bytes(lua_State *L, enum space space)
{
    const struct machine *m = vm_self(L);
    uint32_t at = space == VIRTUAL ? vm_address(L, 2) : (uint32_t)luaL_checkinteger(L, 2);
    lua_Integer n = luaL_optinteger(L, 3, 4);
    luaL_argcheck(L, n >= 0 && n <= BYTES_MOST, 3, "0 to 65536 bytes at a time");
    sandbox_charge(L, (uint64_t)n / 8 + 1);
    void *to = lua_newuserdatauv(L, (size_t)n + 1, 0); /* the collector frees it, whatever happens */
    bool ok = space == VIRTUAL
                  ? machine_peek_guest(m, gva(at), to, (size_t)n) || machine_peek(m, gva(at), to, (size_t)n)
              : space == PHYSICAL ? machine_peek_gpa(m, gpa(at), to, (size_t)n)
                                  : machine_peek_hpa(m, hpa(at), to, (size_t)n);
    if (ok) lua_pushlstring(L, to, (size_t)n);
    else lua_pushnil(L);
    return 1;
}
static int vm_bytes(lua_State *L) { return read_bytes(L, VIRTUAL); }
static int vm_phys(lua_State *L) { return read_bytes(L, PHYSICAL); }
static int vm_machine(lua_State *L) { return read_bytes(L, MACHINE); }

static int vm_poke(lua_State *L)
{
    struct machine *m = vm_self(L);
    uint32_t at = vm_address(L, 2), v = (uint32_t)luaL_checkinteger(L, 3);
    lua_pushboolean(L, machine_poke(m, gva(at), &v, 4));
    return 1;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static void set_number(lua_State *L, const char *name, uint64_t v)
{
    lua_pushinteger(L, (lua_Integer)v);
    lua_setfield(L, -2, name);
}

/* Upvalues: filter, next index. The trace may grow while it is walked. */
static int next_event(lua_State *L)
{
    const struct trace *t = machine_trace_of(script_machine(L));
    for (size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(2)); i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        sandbox_charge(L, EVENT_COST);
        if (!event_matches(L, lua_upvalueindex(1), e)) continue;
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_replace(L, lua_upvalueindex(2));
        event_push(L, e);
        return 1;
    }
    return 0;
}

static int vm_events(lua_State *L)
{
    vm_self(L);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_getfield(L, 2, "kind");
        if (!lua_isnil(L, -1)) event_check_kind(L, luaL_checkstring(L, -1));
        lua_settop(L, 2);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_event, 2);
    return 1;
}

static void push_episode(lua_State *L, const struct trace *t, const struct episode *p)
{
    const struct event *exit = trace_by_id(t, p->exit), *telling = episode_telling(t, p);
    lua_createtable(L, 0, 11);
    set_number(L, "id", p->exit);
    set_number(L, "first", p->first);
    set_number(L, "last", p->last);
    set_number(L, "eip", exit ? exit->eip : 0);
    set_number(L, "from", p->from);
    set_number(L, "to", p->to);
    set_number(L, "cycles", episode_cycles(p));
    lua_pushboolean(L, p->resumed);
    lua_setfield(L, -2, "resumed");
    lua_pushstring(L, trace_name("exit", p->reason));
    lua_setfield(L, -2, "reason");
    if (telling) {
        event_push(L, telling);
        lua_setfield(L, -2, "telling");
    }
    lua_createtable(L, 0, CAUSE_COUNT);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) set_number(L, cause_name(c), episode_cost(p, c));
    lua_setfield(L, -2, "costs");
}

/* Upvalues: the reason wanted or -1, the id after which, the next index. */
static int next_episode(lua_State *L)
{
    const struct trace *t = machine_trace_of(script_machine(L));
    lua_Integer reason = lua_tointeger(L, lua_upvalueindex(1)), since = lua_tointeger(L, lua_upvalueindex(2));
    for (size_t i = (size_t)lua_tointeger(L, lua_upvalueindex(3)); i < trace_episodes(t); i++) {
        const struct episode *p = trace_episode_at(t, i);
        sandbox_charge(L, EVENT_COST);
        if ((reason >= 0 && p->reason != reason) || p->exit <= since) continue;
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_replace(L, lua_upvalueindex(3));
        push_episode(L, t, p);
        return 1;
    }
    return 0;
}

/* vm:episodes { reason = "port", since = id }: those that have ended, oldest first. */
static int vm_episodes(lua_State *L)
{
    lua_Integer reason = -1, since = 0;
    vm_self(L);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_getfield(L, 2, "reason");
        if (!lua_isnil(L, -1)) {
            const char *word = luaL_checkstring(L, -1), *words[64];
            reason = event_enum("exit", word);
            if (reason < 0) return vm_unknown(L, "reason", word, words, event_words("exit", words, 64));
        }
        lua_getfield(L, 2, "since");
        since = luaL_optinteger(L, -1, 0);
    }
    lua_pushinteger(L, reason);
    lua_pushinteger(L, since);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_episode, 3);
    return 1;
}

static int vm_on(lua_State *L)
{
    vm_self(L);
    if (lua_gettop(L) == 3) { /* vm:on(kind, fn) */
        lua_pushnil(L);
        lua_insert(L, 3);
    }
    unsigned kind = event_check_kind(L, luaL_checkstring(L, 2));
    if (!lua_isnil(L, 3)) luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TFUNCTION);
    if (!script_on(L, (int)kind, 3, 4))
        return luaL_error(L, "more than %d handlers; test several things in one", SCRIPT_HANDLERS);
    return 0;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static void push_hit(lua_State *L)
{
    const struct trace *t = machine_trace_of(script_machine(L));
    const struct event *e = trace_by_id(t, script_of(L)->hit ? script_of(L)->hit : trace_last(t));
    if (e) event_push(L, e);
    else lua_pushboolean(L, 1);
}

/* The answer of vm:run and vm:step: an event (true if there is none yet), or nil and why not. */
static int answer(lua_State *L, enum script_ran ran)
{
    if (ran == RUN_REACHED) {
        push_hit(L);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, ran == RUN_LIMIT ? "limit" : "ended");
    return 2;
}

/* vm:run { to = till, limit = cycles }, or vm:run(till). */
static int vm_run(lua_State *L)
{
    vm_self(L);
    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    uint64_t limit = script_of(L)->step[script_of(L)->now].limit;
    int idx = 2;
    if (!till_is(L, 2)) {
        lua_getfield(L, 2, "limit");
        if (!lua_isnil(L, -1)) limit = (uint64_t)luaL_checknumber(L, -1);
        lua_getfield(L, 2, "to");
        idx = lua_isnil(L, -1) ? 0 : lua_gettop(L);
    }
    return answer(L, script_run_until(L, idx, limit));
}

static int vm_step(lua_State *L)
{
    vm_self(L);
    lua_Integer n = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, n >= 0, 2, "a number of instructions, 0 or more");
    sandbox_charge(L, 100);
    return answer(L, script_run_insns(L, (uint64_t)n));
}

/* What a submission's handlers did is in no snapshot. */
static void may_move(lua_State *L)
{
    if (script_of(L)->grading) luaL_error(L, "a test goes forwards only: boot another machine with t:boot");
}

static int moved(lua_State *L, bool ok)
{
    struct script *s = script_of(L);
    s->hit = 0;
    s->queued = 0;
    uint32_t last = trace_last(machine_trace_of(s->machine));
    if (s->first > last) s->first = last; /* the step began later than where it has gone */
    lua_pushboolean(L, ok);
    return 1;
}

static int vm_back(lua_State *L)
{
    struct machine *m = vm_self(L);
    lua_Integer n = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, n >= 0, 2, "a number of instructions, 0 or more");
    may_move(L);
    sandbox_charge(L, TRAVEL_COST);
    return moved(L, machine_back(m, (uint64_t)n));
}

static int vm_go(lua_State *L)
{
    struct machine *m = vm_self(L);
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 0, 2, "a position, counted in instructions from the start");
    may_move(L);
    sandbox_charge(L, TRAVEL_COST);
    return moved(L, machine_goto(m, (uint64_t)n));
}

/* --- names, words ----------------------------------------------------------------------------------------------- */

static int vm_symbol(lua_State *L)
{
    char buf[96];
    const struct machine *m = vm_self(L);
    lua_pushstring(L, machine_symbol(m, (uint32_t)luaL_checkinteger(L, 2), buf, sizeof buf));
    return 1;
}

static int vm_find(lua_State *L)
{
    vm_self(L);
    luaL_checkstring(L, 2);
    lua_pushinteger(L, vm_address(L, 2));
    return 1;
}

static int vm_disasm(lua_State *L)
{
    char buf[96];
    const struct machine *m = vm_self(L);
    uint32_t at = lua_isnoneornil(L, 2) ? machine_linear(m) : vm_address(L, 2);
    unsigned n = machine_disasm(m, gva(at), buf, sizeof buf);
    lua_pushstring(L, buf);
    lua_pushinteger(L, n);
    return 2;
}

static int vm_insn_at(lua_State *L)
{
    vm_self(L);
    event_push_insn(L, vm_address(L, 2));
    return 1;
}

static int vm_note(lua_State *L)
{
    vm_self(L);
    struct script_step *step = &script_of(L)->step[script_of(L)->now];
    size_t n;
    const char *text = luaL_checklstring(L, 2, &n);
    if (strlen(step->told) + n > NOTES_MOST)
        return luaL_error(L, "the notes of one step are longer than 8 KB; tell less");
    char *note = script_copy(text);
    script_unindent(note);
    struct text all = { 0 };
    text_add(&all, "%s%s%s", step->told, *step->told ? "\n" : "", note);
    free(note);
    free(step->told);
    step->told = script_copy(text_str(&all));
    text_free(&all);
    return 0;
}

static int vm_show(lua_State *L)
{
    vm_self(L);
    struct script_step *step = &script_of(L)->step[script_of(L)->now];
    const char *view = luaL_checkstring(L, 2);
    free(step->showed);
    step->showed = script_copy(view);
    return 0;
}

const luaL_Reg vm_methods[] = {
    { "u8", vm_u8 },         { "u16", vm_u16 },         { "u32", vm_u32 },       { "bytes", vm_bytes },
    { "phys", vm_phys },     { "machine", vm_machine }, { "poke", vm_poke },     { "translate", vm_translate }, { "tlb", vm_tlb },
    { "events", vm_events }, { "episodes", vm_episodes }, { "on", vm_on },       { "run", vm_run },
    { "step", vm_step },
    { "back", vm_back },     { "go", vm_go },           { "symbol", vm_symbol }, { "find", vm_find },
    { "disasm", vm_disasm }, { "insn_at", vm_insn_at }, { "note", vm_note },     { "show", vm_show },
    { "look", vm_look },     { "of", vm_of },
    { NULL, NULL },
};
