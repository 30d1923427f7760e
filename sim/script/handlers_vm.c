/* What a student's handler is given as `vm`: a handle on the virtual CPU. See handlers.c, sim/vmm/policy.h.
 *
 * Idea: it is valid only while the handler runs (a handle that was kept says so), and whatever it does is charged in simulated
 * cycles by what is done. What changes the virtual CPU is for instructions that trapped, what changes shadow tables for page faults. */
#include "sim/script/handlers.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/till.h"
#include "sim/script/words.h"

static const char *const reg_words[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags" };
enum { REGS = sizeof reg_words / sizeof *reg_words, SETTABLE = 8 };
const char *handlers_register(unsigned n) { return reg_words[n]; }

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

int handlers_unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n)
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
    return handlers_unknown(L, "vm", name, words, vmm_vm_words(words));
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
    else return handlers_unknown(L, "vm.guest", name, words, vmm_guest_words(words));
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
    } else return handlers_unknown(L, "vm.guest", name, words, vmm_guest_words(words));
    return 0;
}

void handlers_type(lua_State *L, const char *name, lua_CFunction index, lua_CFunction newindex)
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

void handlers_vm_open(lua_State *L)
{
    handlers_type(L, "vmm.vm", vm_index, vm_newindex);
    handlers_type(L, "vmm.guest", guest_index, guest_newindex);
}
