/* See event.h. */
#include "sim/script/event.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/config.h"
#include "sim/script/script.h"
#include "sim/trace/vector.h"

enum { WORDS = 512 };

/* Names as Lua spells them: a trailing underscore only keeps C's keywords apart. */
static bool same_name(const char *field, const char *name)
{
    size_t n = strlen(field);
    if (!strcmp(field, name)) return true;
    if (n && field[n - 1] == '_') n--;
    return strlen(name) == n && !strncmp(field, name, n);
}

const struct event_field *event_find_field(unsigned kind, const char *name)
{
    const struct event_desc *d = event_desc(kind);
    for (unsigned i = 0; i < d->fields; i++)
        if (same_name(d->field[i].name, name)) return &d->field[i];
    return NULL;
}

unsigned event_words(const char *type, const char **words, unsigned room)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 256 && n < room; i++) { /* an ENUM field is one byte */
        const char *w = trace_name(type, i);
        if (strcmp(w, "?") != 0) words[n++] = w;
    }
    return n;
}

int event_enum(const char *type, const char *word)
{
    for (unsigned i = 0; i < 256; i++)
        if (!strcmp(trace_name(type, i), word) && strcmp(word, "?") != 0) return (int)i;
    return -1;
}

unsigned event_check_kind(lua_State *L, const char *word)
{
    int kind = event_kind(word);
    if (kind >= 0) return (unsigned)kind;
    const char *words[EV_COUNT];
    char maybe[80];
    for (unsigned k = 0; k < EV_COUNT; k++) words[k] = event_desc(k)->word;
    sandbox_suggest(word, words, EV_COUNT, maybe, sizeof maybe);
    luaL_error(L, "there is no kind of event called '%s'%s%s", word, maybe, *maybe ? "" : "; docs/lua.md lists them");
    return 0;
}

static void set_number(lua_State *L, const char *name, uint64_t v)
{
    lua_pushinteger(L, (lua_Integer)v);
    lua_setfield(L, -2, name);
}

void event_push(lua_State *L, const struct event *e)
{
    const struct event_desc *d = event_desc(e->kind);
    lua_createtable(L, 0, 9 + d->fields);
    set_number(L, "id", e->id);
    set_number(L, "cause", e->cause);
    set_number(L, "cycle", e->cycle);
    set_number(L, "insns", e->insns);
    set_number(L, "eip", e->eip);
    set_number(L, "episode", e->episode);
    set_number(L, "cpl", e->ring);
    set_number(L, "vm", e->vcpu);
    lua_pushstring(L, d->word);
    lua_setfield(L, -2, "kind");
    for (unsigned i = 0; i < d->fields; i++) {
        const struct event_field *f = &d->field[i];
        uint32_t v = event_field(e, f);
        size_t n = strlen(f->name);
        lua_pushlstring(L, f->name, n && f->name[n - 1] == '_' ? n - 1 : n);
        if (f->type && strcmp(trace_name(f->type, v), "?") != 0) lua_pushstring(L, trace_name(f->type, v));
        else lua_pushinteger(L, v);
        lua_rawset(L, -3);
    }
    luaL_setmetatable(L, "event");
}

void event_push_insn(lua_State *L, uint32_t at)
{
    static const char *const privilege[] = { "none", "ring0", "iopl" }, *const sensitivity[] = { "none", "traps",
                                                                                                 "silent", "leaks" };
    const struct machine *m = script_machine(L);
    struct machine_insn in;
    char text[96];
    if (!machine_insn(m, gva(at), &in)) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 6);
    lua_pushstring(L, in.word);
    lua_setfield(L, -2, "mnemonic");
    machine_disasm(m, gva(at), text, sizeof text);
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    set_number(L, "len", in.len);
    lua_pushstring(L, privilege[in.privilege < 3 ? in.privilege : 0]);
    lua_setfield(L, -2, "privilege");
    lua_pushstring(L, sensitivity[in.sensitivity < SENSITIVITIES ? in.sensitivity : 0]);
    lua_setfield(L, -2, "sensitivity");
    lua_pushstring(L, in.rule);
    lua_setfield(L, -2, "rule");
}

static uint32_t own_number(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    uint32_t v = (uint32_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return v;
}

/* Pushes the text after freeing it: pushing may raise, and nothing would free it then. */
static void push_text(lua_State *L, struct text *t)
{
    char buf[128];
    snprintf(buf, sizeof buf, "%s", text_str(t));
    text_free(t);
    lua_pushstring(L, buf);
}

static void push_trap(lua_State *L)
{
    uint8_t vector = (uint8_t)own_number(L, "vector");
    uint32_t code = own_number(L, "code");
    struct text t = { 0 };
    vector_text(vector, code, &t);
    push_text(L, &t);
}

/* What an event does not carry but the machine knows. */
static int event_index(lua_State *L)
{
    static const char *const lazy[] = { "insn", "symbol", "text", "trap" };
    const char *name = luaL_checkstring(L, 2);
    if (!strcmp(name, lazy[0])) {
        event_push_insn(L, own_number(L, "eip"));
    } else if (!strcmp(name, lazy[1])) {
        char buf[80];
        lua_pushstring(L, machine_symbol(script_machine(L), own_number(L, "eip"), buf, sizeof buf));
    } else if (!strcmp(name, lazy[2])) {
        const struct event *e = trace_by_id(machine_trace_of(script_machine(L)), own_number(L, "id"));
        struct text t = { 0 };
        if (e) trace_line(e, &t);
        push_text(L, &t);
    } else if (!strcmp(name, lazy[3])) {
        lua_pushliteral(L, "vector");
        if (lua_rawget(L, 1) != LUA_TNIL) push_trap(L);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

void event_open(lua_State *L)
{
    luaL_newmetatable(L, "event");
    lua_pushcfunction(L, event_index);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

/* "GP" and "#GP" are the same exception. */
static bool is_word(const char *name, const char *want) { return !strcmp(name, want) || (*name == '#' && !strcmp(name + 1, want)); }

/* Value of a field of any event, common or of its kind; pushes nothing. False: this kind has no such field. */
static bool field_equals(lua_State *L, const struct event *e, const char *name, int want, bool *equal)
{
    static const char *const common[] = { "id", "cause", "cycle", "insns", "eip", "episode", "cpl" };
    const uint64_t value[] = { e->id, e->cause, e->cycle, e->insns, e->eip, e->episode, e->ring };
    for (unsigned i = 0; i < sizeof common / sizeof common[0]; i++)
        if (!strcmp(common[i], name)) {
            *equal = lua_isinteger(L, want) && (uint64_t)lua_tointeger(L, want) == value[i];
            return true;
        }
    const struct event_field *f = event_find_field(e->kind, name);
    if (!f) return false;
    uint32_t v = event_field(e, f);
    if (lua_type(L, want) == LUA_TSTRING)
        *equal = is_word(f->type ? trace_name(f->type, v) : vector_name((uint8_t)v), lua_tostring(L, want));
    else if (lua_isboolean(L, want)) *equal = (v != 0) == lua_toboolean(L, want);
    else *equal = lua_isinteger(L, want) && lua_tointeger(L, want) == (lua_Integer)v;
    return true;
}

static bool filter_key(lua_State *L, const struct event *e)
{
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    if (!name) luaL_error(L, "a filter of events has field names as keys; write { reason = ... }");
    if (!strcmp(name, "kind")) return !strcmp(event_desc(e->kind)->word, luaL_checkstring(L, -1));
    if (!strcmp(name, "since")) return e->id > (uint64_t)luaL_checkinteger(L, -1);
    bool equal = false;
    return field_equals(L, e, name, lua_gettop(L), &equal) && equal;
}

bool event_matches(lua_State *L, int idx, const struct event *e)
{
    if (lua_isnoneornil(L, idx)) return true;
    idx = lua_absindex(L, idx);
    luaL_checktype(L, idx, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1))
        if (!filter_key(L, e)) {
            lua_pop(L, 2);
            return false;
        }
    return true;
}
