/* expect.*: what a step claims. A claim that fails is recorded, with the line and what happened instead; the next ones
 * are still tried, for a lesson should show all that is wrong at once.
 *
 * The text of a check quotes the expression from the scenario's own line ("vm.guest.vIF: expected 1, got 0"), unless
 * the author gave a message. */
#include "sim/script/check.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/event.h"
#include "sim/script/words.h"

enum { SHOWN = 96 }; /* most bytes of a value in a message */

/* --- the words of a check --------------------------------------------------------------------------------------- */

/* "popf.lua:31", of the script line that called us. */
static int place(lua_State *L, char *where, size_t room, char *file, size_t file_room)
{
    lua_Debug ar;
    snprintf(where, room, "scenario");
    *file = 0;
    if (!lua_getstack(L, 1, &ar)) return 0;
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) return 0;
    snprintf(where, room, "%s:%d", ar.short_src, ar.currentline);
    snprintf(file, file_room, "%s", ar.short_src);
    return ar.currentline;
}

static const char *source_line(const struct script *s, const char *file, int line)
{
    for (unsigned i = 0; i < s->sources; i++) {
        if (strcmp(s->source[i].name, file) != 0) continue;
        const char *p = text_str(&s->source[i].text);
        while (p && --line > 0) {
            p = strchr(p, '\n');
            if (p) p++;
        }
        return p;
    }
    return NULL;
}

/* The first argument as it is written: from after "expect.NAME(" to the comma or bracket that ends it. */
static void quote(const struct script *s, const char *file, int line, const char *name, char *buf, size_t room)
{
    char call[40];
    snprintf(call, sizeof call, "%s%s(", s->grading ? "t:" : "expect.", name);
    snprintf(buf, room, "%s", "value");
    const char *p = line ? source_line(s, file, line) : NULL, *end = p ? strchr(p, '\n') : NULL;
    p = p ? strstr(p, call) : NULL;
    if (!p || (end && p > end)) return;
    p += strlen(call);
    const char *second = strstr(p, call); /* two such claims on one line: which one is not known */
    if (second && (!end || second < end)) return;
    size_t n = 0;
    char string = 0;
    for (int depth = 0; p[n] && p[n] != '\n' && n + 1 < room; n++) {
        char c = p[n];
        if (string) {
            if (c == string) string = 0;
        } else if (c == '"' || c == '\'') string = c;
        else if (c == '(' || c == '{' || c == '[') depth++;
        else if (depth == 0 && (c == ',' || c == ')')) break;
        else if (c == ')' || c == '}' || c == ']') depth--;
    }
    if (n) snprintf(buf, room, "%.*s", (int)n, p);
}

static bool is_text(lua_State *L, int idx)
{
    size_t len;
    const char *s = lua_tolstring(L, idx, &len);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] >= 127 || ((unsigned char)s[i] < 32 && s[i] != '\n' && s[i] != '\t')) return false;
    return true;
}

/* A value as people write it; large integers also in hex, strings that are not plain text as bytes. */
static void show(lua_State *L, int idx, char *buf, size_t room)
{
    if (lua_isinteger(L, idx)) {
        long long v = (long long)lua_tointeger(L, idx);
        snprintf(buf, room, v >= 4096 ? "%lld (0x%llX)" : "%lld", v, (unsigned long long)v);
    } else if (lua_type(L, idx) == LUA_TSTRING && !is_text(L, idx)) {
        size_t len;
        const char *s = lua_tolstring(L, idx, &len);
        int n = snprintf(buf, room, "bytes");
        for (size_t i = 0; i < len && i < 16; i++)
            n += snprintf(buf + n, room - (size_t)n, " %02X", (unsigned char)s[i]);
        if (len > 16) snprintf(buf + n, room - (size_t)n, " ...");
    } else {
        snprintf(buf, room, lua_type(L, idx) == LUA_TSTRING ? "\"%.*s\"" : "%.*s", SHOWN, sandbox_tostring(L, idx));
        lua_settop(L, lua_gettop(L) - 1);
    }
}

struct claim {
    struct script *s;
    char where[100], label[120];
};

/* The label is the message at `message`, or the quoted expression. */
static struct claim begin(lua_State *L, const char *name, int message)
{
    struct claim c = { .s = script_of(L) };
    char file[80];
    if (!c.s->grading) script_machine(L); /* an error outside a step */
    int line = place(L, c.where, sizeof c.where, file, sizeof file);
    if (lua_isnoneornil(L, message)) quote(c.s, file, line, name, c.label, sizeof c.label);
    else snprintf(c.label, sizeof c.label, "%s", luaL_checkstring(L, message));
    return c;
}

static int compare(lua_State *L, const char *name, const char *words, bool held)
{
    char got[SHOWN + 32], want[SHOWN + 32];
    lua_settop(L, 3);
    struct claim c = begin(L, name, 3);
    show(L, 1, got, sizeof got);
    show(L, 2, want, sizeof want);
    if (held) check_record(c.s, true, c.where, "%s: %s", c.label, got);
    else check_record(c.s, false, c.where, "%s: expected %s%s, got %s", c.label, words, want, got);
    lua_pushboolean(L, held);
    return 1;
}

static void need_two(lua_State *L)
{
    luaL_checkany(L, 1);
    luaL_checkany(L, 2);
}

static int expect_eq(lua_State *L)
{
    need_two(L);
    return compare(L, "eq", "", lua_compare(L, 1, 2, LUA_OPEQ));
}
static int expect_equal(lua_State *L)
{
    need_two(L);
    return compare(L, "equal", "", lua_compare(L, 1, 2, LUA_OPEQ));
}
static int expect_ne(lua_State *L)
{
    need_two(L);
    return compare(L, "ne", "something other than ", !lua_compare(L, 1, 2, LUA_OPEQ));
}

/* Ordering claims: numbers with numbers, or strings with strings. Anything else fails the claim, it does not end the
 * script. */
static bool ordered(lua_State *L, int a, int b, int op)
{
    int t = lua_type(L, a);
    return t == lua_type(L, b) && (t == LUA_TNUMBER || t == LUA_TSTRING) && lua_compare(L, a, b, op);
}
static int expect_lt(lua_State *L) { return need_two(L), compare(L, "lt", "less than ", ordered(L, 1, 2, LUA_OPLT)); }
static int expect_le(lua_State *L) { return need_two(L), compare(L, "le", "at most ", ordered(L, 1, 2, LUA_OPLE)); }
static int expect_gt(lua_State *L) { return need_two(L), compare(L, "gt", "more than ", ordered(L, 2, 1, LUA_OPLT)); }
static int expect_ge(lua_State *L) { return need_two(L), compare(L, "ge", "at least ", ordered(L, 2, 1, LUA_OPLE)); }
static int expect_at_most(lua_State *L)
{
    return need_two(L), compare(L, "at_most", "at most ", ordered(L, 1, 2, LUA_OPLE));
}
static int expect_at_least(lua_State *L)
{
    return need_two(L), compare(L, "at_least", "at least ", ordered(L, 2, 1, LUA_OPLE));
}

static int expect_ok(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 2);
    struct claim c = begin(L, "ok", 2);
    bool held = lua_toboolean(L, 1);
    char got[SHOWN + 32];
    show(L, 1, got, sizeof got);
    if (held) check_record(c.s, true, c.where, "%s: holds", c.label);
    else check_record(c.s, false, c.where, "%s: expected this to hold, got %s", c.label, got);
    lua_pushboolean(L, held);
    return 1;
}

/* expect.near(value, target, within [, message]) */
static int expect_near(lua_State *L)
{
    lua_settop(L, 4);
    struct claim c = begin(L, "near", 4);
    double want = luaL_checknumber(L, 2), within = luaL_checknumber(L, 3);
    bool number = lua_type(L, 1) == LUA_TNUMBER, held = number && fabs(lua_tonumber(L, 1) - want) <= within;
    char got[SHOWN + 32];
    show(L, 1, got, sizeof got);
    if (held) check_record(c.s, true, c.where, "%s: %s", c.label, got);
    else check_record(c.s, false, c.where, "%s: expected %g, give or take %g, got %s", c.label, want, within, got);
    lua_pushboolean(L, held);
    return 1;
}

/* expect.match(text, pattern [, message]): with Lua's pattern, through our own matcher. */
static int expect_match(lua_State *L)
{
    lua_settop(L, 3);
    const char *pattern = luaL_checkstring(L, 2);
    bool held = false;
    if (lua_isstring(L, 1)) {
        lua_getglobal(L, "string");
        lua_getfield(L, -1, "find");
        lua_pushvalue(L, 1);
        lua_pushvalue(L, 2);
        lua_call(L, 2, 1);
        held = !lua_isnil(L, -1);
        lua_settop(L, 3);
    }
    if (!held) return compare(L, "match", "text that matches ", false);
    struct claim c = begin(L, "match", 3);
    check_record(c.s, true, c.where, "%s: \"%s\" is there", c.label, pattern);
    lua_pushboolean(L, true);
    return 1;
}

/* --- claims about the trace ------------------------------------------------------------------------------------- */

/* SILENT events of the running step that fit {insn=, wanted={FIELD=value}} (nil: all of them). */
static bool silent_fits(lua_State *L, int idx, const struct event *e)
{
    if (e->kind != EV_SILENT) return false;
    if (!lua_istable(L, idx)) return true;
    lua_getfield(L, idx, "insn");
    bool fits = lua_isnil(L, -1) || !strcmp(luaL_checkstring(L, -1), trace_name("mnemonic", e->u.SILENT.op));
    lua_getfield(L, idx, "wanted");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, trace_name("field", e->u.SILENT.field));
        fits = fits && lua_isinteger(L, -1) && lua_tointeger(L, -1) == (lua_Integer)e->u.SILENT.wanted;
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return fits;
}

enum { SEEN = 120 };

/* How many fit; `seen` describes the first silent failure there is, fitting or not. */
static unsigned count_silent(lua_State *L, int idx, char *seen)
{
    const struct script *s = script_of(L);
    script_machine(L);
    const struct trace *t = machine_trace_of(s->machine);
    unsigned n = 0;
    for (size_t i = s->first; i < trace_count(t); i++) {
        const struct event *e = trace_at(t, i);
        if (e->kind == EV_SILENT && !*seen)
            snprintf(seen, SEEN, "%s, %s wanted %u got %u", trace_name("mnemonic", e->u.SILENT.op),
                     trace_name("field", e->u.SILENT.field), e->u.SILENT.wanted, e->u.SILENT.got);
        if (silent_fits(L, idx, e)) n++;
    }
    return n;
}

static int expect_silent(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    struct claim c = begin(L, "silent", 2);
    lua_getfield(L, 1, "insn");
    char insn[40];
    snprintf(insn, sizeof insn, "%s", luaL_optstring(L, -1, "a sensitive instruction"));
    lua_pop(L, 1);
    char seen[SEEN] = "";
    unsigned n = count_silent(L, 1, seen);
    if (n) check_record(c.s, true, c.where, "%s failed in silence", insn);
    else
        check_record(c.s, false, c.where, "%s: expected a silent failure, the detector saw %s", insn,
                     *seen ? seen : "none");
    lua_pushboolean(L, n > 0);
    return 1;
}

static int expect_no_silent(lua_State *L)
{
    lua_settop(L, 1);
    struct claim c = begin(L, "no_silent", 1);
    char seen[SEEN] = "";
    unsigned n = count_silent(L, 2, seen);
    if (n) check_record(c.s, false, c.where, "expected no silent failure, the detector saw %u, first %s", n, seen);
    else check_record(c.s, true, c.where, "nothing failed in silence");
    lua_pushboolean(L, n == 0);
    return 1;
}

/* expect.events(kind or filter, n [, message]): how many such events this step brought. */
static int expect_events(lua_State *L)
{
    lua_settop(L, 3);
    struct claim c = begin(L, "events", 3);
    lua_Integer want = luaL_checkinteger(L, 2), got = 0;
    if (lua_type(L, 1) == LUA_TSTRING) {
        lua_createtable(L, 0, 1);
        lua_pushvalue(L, 1);
        lua_setfield(L, -2, "kind");
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "kind");
    if (!lua_isnil(L, -1)) event_check_kind(L, luaL_checkstring(L, -1));
    lua_pop(L, 1);
    const struct trace *t = machine_trace_of(script_machine(L));
    for (size_t i = c.s->first; i < trace_count(t); i++) got += event_matches(L, 1, trace_at(t, i));
    if (got == want) check_record(c.s, true, c.where, "%s: %lld", c.label, (long long)got);
    else
        check_record(c.s, false, c.where, "%s: expected %lld of them, got %lld", c.label, (long long)want,
                     (long long)got);
    lua_pushboolean(L, got == want);
    return 1;
}

const luaL_Reg expect_claims[] = {
    { "eq", expect_eq },
    { "equal", expect_equal },
    { "ne", expect_ne },
    { "lt", expect_lt },
    { "le", expect_le },
    { "gt", expect_gt },
    { "ge", expect_ge },
    { "at_most", expect_at_most },
    { "at_least", expect_at_least },
    { "ok", expect_ok },
    { "near", expect_near },
    { "match", expect_match },
    { "silent", expect_silent },
    { "no_silent", expect_no_silent },
    { "events", expect_events },
    { NULL, NULL },
};

unsigned expect_words(const char **words)
{
    unsigned n = 0;
    for (; expect_claims[n].name; n++) words[n] = expect_claims[n].name;
    return n;
}

static int unknown_claim(lua_State *L)
{
    const char *words[sizeof expect_claims / sizeof expect_claims[0]], *name = luaL_checkstring(L, 2);
    char maybe[80];
    unsigned n = expect_words(words);
    sandbox_suggest(name, words, n, maybe, sizeof maybe);
    return luaL_error(L, "there is no expect.%s%s%s", name, maybe,
                      *maybe ? "" : "; docs/lua.md lists the expectations");
}

void expect_open(lua_State *L)
{
    luaL_newlib(L, expect_claims);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, unknown_claim);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setglobal(L, "expect");
}
