/* The handle `t` that a test gets: claims, the machine, the submission, numbers of its own, sealed answers. See docs/grading.md.
 *
 * Claims are those of expect.c under another name: t:eq(got, want, text) is expect.eq with a handle in front. */
#include "sim/script/check.h"
#include "sim/script/grading.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/event.h"
#include "sim/script/handle.h"
#include "sim/script/words.h"

static struct grading *self(lua_State *L)
{
    luaL_checkudata(L, 1, "t");
    sandbox_charge(L, 20);
    return grading_of(L);
}

/* "public.lua:12" of the script line that called. */
static void place(lua_State *L, char *where, size_t room)
{
    lua_Debug ar;
    snprintf(where, room, "test");
    if (!lua_getstack(L, 1, &ar)) return;
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline > 0) snprintf(where, room, "%s:%d", ar.short_src, ar.currentline);
}

/* Where somebody wants to see the moment of a failure, the test ends with it; nothing can catch that. */
static int ends_if_failed(lua_State *L, int results)
{
    const struct grading *g = grading_of(L);
    for (unsigned i = 0; g->stay && i < g->tests->checks; i++)
        if (!g->tests->check[i].passed) return sandbox_end(L, OVER_INTERRUPTED);
    return results;
}

/* A claim: without its first argument, the handle. */
static int claim(lua_State *L)
{
    self(L);
    lua_CFunction fn = lua_tocfunction(L, lua_upvalueindex(1));
    lua_remove(L, 1);
    return ends_if_failed(L, fn(L));
}

static int method(lua_State *L)
{
    lua_CFunction fn = lua_tocfunction(L, lua_upvalueindex(1));
    return ends_if_failed(L, fn(L));
}

/* --- the machine ------------------------------------------------------------------------------------------------ */

static void take(lua_State *L, const char *name) /* the field of table 2 on top of the stack, and out of the table */
{
    lua_getfield(L, 2, name);
    lua_pushnil(L);
    lua_setfield(L, 2, name);
}

static void poke(lua_State *L, struct script *s, int idx)
{
    if (lua_isnil(L, idx)) return;
    luaL_checktype(L, idx, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        uint32_t at, value = (uint32_t)luaL_checkinteger(L, -1);
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        if (!machine_find_symbol(s->machine, name, &at) || !machine_poke(s->machine, gva(at), &value, 4))
            luaL_error(L, "poke: there is no word '%s' in the guest; nm lists the symbols of an image", name);
    }
}

/* t:boot { guest = "x", cpu = "te", poke = { symbol = value }, ... }: a machine at its first instruction, as vm. */
static int t_boot(lua_State *L)
{
    struct script *s = self(L)->tests;
    struct err e = { 0 };
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    take(L, "poke");
    take(L, "handlers");
    take(L, "answers");
    lua_getfield(L, 2, "built"); /* what was made of the submission is the guest */
    if (lua_toboolean(L, -1)) {
        if (!s->grading->now.who->image) return luaL_error(L, "t:boot: built: this lab builds nothing; lab.lua has no `build`");
        lua_pushstring(L, s->grading->now.who->image);
        lua_setfield(L, 2, "guest");
    }
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setfield(L, 2, "built");
    if (s->machine) machine_free(s->machine);
    s->machine = NULL;
    s->box.birth++;
    s->pub.cfg = config_defaults;
    s->guest[0] = s->module[0] = s->disk[0] = 0;
    scenario_machine(L, 2);
    if (!s->pub.cfg.limit_cycles) s->pub.cfg.limit_cycles = s->grading->now.test->cycles;
    if (!script_find_files(s, &e) || !config_check(&s->pub.cfg, &e) || !(s->machine = machine_new(&s->pub.cfg, &e)))
        return luaL_error(L, "t:boot: %s", e.text);
    poke(L, s, 3);
    if (lua_toboolean(L, 4) && !s->grading->submission) return luaL_error(L, "t:boot: handlers: what was handed in is no Lua");
    if (lua_toboolean(L, 4) && !handlers_attach(s->grading, luaL_optstring(L, 5, "gp"), &e)) return luaL_error(L, "t:boot: %s", e.text);
    s->first = 0;
    s->hit = 0;
    s->handlers = 0;
    script_listen(s);
    handle_push(L, "vm", s);
    return 1;
}

static int t_orders(lua_State *L)
{
    self(L);
    return ring_orders(L);
}

/* t:invariant "shadow-coherent": it held whenever it must. */
static int t_invariant(lua_State *L)
{
    struct grading *g = self(L);
    char where[100];
    const char *name = luaL_checkstring(L, 2);
    if (strcmp(name, "shadow-coherent") != 0) return luaL_error(L, "there is no invariant '%s'; \"shadow-coherent\"", name);
    if (!g->policy.broken) return luaL_error(L, "t:invariant: nobody watches; boot with answers = \"page_fault\"");
    place(L, where, sizeof where);
    check_record(g->tests, !g->now.broken[0], where, "invariant %s: %s", name, g->now.broken[0] ? g->now.broken : "held");
    lua_pushboolean(L, !g->now.broken[0]);
    return 1;
}

/* --- the submission --------------------------------------------------------------------------------------------- */

static int t_call(lua_State *L)
{
    self(L);
    const char *name = luaL_checkstring(L, 2);
    if (!grading_of(L)->submission) return luaL_error(L, "t:call: what was handed in is no Lua");
    return submission_call(L, name, 3);
}

static int t_invent(lua_State *L)
{
    self(L);
    return invented_new(L);
}

/* --- numbers of its own ------------------------------------------------------------------------------------------ */

static uint64_t draw(struct grading *g) /* splitmix64 */
{
    uint64_t x = g->now.chance += 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static int t_number(lua_State *L)
{
    struct grading *g = self(L);
    lua_Integer low = luaL_checkinteger(L, 2), high = luaL_checkinteger(L, 3);
    luaL_argcheck(L, low <= high && (uint64_t)high - (uint64_t)low < UINT64_MAX, 3, "interval is empty or too wide");
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + draw(g) % ((uint64_t)high - (uint64_t)low + 1)));
    return 1;
}

static int t_pick(lua_State *L)
{
    struct grading *g = self(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 2);
    luaL_argcheck(L, n > 0, 2, "a list with something in it");
    lua_geti(L, 2, (lua_Integer)(draw(g) % (uint64_t)n) + 1);
    return 1;
}

/* --- credit ------------------------------------------------------------------------------------------------------ */

/* t:part("name", weight, function() ... end): what fails inside costs this part only. */
static int t_part(lua_State *L)
{
    struct grading *g = self(L);
    struct script *s = g->tests;
    const char *name = luaL_checkstring(L, 2);
    lua_Integer weight = luaL_checkinteger(L, 3);
    luaL_argcheck(L, weight > 0 && weight <= 1000, 3, "a weight from 1 to 1000");
    luaL_checktype(L, 4, LUA_TFUNCTION);
    lua_settop(L, 4);
    if (g->now.parts == GRADING_PARTS) return luaL_error(L, "a test has at most %d parts", GRADING_PARTS);
    if (g->now.in_part) return luaL_error(L, "a part in a part; put it behind");
    struct grading_part *p = &g->now.part[g->now.parts++];
    *p = (struct grading_part){ .weight = (uint32_t)weight, .held = true };
    snprintf(p->name, sizeof p->name, "%s", name);
    unsigned first = s->checks;
    g->now.in_part = true;
    lua_call(L, 0, 0);
    g->now.in_part = false;
    if (s->checks == first) return luaL_error(L, "part '%s' claims nothing", name);
    for (unsigned i = first; i < s->checks; i++) {
        if (s->check[i].passed) continue;
        s->check[i].elsewhere = true; /* not the whole test's */
        p->held = false;
    }
    return 0;
}

/* A NaN's sign is the host's. */
static double without_sign(double v) { return isnan(v) ? (double)NAN : v; }

/* t:scale(value, full, none, text): all of the points at `full`, none at `none`, between them in proportion. */
static int t_scale(lua_State *L)
{
    struct grading *g = self(L);
    double value = luaL_checknumber(L, 2), full = luaL_checknumber(L, 3), none = luaL_checknumber(L, 4);
    char where[100];
    luaL_argcheck(L, full != none, 4, "full and none must differ");
    double part = (value - none) / (full - none);
    uint32_t credit = !(part > 0) ? 0 : part >= 1 ? GRADING_WHOLE : (uint32_t)(part * GRADING_WHOLE);
    place(L, where, sizeof where);
    g->now.credit = g->now.credit * credit / GRADING_WHOLE;
    check_record(g->tests, credit == GRADING_WHOLE, where, "%s: %.14g; all points for %.14g, none for %.14g", luaL_optstring(L, 5, "value"),
                 without_sign(value), without_sign(full), without_sign(none));
    if (credit < GRADING_WHOLE) g->tests->check[g->tests->checks - 1].elsewhere = true; /* the credit says it */
    lua_pushinteger(L, credit);
    return 1;
}

/* t:board("cycles", value) */
static int t_board(lua_State *L)
{
    struct grading *g = self(L);
    const char *name = luaL_checkstring(L, 2);
    for (unsigned i = 0; i < g->boards; i++) {
        if (strcmp(g->board[i].name, name) != 0) continue;
        g->now.board[i] += (int64_t)luaL_checknumber(L, 3);
        g->now.boards |= 1u << i;
        return 0;
    }
    return luaL_error(L, "there is no leaderboard '%s'; declare it: leaderboard { name = \"%s\" }", name, name);
}

/* --- sealed answers ---------------------------------------------------------------------------------------------- */

/* t:sealed("name", value [, text]): is it what sealed.txt has a hash of? */
static int t_sealed(lua_State *L)
{
    struct grading *g = self(L);
    const char *name = luaL_checkstring(L, 2), *value = luaL_tolstring(L, 3, NULL), *line = text_str(&g->seals);
    char where[100], of[64], hex[65];
    unsigned long long salt;
    place(L, where, sizeof where);
    sandbox_charge(L, 100000);
    for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (sscanf(line, "%63s %llx %64s", of, &salt, hex) != 3 || strcmp(of, name) != 0) continue;
        char want[160];
        struct text got = { 0 };
        snprintf(want, sizeof want, "%s %016llx %s", of, salt, hex);
        grading_seal(name, value, salt, &got);
        bool held = !strcmp(text_str(&got), want);
        text_free(&got);
        check_record(g->tests, held, where, "%s: %s is %s", luaL_optstring(L, 4, name), value, held ? "right" : "not the answer");
        lua_pushboolean(L, held);
        return 1;
    }
    return luaL_error(L, "no sealed answer '%s'; `ringside grade --seal %s=VALUE` makes the line of sealed.txt", name, name);
}

/* --- sequences of events ------------------------------------------------------------------------------------------ */

/* { trap = "PF", hidden = true } means { kind = "trap", FIRST FIELD = "PF", hidden = true }. The table on top becomes the second. With a `kind` all names are
 * fields: { kind = "port", port = 0x21 }. */
static void normal(lua_State *L)
{
    int idx = lua_gettop(L);
    luaL_checktype(L, idx, LUA_TTABLE);
    lua_pushliteral(L, "kind");
    bool said = lua_rawget(L, idx) != LUA_TNIL;
    lua_pop(L, 1);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "t:sequence: an entry has named fields such as { kind = \"exit\", reason = \"port\" }");
        const char *key = lua_tostring(L, -2);
        int kind = said ? -1 : event_kind(key);
        if (kind >= 0) {
            lua_pushstring(L, key);
            lua_setfield(L, idx + 1, "kind");
            if (lua_isboolean(L, -1)) continue;
            if (!event_desc((unsigned)kind)->fields) luaL_error(L, "t:sequence: '%s' has no fields; write %s = true", key, key);
            lua_pushvalue(L, -1);
            lua_setfield(L, idx + 1, event_desc((unsigned)kind)->field[0].name);
        } else {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, idx + 1);
        }
    }
    lua_replace(L, idx);
    lua_getfield(L, idx, "kind");
    if (!lua_isnil(L, -1)) event_check_kind(L, luaL_checkstring(L, -1));
    lua_pop(L, 1);
}

/* An entry as it was written, in the order of the names. */
static void say_entry(lua_State *L, int idx, struct text *out)
{
    text_add(out, "{");
    lua_getglobal(L, "pairs");
    lua_pushvalue(L, idx);
    lua_call(L, 1, 3);
    for (bool first = true;; first = false) {
        lua_settop(L, idx + 3); /* iterator, table, the key before */
        lua_pushvalue(L, idx + 1);
        lua_pushvalue(L, idx + 2);
        lua_pushvalue(L, idx + 3);
        lua_call(L, 2, 2);
        if (lua_isnil(L, -2)) break;
        const char *key = lua_tostring(L, -2); /* before the value: that pushes */
        text_add(out, "%s %s = %s", first ? "" : ",", key, sandbox_tostring(L, -1));
        lua_settop(L, idx + 5);
        lua_pop(L, 1);
        lua_replace(L, idx + 3);
    }
    text_add(out, " }");
    lua_settop(L, idx);
}

/* t:sequence { {...}, {...} } : such events, in this order, whatever lies between. */
static int t_sequence(lua_State *L)
{
    struct grading *g = self(L);
    const struct trace *tr = machine_trace_of(script_machine(L));
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 2);
    char where[100];
    size_t at = 0, last = 0;
    place(L, where, sizeof where);
    luaL_argcheck(L, n > 0, 2, "a list of events");
    for (lua_Integer i = 1; i <= n; i++) {
        lua_settop(L, 2);
        lua_geti(L, 2, i);
        normal(L);
        while (at < trace_count(tr) && !event_matches(L, 3, trace_at(tr, at))) {
            sandbox_charge(L, 40);
            at++;
        }
        if (at < trace_count(tr)) {
            last = at++;
            continue;
        }
        struct text t = { 0 };
        text_add(&t, "expected as number %d ", (int)i);
        lua_geti(L, 2, i);
        say_entry(L, 4, &t);
        text_add(&t, i == 1 ? "; it never came" : "; after the one before it came:");
        for (size_t k = last + 1; i > 1 && k < last + 4 && k < trace_count(tr); k++) {
            text_add(&t, " | ");
            trace_line(trace_at(tr, k), &t);
        }
        check_record(g->tests, false, where, "%s", text_str(&t));
        text_free(&t);
        lua_pushboolean(L, 0);
        return 1;
    }
    check_record(g->tests, true, where, "%d events in this order", (int)n);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- the handle --------------------------------------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    { "boot", t_boot }, { "call", t_call }, { "invent", t_invent }, { "number", t_number }, { "pick", t_pick }, { "part", t_part },
    { "scale", t_scale }, { "board", t_board }, { "sealed", t_sealed }, { "sequence", t_sequence }, { "invariant", t_invariant }, { "orders", t_orders },
    { NULL, NULL },
};

unsigned t_words(const char **words)
{
    unsigned n = expect_words(words);
    for (const luaL_Reg *m = methods; m->name; m++) words[n++] = m->name;
    words[n++] = "submission", words[n++] = "variant", words[n++] = "seed", words[n++] = "experiments";
    return n;
}

static int t_index(lua_State *L)
{
    struct grading *g = grading_of(L);
    const char *name = luaL_checkstring(L, 2), *words[SCRIPT_WORDS_MOST];
    for (const luaL_Reg *m = methods; m->name; m++)
        if (!strcmp(m->name, name)) {
            lua_pushcfunction(L, m->func);
            lua_pushcclosure(L, method, 1);
            return 1;
        }
    for (const luaL_Reg *m = expect_claims; m->name; m++) {
        if (strcmp(m->name, name) != 0) continue;
        lua_pushcfunction(L, m->func);
        lua_pushcclosure(L, claim, 1);
        return 1;
    }
    if (!strcmp(name, "submission")) return lua_pushliteral(L, "submission"), 1;
    if (!strcmp(name, "variant")) return lua_pushinteger(L, g->now.variant), 1;
    if (!strcmp(name, "seed")) return lua_pushinteger(L, (lua_Integer)(g->now.who->seed & 0x7FFFFFFF)), 1;
    if (!strcmp(name, "experiments")) return lua_pushinteger(L, (lua_Integer)g->now.experiments), 1;
    char maybe[80];
    sandbox_suggest(name, words, t_words(words), maybe, sizeof maybe);
    return luaL_error(L, "t has no '%s'%s%s", name, maybe, *maybe ? "" : "; docs/grading.md lists what it has");
}

void claims_open(lua_State *L)
{
    luaL_newmetatable(L, "t");
    lua_pushcfunction(L, t_index);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}
