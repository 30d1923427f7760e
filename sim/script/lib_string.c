/* The string library, every function paid for by the length of its work.
 *
 * Taken from the stock library: byte (few results), char, format (no %p), len, lower, rep, reverse, sub, upper.
 * Our own: find, match, gmatch, gsub (pattern.h). Absent: dump, pack, unpack, packsize.
 * Strings' own methods (("x"):rep) are this very table; their metatable is locked. Lua 5.4 reference manual 6.4. */
#include "sim/script/pattern.h"
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* --- searching -------------------------------------------------------------------------------------------------- */

/* Start offset for the optional argument `init` (1-based, negative from the end). */
static size_t start_at(lua_State *L, int arg, size_t len)
{
    lua_Integer init = luaL_optinteger(L, arg, 1);
    if (init > 0) return (size_t)init - 1;
    if (init == 0 || init < -(lua_Integer)len) return 0;
    return len - (size_t)-init;
}

static struct pattern prepare(lua_State *L, bool *anchored)
{
    size_t n, m;
    const char *s = luaL_checklstring(L, 1, &n), *pat = luaL_checklstring(L, 2, &m);
    *anchored = m && *pat == '^';
    return (struct pattern){ .L = L, .src = s, .src_end = s + n, .pat = pat + (*anchored ? 1 : 0), .pat_end = pat + m };
}

static int find_plain(lua_State *L, const struct pattern *p, size_t init)
{
    size_t m = (size_t)(p->pat_end - p->pat);
    for (const char *s = p->src + init; (size_t)(p->src_end - s) >= m; s++) {
        sandbox_charge(L, 1);
        if (m && *s != *p->pat) continue;
        sandbox_charge(L, m / 8);
        if (memcmp(s, p->pat, m) != 0) continue;
        lua_pushinteger(L, s - p->src + 1);
        lua_pushinteger(L, s - p->src + (lua_Integer)m);
        return 2;
    }
    lua_pushnil(L);
    return 1;
}

/* As in the stock library, a pattern without these is searched for as it stands, a lonely ) or ] included. */
static bool no_specials(const struct pattern *p, bool anchored)
{
    if (anchored) return false;
    for (const char *c = p->pat; c < p->pat_end; c++)
        if (*c && strchr("^$*+?.([%-", *c)) return false;
    return true;
}

static int search(lua_State *L, bool find)
{
    bool anchored;
    struct pattern p = prepare(L, &anchored);
    size_t init = start_at(L, 3, (size_t)(p.src_end - p.src));
    if (init > (size_t)(p.src_end - p.src)) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || no_specials(&p, anchored))) {
        p.pat -= anchored ? 1 : 0;
        return find_plain(L, &p, init);
    }
    const char *s = p.src + init;
    do {
        const char *e = pattern_match(&p, s);
        if (!e) continue;
        if (!find) return pattern_push_captures(&p, s, e);
        lua_pushinteger(L, s - p.src + 1);
        lua_pushinteger(L, e - p.src);
        return pattern_push_captures(&p, NULL, NULL) + 2;
    } while (s++ < p.src_end && !anchored);
    lua_pushnil(L);
    return 1;
}

static int str_find(lua_State *L) { return search(L, true); }
static int str_match(lua_State *L) { return search(L, false); }

/* Upvalues: subject, pattern, offset to go on at, end of the last match. */
static int gmatch_step(lua_State *L)
{
    size_t n, m;
    const char *src = lua_tolstring(L, lua_upvalueindex(1), &n), *pat = lua_tolstring(L, lua_upvalueindex(2), &m);
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct pattern p = { .L = L, .src = src, .src_end = src + n, .pat = pat, .pat_end = pat + m };
    for (lua_Integer at = lua_tointeger(L, lua_upvalueindex(3)); at <= (lua_Integer)n; at++) {
        const char *e = pattern_match(&p, src + at);
        if (!e || e - src == last) continue; /* an empty match right behind the last one is no new match */
        lua_pushinteger(L, e - src);
        lua_pushvalue(L, -1);
        lua_replace(L, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return pattern_push_captures(&p, src + at, e);
    }
    return 0;
}

static int str_gmatch(lua_State *L)
{
    size_t n;
    luaL_checklstring(L, 1, &n);
    luaL_checkstring(L, 2);
    lua_Integer init = (lua_Integer)start_at(L, 3, n);
    lua_settop(L, 2);
    lua_pushinteger(L, init);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_step, 4);
    return 1;
}

/* --- replacing -------------------------------------------------------------------------------------------------- */

static void add_template(struct pattern *p, luaL_Buffer *b, const char *s, const char *e)
{
    size_t n;
    const char *r = lua_tolstring(p->L, 3, &n);
    sandbox_charge(p->L, n / 8 + 1);
    for (const char *end = r + n; r < end; r++) {
        if (*r != '%') {
            luaL_addchar(b, *r);
            continue;
        }
        char c = ++r < end ? *r : 0;
        if (c == '%') luaL_addchar(b, '%');
        else if (c == '0') luaL_addlstring(b, s, (size_t)(e - s));
        else if (c >= '1' && c <= '9') {
            pattern_push_capture(p, c - '1', s, e);
            luaL_tolstring(p->L, -1, NULL);
            lua_remove(p->L, -2);
            luaL_addvalue(b);
        } else luaL_error(p->L, "invalid use of '%%' in replacement string");
    }
}

/* Adds what replaces the match s..e; the match itself if the function or table says nil or false. */
static void add_replacement(struct pattern *p, luaL_Buffer *b, const char *s, const char *e)
{
    lua_State *L = p->L;
    int type = lua_type(L, 3);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_template(p, b, s, e);
        return;
    }
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int n = pattern_push_captures(p, s, e);
        lua_call(L, n, 1);
    } else {
        pattern_push_capture(p, 0, s, e);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, s, (size_t)(e - s));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    if (sandbox_is_nan(L, -1)) {
        lua_pop(L, 1);
        lua_pushliteral(L, "nan");
    }
    luaL_addvalue(b);
}

static int str_gsub(lua_State *L)
{
    bool anchored;
    struct pattern p = prepare(L, &anchored);
    int type = lua_type(L, 3);
    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    if (type == LUA_TNUMBER) lua_tostring(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, p.src_end - p.src + 1), n = 0;
    const char *s = p.src, *last = NULL;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    while (n < most) {
        const char *e = pattern_match(&p, s);
        if (e && e != last) {
            n++;
            add_replacement(&p, &b, s, e);
            s = last = e;
        } else if (s < p.src_end) {
            luaL_addchar(&b, *s++);
        } else {
            break;
        }
        if (anchored) break;
    }
    luaL_addlstring(&b, s, (size_t)(p.src_end - s));
    luaL_pushresult(&b);
    lua_pushinteger(L, n);
    return 2;
}

/* --- stock functions behind a charge: upvalue 1 is the stock one ------------------------------------------------ */

static int call_stock(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int str_linear(lua_State *L) /* lower, upper, reverse */
{
    size_t n;
    luaL_checklstring(L, 1, &n);
    sandbox_charge(L, n / 8 + 1);
    return call_stock(L);
}

static int str_rep(lua_State *L)
{
    size_t n, sep = 0;
    luaL_checklstring(L, 1, &n);
    lua_Integer times = luaL_checkinteger(L, 2);
    luaL_optlstring(L, 3, "", &sep);
    if (times > 0 && n + sep && (uint64_t)times > SANDBOX_STRING / (n + sep)) return sandbox_end(L, OVER_STRING);
    if (times > 0) sandbox_charge(L, (uint64_t)times / 8 + 1);
    return call_stock(L);
}

static int str_byte(lua_State *L)
{
    size_t n;
    luaL_checklstring(L, 1, &n);
    lua_Integer i = luaL_optinteger(L, 2, 1), j = luaL_optinteger(L, 3, i);
    if (i < 0) i += (lua_Integer)n + 1;
    if (j < 0) j += (lua_Integer)n + 1;
    if (j > (lua_Integer)n) j = (lua_Integer)n;
    if (j - i >= SANDBOX_RESULTS)
        return luaL_error(L, "string.byte gives at most %d values; take them in pieces", SANDBOX_RESULTS);
    return call_stock(L);
}

/* Objects become text here, before the stock function could print an address; and NaNs lose their sign. */
static int str_format(lua_State *L)
{
    size_t n;
    const char *f = luaL_checklstring(L, 1, &n);
    sandbox_charge(L, n / 8 + 1);
    for (const char *c = f; (c = strchr(c, '%')) != NULL; c++) {
        c += 1 + strspn(c + 1, "-+#0 .123456789");
        if (*c == 'p')
            return luaL_error(L, "string.format: %%p is not available: addresses differ from run to run; use %%s");
        if (!*c) break;
    }
    for (int i = 2, top = lua_gettop(L); i <= top; i++) {
        int type = lua_type(L, i);
        if (sandbox_is_nan(L, i)) {
            lua_pushnumber(L, (lua_Number)NAN);
            lua_replace(L, i);
        }
        if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TTHREAD && type != LUA_TUSERDATA) continue;
        sandbox_tostring(L, i);
        lua_replace(L, i);
        lua_settop(L, top);
    }
    return call_stock(L);
}

static const luaL_Reg own[] = {
    { "find", str_find }, { "match", str_match }, { "gmatch", str_gmatch }, { "gsub", str_gsub }, { NULL, NULL },
};
static const luaL_Reg charged[] = {
    { "lower", str_linear }, { "upper", str_linear }, { "reverse", str_linear }, { "rep", str_rep },
    { "byte", str_byte },    { "format", str_format },
};

void lib_string_open(lua_State *L)
{
    static const char *const absent[] = { "dump", "pack", "unpack", "packsize" };
    luaL_requiref(L, "string", luaopen_string, 1);
    luaL_setfuncs(L, own, 0);
    for (size_t i = 0; i < sizeof charged / sizeof charged[0]; i++) {
        lua_getfield(L, -1, charged[i].name);
        lua_pushcclosure(L, charged[i].func, 1);
        lua_setfield(L, -2, charged[i].name);
    }
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, absent[i]);
    }
    /* ("").x goes to this table, and getmetatable("") gives away nothing. The stock metatable also makes numbers of
     * strings in arithmetic, which is the language's own rule, so it stays. */
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushvalue(L, -3);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 3);
}
