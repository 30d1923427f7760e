/* Students' handlers: vmm.gp(vm, insn) and vmm.page_fault(vm, f) in the submission's file, asked by the real machine. See sim/vmm/policy.h.
 *
 * Idea: `vm` here is a handle on the virtual CPU that is valid only while the handler runs; whatever it does is charged in simulated
 * cycles by what is done, not by how long Lua takes over it. An error in a handler ends the virtual machine, and is the submission's. */
#include "sim/script/grading.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/till.h"
#include "sim/script/words.h"

static const char *const reg_words[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags" };
enum { REGS = sizeof reg_words / sizeof *reg_words, SETTABLE = 8 };

static struct machine *machine_at(lua_State *L, const char *type)
{
    luaL_checkudata(L, 1, type);
    struct grading *g = grading_of(L);
    sandbox_charge(L, 20);
    if (!g->now.asked) luaL_error(L, "this vm can only be used while a handler runs");
    return g->tests->machine;
}

/* What changes the virtual CPU: for the instruction that trapped. A page fault has other answers. */
static struct machine *machine_in_trap(lua_State *L, const char *type, const char *what)
{
    struct machine *m = machine_at(L, type);
    if (grading_of(L)->now.asked != ASKED_TRAP) luaL_error(L, "%s: not in a page fault; the lab's README lists what there is", what);
    return m;
}

static struct machine *machine_in_fault(lua_State *L, const char *what)
{
    struct machine *m = machine_at(L, "vmm.vm");
    if (grading_of(L)->now.asked == ASKED_TRAP) luaL_error(L, "%s is for page faults; the lab's README lists what there is", what);
    return m;
}

static uint32_t word(lua_State *L, int idx)
{
    return (uint32_t)luaL_checkinteger(L, idx);
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static int vm_skip(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    struct grading *g = grading_of(L);
    if (g->now.asked != ASKED_TRAP) return luaL_error(L, "vm:skip: there is no instruction to skip in a page fault; the guest tries it again by itself");
    machine_policy_skip(m, &g->now.trap);
    return 0;
}

static int vm_inject(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    int vector = lua_isinteger(L, 2) ? (int)lua_tointeger(L, 2) : till_trap_vector(luaL_checkstring(L, 2));
    if (vector < 0 || vector > 31) return luaL_error(L, "vm:inject: there is no exception '%s'; \"GP\", \"UD\", \"PF\", ...", lua_tostring(L, 2));
    struct grading *g = grading_of(L);
    if (g->now.asked == ASKED_FAULT) {
        if (vector != 14) return luaL_error(L, "vm:inject: a page fault of the guest's own is \"PF\"");
        machine_policy_pay(m, POLICY_CALL_INJECT);
        g->now.ruling = (struct policy_ruling){ POLICY_REFLECT, 14, (uint32_t)luaL_checkinteger(L, 3) & 7, (uint32_t)luaL_optinteger(L, 4, g->now.fault.va) };
        return 0;
    }
    if (g->now.asked != ASKED_TRAP) return luaL_error(L, "vm:inject: nothing faults here");
    bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    machine_policy_inject(m, (uint8_t)vector, has_code, (uint32_t)luaL_optinteger(L, 3, 0), (uint32_t)luaL_optinteger(L, 4, 0));
    return 0;
}

static int vm_halt(lua_State *L)
{
    machine_policy_halt(machine_in_trap(L, "vmm.vm", "vm:halt"));
    return 0;
}

static unsigned size_at(lua_State *L, int idx)
{
    lua_Integer n = luaL_checkinteger(L, idx);
    luaL_argcheck(L, n == 1 || n == 2 || n == 4, idx, "a size of 1, 2 or 4 bytes");
    return (unsigned)n;
}

static uint16_t port_at(lua_State *L, int idx)
{
    lua_Integer n = luaL_checkinteger(L, idx);
    luaL_argcheck(L, n >= 0 && n <= 0xFFFF, idx, "a port from 0 to 0xFFFF");
    return (uint16_t)n;
}

static int vm_port_in(lua_State *L)
{
    struct machine *m = machine_in_trap(L, "vmm.vm", "vm:port_in");
    lua_pushinteger(L, machine_policy_in(m, port_at(L, 2), size_at(L, 3)));
    return 1;
}

static int vm_port_out(lua_State *L)
{
    struct machine *m = machine_in_trap(L, "vmm.vm", "vm:port_out");
    machine_policy_out(m, port_at(L, 2), size_at(L, 3), word(L, 4));
    return 0;
}

static int vm_read(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    uint32_t v;
    if (machine_policy_read(m, word(L, 2), size_at(L, 3), &v)) lua_pushinteger(L, v);
    else lua_pushnil(L);
    return 1;
}

/* --- methods for page faults -------------------------------------------------------------------------------------- */

static int vm_table(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:table");
    uint32_t entry;
    if (machine_policy_table(m, word(L, 2), &entry)) lua_pushinteger(L, entry);
    else lua_pushnil(L);
    return 1;
}

/* vm:mark(address, "accessed"), vm:mark(address, "dirty"): dirty is accessed, too. */
static int vm_mark(lua_State *L)
{
    static const char *const bits[] = { "accessed", "dirty", NULL };
    struct machine *m = machine_in_fault(L, "vm:mark");
    int bit = luaL_checkoption(L, 3, NULL, bits);
    if (!machine_policy_mark(m, word(L, 2), true, bit == 1))
        return luaL_error(L, "vm:mark: there is no entry of the guest's page tables at physical %I", luaL_checkinteger(L, 2));
    return 0;
}

static int vm_p2m(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:p2m");
    uint32_t frame;
    if (machine_policy_p2m(m, word(L, 2), &frame)) lua_pushinteger(L, frame);
    else lua_pushnil(L);
    return 1;
}

static bool right(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, 4);
    bool on = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return on;
}

static int vm_shadow_map(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:shadow_map");
    uint32_t va = word(L, 2), frame = word(L, 3);
    bool traced;
    lua_settop(L, 4);
    if (lua_isnil(L, 4)) lua_newtable(L), lua_replace(L, 4);
    luaL_checktype(L, 4, LUA_TTABLE);
    if (!machine_policy_map(m, va, frame, right(L, "write"), right(L, "user"), &traced))
        return luaL_error(L, "vm:shadow_map: machine frame %I is not this guest's; vm:p2m says which are", luaL_checkinteger(L, 3));
    lua_pushboolean(L, !traced);
    return 1;
}

static int vm_shadow_unmap(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:shadow_unmap");
    lua_Integer space = luaL_optinteger(L, 3, -1);
    luaL_argcheck(L, space >= -1 && space < 16, 3, "a space from 0 to 15");
    machine_policy_unmap(m, word(L, 2), (int)space);
    return 0;
}

static int vm_shadow_space(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:shadow_space");
    lua_Integer n = luaL_checkinteger(L, 2);
    if (grading_of(L)->now.asked != ASKED_CR3) return luaL_error(L, "vm:shadow_space: only in vmm.cr3, for the directory that is being loaded");
    luaL_argcheck(L, n >= 0 && n < 16, 2, "a space from 0 to 15");
    machine_policy_space(m, (uint8_t)n);
    return 0;
}

static int vm_shadow_flush(lua_State *L)
{
    machine_policy_flush(machine_in_fault(L, "vm:shadow_flush"));
    return 0;
}

static int vm_trace(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:trace");
    bool on = lua_isnone(L, 3) || lua_toboolean(L, 3);
    if (!machine_policy_trace(m, word(L, 2), on)) return luaL_error(L, "vm:trace: guest page %I is no RAM", luaL_checkinteger(L, 2));
    return 0;
}

static int vm_emulate(lua_State *L)
{
    struct machine *m = machine_in_fault(L, "vm:emulate");
    struct grading *g = grading_of(L);
    if (g->now.asked != ASKED_FAULT) return luaL_error(L, "vm:emulate: only in vmm.page_fault");
    if (!machine_policy_emulate(m, g->now.fault.va, g->now.fault.write)) /* which is charged when it runs */
        return luaL_error(L, "vm:emulate: only where no memory is, and for stores to a traced page; else a shadow entry, or vm:inject");
    g->now.ruling = (struct policy_ruling){ .verdict = POLICY_EMULATE };
    return 0;
}

static const luaL_Reg methods[] = {
    { "skip", vm_skip }, { "inject", vm_inject }, { "halt", vm_halt }, { "port_in", vm_port_in }, { "port_out", vm_port_out }, { "read", vm_read },
    { "table", vm_table }, { "mark", vm_mark }, { "p2m", vm_p2m }, { "shadow_map", vm_shadow_map }, { "shadow_unmap", vm_shadow_unmap },
    { "shadow_space", vm_shadow_space }, { "shadow_flush", vm_shadow_flush }, { "trace", vm_trace }, { "emulate", vm_emulate },
    { NULL, NULL },
};

/* --- fields ------------------------------------------------------------------------------------------------------- */

static int unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n)
{
    char maybe[80];
    sandbox_suggest(name, words, n, maybe, sizeof maybe);
    return luaL_error(L, "%s has no '%s'%s%s", type, name, maybe, *maybe ? "" : "; the lab's README lists what it has");
}

unsigned vmm_vm_words(const char **words)
{
    unsigned n = 0;
    for (; n < REGS; n++) words[n] = reg_words[n];
    for (const luaL_Reg *r = methods; r->name; r++) words[n++] = r->name;
    words[n++] = "ring", words[n++] = "iopl", words[n++] = "guest";
    return n;
}

unsigned vmm_guest_words(const char **words)
{
    static const char *const own[] = { "vIF", "cr0", "cr2", "cr3", "cr4" };
    for (unsigned i = 0; i < 5; i++) words[i] = own[i];
    return 5;
}

static int vm_index(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    const char *name = luaL_checkstring(L, 2), *words[SCRIPT_WORDS_MOST];
    for (unsigned i = 0; i < REGS; i++)
        if (!strcmp(reg_words[i], name)) return lua_pushinteger(L, machine_policy_reg(m, i)), 1;
    for (const luaL_Reg *r = methods; r->name; r++)
        if (!strcmp(r->name, name)) return lua_pushcfunction(L, r->func), 1;
    if (!strcmp(name, "ring")) return lua_pushinteger(L, machine_policy_ring(m)), 1;
    if (!strcmp(name, "iopl")) return lua_pushinteger(L, machine_policy_reg(m, 9) >> 12 & 3), 1;
    if (!strcmp(name, "guest")) {
        lua_newuserdatauv(L, 1, 0);
        luaL_setmetatable(L, "vmm.guest");
        return 1;
    }
    return unknown(L, "vm", name, words, vmm_vm_words(words));
}

static int vm_newindex(lua_State *L)
{
    struct machine *m = machine_in_trap(L, "vmm.vm", "setting a register");
    const char *name = luaL_checkstring(L, 2);
    for (unsigned i = 0; i < SETTABLE; i++)
        if (!strcmp(reg_words[i], name)) return machine_policy_set_reg(m, i, word(L, 3)), 0;
    return luaL_error(L, "vm.%s cannot be set; general registers such as vm.eax can", name);
}

static int find_cr(const char *name) { return name[0] == 'c' && name[1] == 'r' && strchr("0234", name[2]) && name[2] && !name[3] ? name[2] - '0' : -1; }

static int guest_index(lua_State *L)
{
    const char *words[SCRIPT_WORDS_MOST];
    struct machine *m = machine_at(L, "vmm.guest");
    const char *name = luaL_checkstring(L, 2);
    int cr = find_cr(name);
    if (cr >= 0) lua_pushinteger(L, machine_policy_cr(m, (unsigned)cr));
    else if (!strcmp(name, "vIF")) lua_pushinteger(L, machine_policy_reg(m, 9) >> 9 & 1);
    else return unknown(L, "vm.guest", name, words, vmm_guest_words(words));
    return 1;
}

static int guest_newindex(lua_State *L)
{
    const char *words[SCRIPT_WORDS_MOST];
    struct machine *m = machine_in_trap(L, "vmm.guest", "setting vm.guest");
    const char *name = luaL_checkstring(L, 2);
    int cr = find_cr(name);
    if (cr >= 0) {
        if (!machine_policy_set_cr(m, (unsigned)cr, word(L, 3))) return luaL_error(L, "vm.guest.%s cannot be %I: real hardware raises #GP for that", name, luaL_checkinteger(L, 3));
    } else if (!strcmp(name, "vIF")) {
        lua_Integer v = lua_isboolean(L, 3) ? lua_toboolean(L, 3) : luaL_checkinteger(L, 3);
        luaL_argcheck(L, v == 0 || v == 1, 3, "vIF is 0 or 1");
        machine_policy_set_if(m, v != 0);
    } else return unknown(L, "vm.guest", name, words, vmm_guest_words(words));
    return 0;
}

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
    lua_pushstring(L, reg_words[t->reg & 7]);
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
    return said(L, "callout_if", policy_emit_callout_if(p, luaL_checkstring(L, 2), word(L, 3)));
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
    return unknown(L, "emit", name, words, bt_emit_words(words));
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

static void type(lua_State *L, const char *name, lua_CFunction index, lua_CFunction newindex)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void handlers_open(lua_State *L)
{
    type(L, "vmm.vm", vm_index, vm_newindex);
    type(L, "vmm.guest", guest_index, guest_newindex);
    type(L, "bt.emit", emit_index, emit_newindex);
    lua_newtable(L);
    lua_setglobal(L, "vmm");
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "bt.rules");
    lua_newtable(L);
    lua_pushcfunction(L, bt_rule);
    lua_setfield(L, -2, "rule");
    lua_setglobal(L, "bt");
}
