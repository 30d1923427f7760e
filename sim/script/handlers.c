/* Students' handlers of what traps: vmm.gp(vm, insn) in the submission's file, asked by the real machine. See sim/vmm/policy.h.
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

static uint32_t word(lua_State *L, int idx)
{
    return (uint32_t)luaL_checkinteger(L, idx);
}

/* --- methods ------------------------------------------------------------------------------------------------------ */

static int vm_skip(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    struct grading *g = grading_of(L);
    if (g->now.asked != 1) return luaL_error(L, "vm:skip: there is no instruction to skip in a page fault; the guest tries it again by itself");
    machine_policy_skip(m, &g->now.trap);
    return 0;
}

static int vm_inject(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
    int vector = lua_isinteger(L, 2) ? (int)lua_tointeger(L, 2) : till_trap_vector(luaL_checkstring(L, 2));
    if (vector < 0 || vector > 31) return luaL_error(L, "vm:inject: there is no exception '%s'; \"GP\", \"UD\", \"PF\", ...", lua_tostring(L, 2));
    bool has_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
    machine_policy_inject(m, (uint8_t)vector, has_code, (uint32_t)luaL_optinteger(L, 3, 0), (uint32_t)luaL_optinteger(L, 4, 0));
    return 0;
}

static int vm_halt(lua_State *L)
{
    machine_policy_halt(machine_at(L, "vmm.vm"));
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
    struct machine *m = machine_at(L, "vmm.vm");
    lua_pushinteger(L, machine_policy_in(m, port_at(L, 2), size_at(L, 3)));
    return 1;
}

static int vm_port_out(lua_State *L)
{
    struct machine *m = machine_at(L, "vmm.vm");
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

static const luaL_Reg methods[] = {
    { "skip", vm_skip }, { "inject", vm_inject }, { "halt", vm_halt }, { "port_in", vm_port_in }, { "port_out", vm_port_out }, { "read", vm_read },
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
    struct machine *m = machine_at(L, "vmm.vm");
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
    struct machine *m = machine_at(L, "vmm.guest");
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
    bool port = !strcmp(t->word, "in") || !strcmp(t->word, "out"), cr = !strcmp(t->word, "mov");
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

static enum policy_answer on_trap(void *self, const struct policy_trap *t)
{
    struct grading *g = self;
    struct err e = { 0 };
    g->now.trap = *t;
    g->now.asked = 1;
    bool ok = !g->now.blame && sandbox_run(&g->submission->box, trap_inside, g, &e);
    g->now.asked = 0;
    submission_printed(g);
    if (ok) return POLICY_DONE;
    submission_blame(g, &e);
    return POLICY_FAILED;
}

bool handlers_attach(struct grading *g, struct err *e)
{
    g->policy = (struct policy){ .trap = on_trap, .self = g };
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
    lua_newtable(L);
    lua_setglobal(L, "vmm");
}
