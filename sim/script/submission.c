/* A student's file, in a Lua state of its own.
 *
 * Values go through bytes: nothing of one state is ever reachable from the other, whatever metatables say. What goes wrong in here is
 * the submission's fault (now.blame), and never ends the tests' state by itself. */
#include "sim/script/grading.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HANDED = 1 << 18, DEEP = 12 };

/* --- values as bytes -------------------------------------------------------------------------------------------- */

static void put(lua_State *L, struct text *t, char tag, const void *bytes, size_t n)
{
    if (t->len + n + 1 > HANDED) luaL_error(L, "more than 256 KB handed over at once; hand over less");
    sandbox_charge(L, n / 16 + 1);
    text_char(t, tag);
    if (n) text_bytes(t, bytes, n);
}

static void encode(lua_State *L, int idx, struct text *t, unsigned depth);

/* In the order of pairs: what is charged before something is refused must not hang on where keys hash to. */
static void encode_table(lua_State *L, int idx, struct text *t, unsigned depth)
{
    int bad = LUA_NUMTYPES;
    put(L, t, '{', NULL, 0);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        int type = lua_type(L, -2);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type < bad) bad = type;
    }
    if (bad < LUA_NUMTYPES) luaL_error(L, "a table with %s as a key cannot be handed over", lua_typename(L, bad));
    lua_Integer n = sandbox_keys(L, idx);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        lua_pushvalue(L, -1);
        lua_rawget(L, idx);
        encode(L, -2, t, depth + 1);
        encode(L, -1, t, depth + 1);
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    put(L, t, '}', NULL, 0);
}

static void encode(lua_State *L, int idx, struct text *t, unsigned depth)
{
    idx = lua_absindex(L, idx);
    size_t n;
    if (depth > DEEP) luaL_error(L, "a table in tables, %d deep, cannot be handed over: does it hold itself?", DEEP);
    luaL_checkstack(L, 6, "values are nested too deep");
    switch (lua_type(L, idx)) {
    case LUA_TNIL: put(L, t, 'n', NULL, 0); return;
    case LUA_TBOOLEAN: put(L, t, lua_toboolean(L, idx) ? 'T' : 'F', NULL, 0); return;
    case LUA_TNUMBER:
        if (lua_isinteger(L, idx)) put(L, t, 'i', &(lua_Integer){ lua_tointeger(L, idx) }, sizeof(lua_Integer));
        else put(L, t, 'd', &(lua_Number){ lua_tonumber(L, idx) }, sizeof(lua_Number));
        return;
    case LUA_TSTRING: {
        const char *s = lua_tolstring(L, idx, &n);
        put(L, t, 's', &n, sizeof n);
        if (n) put(L, t, '.', s, n);
        return;
    }
    case LUA_TTABLE:
        encode_table(L, idx, t, depth);
        return;
    default: {
        int n_th = invented_number(L, idx);
        if (n_th < 0) luaL_error(L, "a %s cannot be handed over; numbers, text and tables of them can", luaL_typename(L, idx));
        put(L, t, 'I', &n_th, sizeof n_th);
    }
    }
}

/* Pushes the value at `p`; returns where the next one begins. */
static const char *decode(lua_State *L, const char *p)
{
    lua_Integer i;
    lua_Number d;
    size_t n;
    int nth;
    luaL_checkstack(L, 6, "values are nested too deep");
    switch (*p++) {
    case 'T': lua_pushboolean(L, 1); return p;
    case 'F': lua_pushboolean(L, 0); return p;
    case 'i': memcpy(&i, p, sizeof i), lua_pushinteger(L, i); return p + sizeof i;
    case 'd': memcpy(&d, p, sizeof d), lua_pushnumber(L, d); return p + sizeof d;
    case 's':
        memcpy(&n, p, sizeof n);
        p += sizeof n;
        lua_pushlstring(L, n ? p + 1 : "", n);
        return n ? p + 1 + n : p;
    case 'I': memcpy(&nth, p, sizeof nth), invented_push(L, nth); return p + sizeof nth;
    case '{':
        lua_newtable(L);
        while (*p != '}') {
            p = decode(L, p);
            p = decode(L, p);
            lua_rawset(L, -3);
        }
        return p + 1;
    default: lua_pushnil(L); return p;
    }
}

void submission_encode(lua_State *L, int from, struct text *t, unsigned *count)
{
    *count = 0;
    for (int i = from; i <= lua_gettop(L); i++, ++*count) encode(L, i, t, 0);
}

int submission_decode(lua_State *L, const struct text *t, unsigned count)
{
    const char *p = text_str(t);
    for (unsigned i = 0; i < count; i++) p = decode(L, p);
    return (int)count;
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static int open_api(lua_State *L)
{
    include_open(L);
    invented_open(L);
    handlers_open(L);
    ring_open(L);
    return 0;
}

/* Advice of the sandbox names the manuals of scenarios; whoever works on a lab has its README.md beside the file. */
static void say_readme(const char *from, char *to, size_t room)
{
    static const struct { const char *is, *be; } words[] = { { "docs/scenario.md for the form of a scenario", "README.md for what is asked" }, { "docs/lua.md", "README.md" } };
    snprintf(to, room, "%s", from);
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(from, words[i].is);
        if (!at) continue;
        snprintf(to, room, "%.*s%s%s", (int)(at - from), from, words[i].be, at + strlen(words[i].is));
        return;
    }
}

void submission_blame(struct grading *g, const struct err *e)
{
    if (g->now.blame) return;
    g->now.blame = e->code ? e->code : EXIT_INPUT;
    say_readme(e->text, g->now.blamed, sizeof g->now.blamed);
}

static bool blame(struct grading *g, const struct err *e)
{
    submission_blame(g, e);
    return false;
}

void submission_printed(struct grading *g)
{
    struct text *p = &g->submission->box.printed;
    if (p->len && g->now.printed.len < 4096) text_add(&g->now.printed, "%s", text_str(p));
    if (p->len) text_clear(p);
}

/* Where math.random begins: from the test's chance, but by a hash. What it gives can be turned back to where it began, and from the test's own seed one would know
 * every t:number and t:pick to come. */
static uint64_t own_chance(const struct grading *g)
{
    char chance[20];
    snprintf(chance, sizeof chance, "%016llx", (unsigned long long)g->now.chance);
    return grading_seed("math.random of a submission", chance, g->now.test->name);
}

void submission_budget(struct grading *g, const char *doing)
{
    sandbox_budget(&g->submission->box, g->now.test->lua, own_chance(g), doing);
}

bool submission_open(struct grading *g)
{
    char path[640], doing[140];
    struct err e = { 0 };
    snprintf(path, sizeof path, "%.500s/%.100s", g->now.who->dir, g->now.who->file);
    struct script *s = script_new(path, &e);
    if (!s) return blame(g, &e);
    g->submission = s;
    s->grading = g;
    struct loading x = { .s = s };
    bool ok = include_begin(&x, open_api, &e);
    snprintf(doing, sizeof doing, " in test '%s'", g->now.test->name);
    if (ok) submission_budget(g, doing);
    ok = ok && include_run(&x, &e);
    submission_printed(g);
    return ok || blame(g, &e);
}

void submission_close(struct grading *g)
{
    if (g->submission) script_free(g->submission);
    g->submission = NULL;
}

/* --- calling ---------------------------------------------------------------------------------------------------- */

struct calling { struct grading *g; const char *name; struct text values; unsigned count; };

static int call_inside(lua_State *L)
{
    struct calling *c = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    lua_pushstring(L, c->name);
    if (lua_rawget(L, -2) != LUA_TFUNCTION) luaL_error(L, "%s: there is no function %s in this file", script_of(L)->file, c->name);
    int args = submission_decode(L, &c->values, c->count);
    text_clear(&c->values);
    int base = lua_gettop(L) - args - 1;
    lua_call(L, args, LUA_MULTRET);
    submission_encode(L, base + 1, &c->values, &c->count);
    return 0;
}

int submission_call(lua_State *L, const char *name, int from)
{
    struct grading *g = grading_of(L);
    struct calling *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct calling){ g, name, { 0 }, 0 };
    lua_insert(L, from);
    struct text values = { 0 };
    submission_encode(L, from + 1, &values, &c->count); /* tests are trusted not to raise here; if they do, the process ends soon */
    c->values = values;
    struct err e = { 0 };
    bool ok = sandbox_run(&g->submission->box, call_inside, c, &e);
    submission_printed(g);
    if (!ok) {
        blame(g, &e);
        text_free(&c->values);
        return luaL_error(L, "%s", g->now.blamed);
    }
    int n = submission_decode(L, &c->values, c->count);
    text_free(&c->values);
    return n;
}
