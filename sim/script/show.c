/* A value, written out for a person: what `repl` and the terminal's command line answer. See script.h.
 *
 * Idea: a table is written as the Lua that would make it, its keys in the order of pairs, in one line if that is short. What would not end is cut and
 * said: depth, length, tables that are inside of themselves. Metatables are not asked (but for __tostring, as tostring does), so that what is shown
 * is what is there; no addresses. */
#include "sim/script/script.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { DEEP = 5, ENTRIES = 100, WIDE = 72, MOST = 16000 };

struct show {
    struct text *out;
    const void *above[DEEP];         /* tables that are being written; compared, never shown */
    unsigned depth;
};

static void write_value(lua_State *L, int idx, struct show *s, bool inside);

static void write_string(const char *str, size_t n, struct text *out)
{
    text_char(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)str[i];
        if (c == '"' || c == '\\') text_add(out, "\\%c", c);
        else if (c == '\n') text_add(out, "\\n");
        else if (c < 32 || c == 127) text_add(out, "\\%03u", c);
        else text_char(out, (char)c);
    }
    text_char(out, '"');
}

static void write_scalar(lua_State *L, int idx, struct text *out, bool inside)
{
    size_t n;
    const char *str = lua_type(L, idx) == LUA_TSTRING ? lua_tolstring(L, idx, &n) : NULL;
    lua_Integer v = lua_isinteger(L, idx) ? lua_tointeger(L, idx) : 0;
    if (str && inside) write_string(str, n, out);
    else text_add(out, "%s", sandbox_tostring(L, idx)), lua_pop(L, 1);
    if (v > 9 && v <= UINT32_MAX) text_add(out, " (%llX)", (unsigned long long)v);
}

static bool is_name(const char *s)
{
    static const char *const keywords[] = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or",
                                            "repeat", "return", "then", "true", "until", "while" };
    if (!isalpha((unsigned char)*s) && *s != '_') return false;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (!strcmp(keywords[i], s)) return false;
    while (isalnum((unsigned char)*s) || *s == '_') s++;
    return !*s;
}

/* "name = ", "[3] = "; nothing for the numbers 1, 2, 3 ... as long as none is missing. */
static void write_key(lua_State *L, int idx, lua_Integer at, struct show *s)
{
    if (lua_isinteger(L, idx) && lua_tointeger(L, idx) == at) return;
    if (lua_type(L, idx) == LUA_TSTRING && is_name(lua_tostring(L, idx))) {
        text_add(s->out, "%s = ", lua_tostring(L, idx));
        return;
    }
    text_add(s->out, "[");
    if (lua_type(L, idx) == LUA_TNUMBER) text_add(s->out, "%s", sandbox_tostring(L, idx)), lua_pop(L, 1);
    else if (lua_type(L, idx) == LUA_TTABLE) text_add(s->out, "%s", sandbox_tostring(L, idx)), lua_pop(L, 1);
    else write_scalar(L, idx, s->out, true);
    text_add(s->out, "] = ");
}

/* All entries of the table at `idx`, each behind `before`; keys lie in the table on top of the stack. */
static void write_entries(lua_State *L, int idx, lua_Integer n, const char *before, struct show *s)
{
    int keys = lua_gettop(L);
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > ENTRIES || s->out->len > MOST) {
            text_add(s->out, "%s... %lld more", before, (long long)(n - i + 1));
            return;
        }
        text_add(s->out, "%s", before);
        lua_rawgeti(L, keys, i);
        write_key(L, keys + 1, i, s);
        lua_pushvalue(L, keys + 1);
        lua_rawget(L, idx);
        write_value(L, keys + 2, s, true);
        lua_settop(L, keys);
        if (i < n) text_char(s->out, ',');
    }
}

static void write_table(lua_State *L, int idx, struct show *s)
{
    char before[2 * DEEP + 4];
    luaL_checkstack(L, 8, "tables are nested too deep");
    s->above[s->depth++] = lua_topointer(L, idx);
    lua_Integer n = sandbox_keys(L, idx);
    size_t begin = s->out->len;
    int keys = lua_gettop(L);
    text_char(s->out, '{');
    write_entries(L, idx, n, " ", s);
    text_add(s->out, n ? " }" : "}");
    if (s->out->len - begin + 2 * s->depth > WIDE || strchr(text_str(s->out) + begin, '\n')) { /* too long for a line: again, in lines */
        s->out->len = begin;
        s->out->s[begin] = 0;
        text_char(s->out, '{');
        snprintf(before, sizeof before, "\n%*s", (int)(2 * s->depth), "");
        write_entries(L, idx, n, before, s);
        text_add(s->out, "\n%*s}", (int)(2 * s->depth - 2), "");
    }
    lua_settop(L, keys - 1);
    s->depth--;
}

static void write_value(lua_State *L, int idx, struct show *s, bool inside)
{
    if (lua_type(L, idx) != LUA_TTABLE || luaL_getmetafield(L, idx, "__tostring") != LUA_TNIL) {
        lua_settop(L, lua_type(L, idx) == LUA_TTABLE ? lua_gettop(L) - 1 : lua_gettop(L));
        write_scalar(L, idx, s->out, inside);
        return;
    }
    for (unsigned up = 0; up < s->depth; up++)
        if (s->above[s->depth - 1 - up] == lua_topointer(L, idx)) {
            if (up) text_add(s->out, "<the table %u above this one>", up);
            else text_add(s->out, "<this table>");
            return;
        }
    if (s->depth == DEEP) text_add(s->out, "{...}");
    else write_table(L, idx, s);
}

void script_show(lua_State *L, int idx, struct text *out)
{
    struct show s = { .out = out };
    write_value(L, lua_absindex(L, idx), &s, false);
}
