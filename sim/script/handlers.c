/* Students' handlers: vmm.gp(vm, insn) and vmm.page_fault(vm, f) in the submission's file, asked by the real machine. See sim/vmm/policy.h.
 *
 * Idea: `vm` here is a handle on the virtual CPU (handlers_vm.c); whatever it does is charged in simulated cycles by what is done,
 * not by how long Lua takes over it. An error in a handler ends the virtual machine, and is the submission's. */
#include "sim/script/handlers.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/words.h"

/* --- being asked -------------------------------------------------------------------------------------------------- */

/* insn.is "cli" */
static int insn_is(lua_State *L)
{
    lua_pushboolean(L, lua_rawequal(L, 1, lua_upvalueindex(1)));
    return 1;
}

static void set_number(lua_State *L, const char *name, lua_Integer v)
{
    lua_pushinteger(L, v);
    lua_setfield(L, -2, name);
}

static void push_insn(lua_State *L, const struct policy_trap *t)
{
    bool port = !strcmp(t->word, "in") || !strcmp(t->word, "out"), cr = !strcmp(t->word, "mov") && grading_of(L)->now.asked == ASKED_TRAP;
    lua_createtable(L, 0, 8);
    lua_pushstring(L, t->word);
    lua_setfield(L, -2, "mnemonic");
    lua_pushstring(L, t->word);
    lua_pushcclosure(L, insn_is, 1);
    lua_setfield(L, -2, "is");
    set_number(L, "length", t->length);
    if (port) set_number(L, "port", t->port), set_number(L, "size", t->size);
    if (!cr) return;
    set_number(L, "cr", t->cr);
    lua_pushstring(L, handlers_register(t->reg & 7));
    lua_setfield(L, -2, "reg");
    lua_pushboolean(L, t->write);
    lua_setfield(L, -2, "write");
}

static void push_handler(lua_State *L, const char *name)
{
    lua_pushglobaltable(L);
    lua_pushliteral(L, "vmm");
    if (lua_rawget(L, -2) != LUA_TTABLE) luaL_error(L, "%s: vmm is no table any more; leave it, and set its functions", script_of(L)->file);
    lua_pushstring(L, name);
    if (lua_rawget(L, -2) != LUA_TFUNCTION) luaL_error(L, "%s: there is no function vmm.%s in this file", script_of(L)->file, name);
}

static int trap_inside(lua_State *L)
{
    const struct grading *g = lua_touserdata(L, 1);
    push_handler(L, "gp");
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "vmm.vm");
    push_insn(L, &g->now.trap);
    lua_call(L, 2, 0);
    return 0;
}

/* Asks a function of the submission; whatever fails in it is its own. */
static enum policy_answer ask(struct grading *g, int as, lua_CFunction inside)
{
    struct err e = { 0 };
    int before = (int)g->now.asked;
    g->now.asked = (unsigned)as;
    bool ok = !g->now.blame && !before && sandbox_run(&g->submission->box, inside, g, &e);
    g->now.asked = (unsigned)before;
    submission_printed(g);
    if (ok || before) return POLICY_DONE; /* what a handler does is not asked of it again */
    submission_blame(g, &e);
    return POLICY_FAILED;
}

static enum policy_answer on_trap(void *self, const struct policy_trap *t)
{
    struct grading *g = self;
    g->now.trap = *t;
    return ask(g, ASKED_TRAP, trap_inside);
}

static int fault_inside(lua_State *L)
{
    const struct grading *g = lua_touserdata(L, 1);
    push_handler(L, "page_fault");
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "vmm.vm");
    lua_createtable(L, 0, 4);
    set_number(L, "va", g->now.fault.va);
    const struct { const char *name; bool is; } bit[] = { { "write", g->now.fault.write }, { "user", g->now.fault.user }, { "present", g->now.fault.present } };
    for (unsigned i = 0; i < 3; i++) {
        lua_pushboolean(L, bit[i].is);
        lua_setfield(L, -2, bit[i].name);
    }
    lua_call(L, 2, 0);
    return 0;
}

static enum policy_answer on_fault(void *self, const struct policy_fault *f, struct policy_ruling *r)
{
    struct grading *g = self;
    g->now.fault = *f;
    g->now.ruling = *r;
    enum policy_answer a = ask(g, ASKED_FAULT, fault_inside);
    *r = g->now.ruling;
    return a;
}

static int cr3_inside(lua_State *L)
{
    const struct grading *g = lua_touserdata(L, 1);
    push_handler(L, "cr3");
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "vmm.vm");
    lua_pushinteger(L, g->now.fault.va);
    lua_call(L, 2, 0);
    return 0;
}

static enum policy_answer on_cr3(void *self, uint32_t value)
{
    struct grading *g = self;
    g->now.fault = (struct policy_fault){ .va = value };
    return ask(g, ASKED_CR3, cr3_inside);
}

static int stored_inside(lua_State *L)
{
    const struct grading *g = lua_touserdata(L, 1);
    push_handler(L, "stored");
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "vmm.vm");
    lua_pushinteger(L, g->now.fault.va);
    lua_pushinteger(L, g->now.stored);
    lua_call(L, 3, 0);
    return 0;
}

static enum policy_answer on_stored(void *self, uint32_t at, unsigned size)
{
    struct grading *g = self;
    g->now.fault = (struct policy_fault){ .va = at };
    g->now.stored = size;
    return ask(g, ASKED_STORED, stored_inside);
}

static void on_broken(void *self, const char *why)
{
    struct grading *g = self;
    if (!g->now.broken[0]) snprintf(g->now.broken, sizeof g->now.broken, "%s", why);
}

/* --- rules of a translator: bt.rule("popf", function(insn, emit) ... end) ------------------------------------------ */

static struct policy_code *code_at(lua_State *L)
{
    luaL_checkudata(L, 1, "bt.emit");
    struct grading *g = grading_of(L);
    sandbox_charge(L, 20);
    if (!g->now.code) luaL_error(L, "emit can only be used while its rule runs");
    machine_policy_pay(g->tests->machine, POLICY_CALL_EMIT);
    return g->now.code;
}

static int said(lua_State *L, const char *name, const char *no) { return no ? luaL_error(L, "emit:%s: %s", name, no) : 0; }

static int emit_copy(lua_State *L) { return said(L, "copy", policy_emit_copy(code_at(L))); }
static int emit_callout(lua_State *L) { return said(L, "callout", policy_emit_callout(code_at(L))); }
static int emit_done(lua_State *L) { return said(L, "done", policy_emit_done(code_at(L))); }
static int emit_waiting(lua_State *L) { return said(L, "callout_if_waiting", policy_emit_callout_if_waiting(code_at(L))); }
static int emit_save(lua_State *L) { struct policy_code *p = code_at(L); return said(L, "save", policy_emit_save(p, luaL_checkstring(L, 2))); }
static int emit_restore(lua_State *L) { struct policy_code *p = code_at(L); return said(L, "restore", policy_emit_restore(p, luaL_checkstring(L, 2))); }

static int emit_load(lua_State *L)
{
    struct policy_code *p = code_at(L);
    return said(L, "load", policy_emit_load(p, luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
}

static int emit_store(lua_State *L)
{
    struct policy_code *p = code_at(L);
    return said(L, "store", policy_emit_store(p, luaL_checkstring(L, 2), luaL_checkstring(L, 3)));
}

static int emit_set(lua_State *L)
{
    struct policy_code *p = code_at(L);
    if (strcmp(luaL_checkstring(L, 2), "vif") != 0) return luaL_error(L, "emit:set: only \"vif\" can be set");
    lua_Integer v = luaL_checkinteger(L, 3);
    luaL_argcheck(L, v == 0 || v == 1, 3, "0 or 1");
    return said(L, "set", policy_emit_set(p, v != 0));
}

static int emit_callout_if(lua_State *L)
{
    struct policy_code *p = code_at(L);
    return said(L, "callout_if", policy_emit_callout_if(p, luaL_checkstring(L, 2), (uint32_t)luaL_checkinteger(L, 3)));
}

/* emit:bytes "8B 0C 24" */
static int emit_bytes(lua_State *L)
{
    struct policy_code *p = code_at(L);
    uint8_t b[8];
    unsigned n = 0, digits = 0, value = 0;
    for (const char *s = luaL_checkstring(L, 2); ; s++) {
        const char *hex = "0123456789abcdef", *at = *s ? strchr(hex, *s >= 'A' && *s <= 'F' ? *s + 32 : *s) : NULL;
        if (at) value = value << 4 | (unsigned)(at - hex), digits++;
        else if (*s && *s != ' ') return luaL_error(L, "emit:bytes: two hexadecimal digits for each byte, such as \"8B 0C 24\"");
        if (digits == 2 || (!at && digits)) {
            if (digits == 1 || n == sizeof b) return luaL_error(L, "emit:bytes: one instruction at a time, two hexadecimal digits for each byte");
            b[n++] = (uint8_t)value;
            digits = value = 0;
        }
        if (!*s) break;
    }
    return said(L, "bytes", policy_emit_bytes(p, b, n));
}

static const luaL_Reg emit_methods[] = {
    { "copy", emit_copy }, { "callout", emit_callout }, { "save", emit_save }, { "restore", emit_restore }, { "load", emit_load }, { "store", emit_store },
    { "set", emit_set }, { "bytes", emit_bytes }, { "callout_if_waiting", emit_waiting }, { "callout_if", emit_callout_if }, { "done", emit_done },
    { NULL, NULL },
};

unsigned bt_emit_words(const char **words)
{
    unsigned n = 0;
    for (const luaL_Reg *r = emit_methods; r->name; r++) words[n++] = r->name;
    return n;
}

static int emit_index(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2), *words[SCRIPT_WORDS_MOST];
    for (const luaL_Reg *r = emit_methods; r->name; r++)
        if (!strcmp(r->name, name)) return lua_pushcfunction(L, r->func), 1;
    return handlers_unknown(L, "emit", name, words, bt_emit_words(words));
}

static int emit_newindex(lua_State *L) { return luaL_error(L, "emit.%s cannot be set", luaL_checkstring(L, 2)); }

static const char *const taught[] = { "sgdt", "sidt", "sldt", "str", "smsw", "pushf", "popf", "lar", "lsl", "verr", "verw", "push", "mov", "cli", "sti" };

static int bt_rule(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    char maybe[80];
    unsigned i = 0, n = sizeof taught / sizeof *taught;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    while (i < n && strcmp(taught[i], name) != 0) i++;
    if (i == n) return luaL_error(L, "bt.rule: no rule can be made for '%s'%s", name, sandbox_suggest(name, taught, n, maybe, sizeof maybe));
    lua_getfield(L, LUA_REGISTRYINDEX, "bt.rules");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, name);
    return 0;
}

static int rule_inside(lua_State *L)
{
    const struct grading *g = lua_touserdata(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "bt.rules");
    if (lua_getfield(L, -1, g->now.trap.word) != LUA_TFUNCTION) return (void)policy_emit_copy(g->now.code), 0;
    push_insn(L, &g->now.trap);
    set_number(L, "size", g->now.trap.size);
    lua_pushboolean(L, g->now.trap.memory);
    lua_setfield(L, -2, "memory");
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "bt.emit");
    lua_call(L, 2, 0);
    return 0;
}

static bool on_rule(void *self, const struct policy_trap *t, struct policy_code *to)
{
    struct grading *g = self;
    g->now.trap = *t;
    g->now.code = to;
    enum policy_answer a = ask(g, ASKED_RULE, rule_inside);
    g->now.code = NULL;
    return a == POLICY_DONE;
}

/* Which of vmm's functions the submission has, as it stands when the machine is made. */
static int has_inside(lua_State *L)
{
    struct grading *g = lua_touserdata(L, 1);
    static const char *const names[] = { "cr3", "stored" };
    bool *const has[] = { &g->now.has_cr3, &g->now.has_stored };
    lua_pushglobaltable(L);
    lua_pushliteral(L, "vmm");
    if (lua_rawget(L, -2) != LUA_TTABLE) return 0;
    for (unsigned i = 0; i < 2; i++) {
        lua_pushstring(L, names[i]);
        *has[i] = lua_rawget(L, -2) == LUA_TFUNCTION;
        lua_pop(L, 1);
    }
    return 0;
}

bool handlers_attach(struct grading *g, const char *what, struct err *e)
{
    struct err ignored = { 0 };
    g->now.broken[0] = 0;
    g->policy = (struct policy){ .trap = on_trap, .self = g };
    if (!strcmp(what, "page_fault")) {
        g->now.has_cr3 = g->now.has_stored = false;
        (void)sandbox_run(&g->submission->box, has_inside, g, &ignored);
        g->policy = (struct policy){ .fault = on_fault, .cr3 = g->now.has_cr3 ? on_cr3 : NULL, .stored = g->now.has_stored ? on_stored : NULL,
                                     .broken = on_broken, .self = g };
    } else if (!strcmp(what, "rules")) {
        g->policy = (struct policy){ .rule = on_rule, .self = g };
    } else if (strcmp(what, "gp") != 0) return err_set(e, EXIT_INPUT, "answers = \"%s\": gp, page_fault or rules", what);
    return machine_policy(g->tests->machine, &g->policy, e);
}

void handlers_open(lua_State *L)
{
    handlers_vm_open(L);
    handlers_type(L, "bt.emit", emit_index, emit_newindex);
    lua_newtable(L);
    lua_setglobal(L, "vmm");
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "bt.rules");
    lua_newtable(L);
    lua_pushcfunction(L, bt_rule);
    lua_setfield(L, -2, "rule");
    lua_setglobal(L, "bt");
}
