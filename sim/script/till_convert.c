/* From a till table to a struct till, with the machine that knows the names. See till.h.
 *
 * Complaints carry the place where the condition was written, not the place where it is used. */
#include "sim/script/till.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/event.h"
#include "sim/script/script.h"

enum { DEPTH = 6, WORDS = 256 };

struct conversion {
    lua_State *L;
    const struct machine *m;
    struct till_set *set;
    int depth;
};

static struct till *node(struct conversion *c)
{
    if (c->set->used == TILL_NODES) luaL_error(c->L, "a condition has more than %d parts; use fewer", TILL_NODES);
    struct till *t = &c->set->node[c->set->used++];
    memset(t, 0, sizeof *t);
    return t;
}

/* An error at the place of the table on top of the stack. */
static void complain(struct conversion *c, int idx, const char *what, const char *name, const char *near)
{
    char where[100];
    till_where(c->L, idx, where, sizeof where);
    lua_pushfstring(c->L, "%s: there is no %s '%s'", where, what, name);
    if (near && *near) lua_pushfstring(c->L, " (did you mean '%s'?)", near);
    else
        lua_pushstring(c->L, strcmp(what, "label") ? "; docs/lua.md says where the words are listed"
                                                   : "; nm lists the labels of a guest image");
    lua_concat(c->L, 2);
    lua_error(c->L);
}

/* The enumerator of `type` called `word`, or a complaint. */
static uint32_t enumerator(struct conversion *c, int idx, const char *type, const char *what, const char *word)
{
    int v = event_enum(type, word);
    if (v >= 0) return (uint32_t)v;
    const char *words[WORDS];
    unsigned n = event_words(type, words, WORDS);
    complain(c, idx, what, word, config_suggest(word, words, n));
    return 0;
}

static void event_field_is(struct till *t, unsigned kind, const char *field, uint64_t value)
{
    const struct event_desc *d = event_desc(kind);
    t->masked = true;
    t->field = (uint8_t)(event_find_field(kind, field) - d->field);
    t->value = value;
}

static void of_kind(struct till *t, unsigned kind)
{
    t->kind = TILL_EVENT;
    t->a = kind;
}

static void trap(struct conversion *c, struct till *t, int idx)
{
    (void)idx;
    lua_State *L = c->L;
    if (lua_isnil(L, -1)) {
        of_kind(t, EV_FAULT);
        return;
    }
    if (lua_type(L, -1) == LUA_TSTRING && !strcmp(lua_tostring(L, -1), "IRQ")) {
        of_kind(t, EV_IRQ);
        return;
    }
    lua_Integer v = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : till_trap_vector(lua_tostring(L, -1));
    of_kind(t, v < 32 ? EV_FAULT : EV_INT); /* exceptions are 0 to 31; the rest are software interrupts here */
    event_field_is(t, t->a, "vector", (uint64_t)v);
}

static void leaving(struct conversion *c, struct till *t, int idx)
{
    of_kind(t, EV_EXIT);
    if (lua_isnil(c->L, -1)) return;
    event_field_is(t, EV_EXIT, "reason", enumerator(c, idx, "exit", "exit reason", lua_tostring(c->L, -1)));
}

static void silent(struct conversion *c, struct till *t, int idx)
{
    of_kind(t, EV_SILENT);
    if (lua_isnil(c->L, -1)) return;
    event_field_is(t, EV_SILENT, "op", enumerator(c, idx, "mnemonic", "instruction", lua_tostring(c->L, -1)));
}

static void any_event(struct conversion *c, struct till *t, int idx)
{
    lua_State *L = c->L;
    unsigned kind = event_check_kind(L, lua_tostring(L, -1));
    of_kind(t, kind);
    lua_getfield(L, idx, "fields");
    lua_pushnil(L);
    if (lua_istable(L, -2) && lua_next(L, -2)) {
        const struct event_field *f = event_find_field(kind, lua_tostring(L, -2));
        uint64_t v;
        if (lua_type(L, -1) != LUA_TSTRING)
            v = (uint64_t)(lua_isboolean(L, -1) ? lua_toboolean(L, -1) : lua_tointeger(L, -1));
        else if (f->type) v = enumerator(c, idx, f->type, f->name, lua_tostring(L, -1));
        else v = (uint64_t)till_trap_vector(lua_tostring(L, -1));
        event_field_is(t, kind, f->name, v);
    }
    lua_settop(L, idx + 1);
}

static uint32_t address(struct conversion *c, int idx)
{
    lua_State *L = c->L;
    if (lua_isinteger(L, -1)) return (uint32_t)lua_tointeger(L, -1);
    uint32_t at = 0;
    const char *name = lua_tostring(L, -1);
    if (!machine_find_symbol(c->m, name, &at)) complain(c, idx, "label", name, machine_suggest_symbol(c->m, name));
    return at;
}

static void label(struct conversion *c, struct till *t, int idx)
{
    t->kind = TILL_LABEL;
    t->a = address(c, idx);
}

static void write(struct conversion *c, struct till *t, int idx)
{
    t->kind = TILL_WRITE;
    t->a = address(c, idx);
}

static void insn(struct conversion *c, struct till *t, int idx)
{
    const char *word = lua_tostring(c->L, -1);
    int id = machine_mnemonic(word);
    t->kind = TILL_INSN;
    t->a = id >= 0 ? (uint32_t)id : enumerator(c, idx, "mnemonic", "instruction", word);
}

static void number(struct conversion *c, struct till *t, int idx)
{
    (void)idx;
    t->value = (uint64_t)lua_tointeger(c->L, -1);
    t->a = (uint32_t)t->value;
}

static void nothing(struct conversion *c, struct till *t, int idx) { (void)c, (void)t, (void)idx; }

static void convert(struct conversion *c, struct till *t, int idx);

static void parts(struct conversion *c, struct till *t, int idx)
{
    lua_State *L = c->L;
    if (++c->depth > DEPTH) luaL_error(L, "conditions within conditions, more than %d deep; use fewer", DEPTH);
    lua_getfield(L, idx, "parts");
    unsigned n = (unsigned)luaL_len(L, -1);
    if (n > TILL_NODES - c->set->used) luaL_error(L, "a condition has more than %d parts; use fewer", TILL_NODES);
    struct till *first = &c->set->node[c->set->used]; /* the parts must lie side by side */
    for (unsigned i = 0; i < n; i++) node(c);
    t->sub = first;
    t->subs = n;
    int list = lua_gettop(L);
    for (unsigned i = 0; i < n; i++) {
        lua_geti(L, list, (lua_Integer)i + 1);
        convert(c, &first[i], lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    c->depth--;
}

static const struct {
    const char *word;
    uint8_t kind; /* enum till_kind; the function may set another */
    void (*fill)(struct conversion *c, struct till *t, int idx); /* the value of the field `name` lies on top */
} kinds[] = {
    { "trap", TILL_EVENT, trap },      { "exit", TILL_EVENT, leaving },   { "event", TILL_EVENT, any_event },
    { "silent", TILL_EVENT, silent },  { "label", TILL_LABEL, label },    { "write", TILL_WRITE, write },
    { "insn", TILL_INSN, insn },       { "ring", TILL_RING, number },     { "cycles", TILL_CYCLES, number },
    { "insns", TILL_INSNS, number },   { "guest", TILL_GUEST, nothing },  { "stop", TILL_NEVER, nothing },
    { "any", TILL_ANY, parts },        { "all", TILL_ALL, parts },
};

static void convert(struct conversion *c, struct till *t, int idx)
{
    lua_State *L = c->L;
    luaL_checkstack(L, 8, "condition too deep");
    if (!till_is(L, idx))
        luaL_error(L, "expected a condition such as till.label \"kmain\", got a %s", luaL_typename(L, idx));
    lua_getfield(L, idx, "kind");
    const char *word = lua_tostring(L, -1);
    size_t k = 0;
    while (k < sizeof kinds / sizeof kinds[0] && (!word || strcmp(kinds[k].word, word) != 0)) k++;
    if (k == sizeof kinds / sizeof kinds[0])
        luaL_error(L, "this condition has been changed by hand; make it with till.*");
    t->kind = kinds[k].kind;
    lua_settop(L, idx);
    lua_getfield(L, idx, "name");
    kinds[k].fill(c, t, idx);
    lua_settop(L, idx);
}

const struct till *till_convert(lua_State *L, int idx, const struct machine *m, struct till_set *set)
{
    set->used = 0;
    struct conversion c = { L, m, set, 0 };
    lua_pushvalue(L, idx);
    struct till *t = node(&c);
    convert(&c, t, lua_gettop(L));
    lua_pop(L, 1);
    return t;
}
