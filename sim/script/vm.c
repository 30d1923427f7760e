/* The machine handle's fields: vm.eax, vm.flags.IF, vm.guest.vIF, vm.costs.walk, vm.exits.total ...
 *
 * Idea: registers are rows of tables over struct machine_cpu; a handle is one C object with several faces (types),
 * each an index function over such tables. Reading never changes the machine; setting a register changes its past
 * (machine_set_reg). The methods are in vm_call.c. */
#include "sim/script/vm.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>
#include "sim/script/event.h"
#include "sim/script/handle.h"
#include "sim/script/words.h"

#define CPU_ROW(name, field, bytes, about) { name, offsetof(struct machine_cpu, field), bytes, (bytes) * 8, about }
static const struct reg_desc cpu_rows[] = {
    CPU_ROW("eax", reg[0], 4, ""),
    CPU_ROW("ecx", reg[1], 4, ""),
    CPU_ROW("edx", reg[2], 4, ""),
    CPU_ROW("ebx", reg[3], 4, ""),
    CPU_ROW("esp", reg[4], 4, ""),
    CPU_ROW("ebp", reg[5], 4, ""),
    CPU_ROW("esi", reg[6], 4, ""),
    CPU_ROW("edi", reg[7], 4, ""),
    CPU_ROW("eip", eip, 4, ""),
    CPU_ROW("eflags", eflags, 4, ""),
    CPU_ROW("cr0", cr0, 4, ""),
    CPU_ROW("cr2", cr2, 4, ""),
    CPU_ROW("cr3", cr3, 4, ""),
    CPU_ROW("cr4", cr4, 4, ""),
    CPU_ROW("cpl", cpl, 1, "current privilege level"),
    CPU_ROW("iopl", iopl, 1, ""),
    CPU_ROW("es", seg[0].sel, 2, ""),
    CPU_ROW("cs", seg[1].sel, 2, ""),
    CPU_ROW("ss", seg[2].sel, 2, ""),
    CPU_ROW("ds", seg[3].sel, 2, ""),
    CPU_ROW("fs", seg[4].sel, 2, ""),
    CPU_ROW("gs", seg[5].sel, 2, ""),
    CPU_ROW("ldtr", ldtr, 2, ""),
    CPU_ROW("tr", tr, 2, ""),
    CPU_ROW("gdt_base", gdt_base, 4, ""),
    CPU_ROW("gdt_limit", gdt_limit, 2, ""),
    CPU_ROW("idt_base", idt_base, 4, ""),
    CPU_ROW("idt_limit", idt_limit, 2, ""),
    { NULL, 0, 0, 0, NULL },
};

/* EFLAGS by name. SDM vol. 1 fig. 3-8. */
static const struct { const char *name; uint8_t shift, bits;
} flag_rows[] = {
    { "CF", 0, 1 },  { "PF", 2, 1 },  { "AF", 4, 1 },   { "ZF", 6, 1 },    { "SF", 7, 1 },  { "TF", 8, 1 },
    { "IF", 9, 1 },  { "DF", 10, 1 }, { "OF", 11, 1 },  { "IOPL", 12, 2 }, { "NT", 14, 1 }, { "RF", 16, 1 },
    { "VM", 17, 1 }, { "AC", 18, 1 }, { "VIF", 19, 1 }, { "VIP", 20, 1 },  { "ID", 21, 1 },
};
enum { FLAGS = sizeof flag_rows / sizeof flag_rows[0] };

enum { FIELD_COST = 30 }; /* Lua instructions that finding a field is worth */

static const struct machine *machine_at(lua_State *L, const char *type)
{
    handle_check(L, 1, type);
    sandbox_charge(L, FIELD_COST);
    return script_machine(L);
}

int vm_unknown(lua_State *L, const char *type, const char *name, const char *const *words, unsigned n)
{
    char maybe[80];
    sandbox_suggest(name, words, n, maybe, sizeof maybe);
    return luaL_error(L, "%s has no '%s'%s%s", type, name, maybe, *maybe ? "" : "; docs/lua.md lists what it has");
}

static unsigned row_names(const char **words)
{
    unsigned n = 0;
    for (; cpu_rows[n].name; n++) words[n] = cpu_rows[n].name;
    return n;
}

/* --- flags ------------------------------------------------------------------------------------------------------ */

static int find_flag(const char *name)
{
    for (int i = 0; i < FLAGS; i++)
        if (!strcmp(flag_rows[i].name, name)) return i;
    return -1;
}

static int need_flag(lua_State *L, const char *type)
{
    const char *name = luaL_checkstring(L, 2), *words[FLAGS];
    int i = find_flag(name);
    if (i >= 0) return i;
    for (int k = 0; k < FLAGS; k++) words[k] = flag_rows[k].name;
    vm_unknown(L, type, name, words, FLAGS);
    return 0;
}

static void push_flag(lua_State *L, uint32_t eflags, int i)
{
    lua_pushinteger(L, (eflags >> flag_rows[i].shift) & ((1u << flag_rows[i].bits) - 1));
}

static int flags_index(lua_State *L)
{
    struct machine_cpu cpu;
    machine_cpu(machine_at(L, "vm.flags"), &cpu);
    push_flag(L, cpu.eflags, need_flag(L, "vm.flags"));
    return 1;
}

static int flags_newindex(lua_State *L)
{
    struct machine_cpu cpu;
    machine_cpu(machine_at(L, "vm.flags"), &cpu);
    int i = need_flag(L, "vm.flags");
    uint32_t mask = ((1u << flag_rows[i].bits) - 1) << flag_rows[i].shift, v = (uint32_t)luaL_checkinteger(L, 3)
                                                                               << flag_rows[i].shift;
    if (v & ~mask)
        return luaL_error(L, "vm.flags.%s holds %d bit%s; the value does not fit", flag_rows[i].name, flag_rows[i].bits,
                          flag_rows[i].bits > 1 ? "s" : "");
    machine_set_reg(script_machine(L), "eflags", (cpu.eflags & ~mask) | v);
    return 0;
}

static int guest_flags_index(lua_State *L)
{
    struct machine_cpu cpu;
    machine_guest(machine_at(L, "vm.guest.flags"), &cpu);
    push_flag(L, cpu.eflags, need_flag(L, "vm.guest.flags"));
    return 1;
}

/* --- what the guest believes ------------------------------------------------------------------------------------ */

static int guest_index(lua_State *L)
{
    struct machine_cpu cpu;
    machine_guest(machine_at(L, "vm.guest"), &cpu);
    const char *name = luaL_checkstring(L, 2), *words[64];
    const struct reg_desc *r = reg_find(cpu_rows, name);
    if (r) lua_pushinteger(L, (lua_Integer)reg_read(r, &cpu));
    else if (!strcmp(name, "vIF") || !strcmp(name, "IF")) lua_pushinteger(L, cpu.iflag);
    else if (!strcmp(name, "halted")) lua_pushboolean(L, cpu.halted);
    else if (!strcmp(name, "flags")) handle_push(L, "vm.guest.flags", script_of(L));
    else return vm_unknown(L, "vm.guest", name, words, vm_guest_words(words));
    return 1;
}

/* --- counters --------------------------------------------------------------------------------------------------- */

static int costs_index(lua_State *L)
{
    struct machine_summary s;
    const char *name = luaL_checkstring(L, 2), *words[CAUSE_COUNT];
    machine_summary(machine_at(L, "vm.costs"), &s);
    for (unsigned i = 0; i < CAUSE_COUNT; i++) {
        words[i] = cause_name(i);
        if (strcmp(words[i], name) != 0) continue;
        lua_pushinteger(L, (lua_Integer)s.by_cause[i]);
        return 1;
    }
    return vm_unknown(L, "vm.costs", name, words, CAUSE_COUNT);
}

static int exits_index(lua_State *L)
{
    struct machine_summary s;
    const char *name = luaL_checkstring(L, 2), *words[64];
    machine_summary(machine_at(L, "vm.exits"), &s);
    uint64_t n = 0;
    if (!strcmp(name, "total")) n = s.exits;
    else if (event_enum("exit", name) < 0)
        return vm_unknown(L, "vm.exits", name, words, event_words("exit", words, 64));
    for (unsigned i = 0; i < s.reasons; i++)
        if (!strcmp(s.reason[i].name, name)) n = s.reason[i].count;
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

static int shadow_index(lua_State *L)
{
    static const char *const words[] = { "hidden", "true", "traced", "filled", "eager", "tables", "peak", "pool", "evicted", "released", "switches",
                                         "nested", "renewed", "own", "own_peak", "unhooked", "rehooked" };
    struct machine_summary s;
    const char *name = luaL_checkstring(L, 2);
    machine_summary(machine_at(L, "vm.shadow"), &s);
    const uint64_t value[] = { s.shadow.hidden, s.shadow.true_, s.shadow.traced, s.shadow.filled, s.shadow.eager, s.shadow.tables,
                               s.shadow.peak, s.shadow.pool, s.shadow.evicted, s.shadow.released, s.shadow.switches, s.shadow.nested, s.shadow.renewed,
                               s.shadow.own, s.shadow.own_peak, s.shadow.unhooked, s.shadow.rehooked };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(words[i], name)) {
            lua_pushinteger(L, (lua_Integer)value[i]);
            return 1;
        }
    return vm_unknown(L, "vm.shadow", name, words, sizeof words / sizeof words[0]);
}

static int memory_index(lua_State *L)
{
    static const char *const words[] = { "frames", "free", "least", "shared", "saved", "scanned", "compared", "scrubbed" };
    struct machine_memory y;
    const char *name = luaL_checkstring(L, 2);
    machine_memory(machine_at(L, "vm.memory"), &y);
    const uint64_t value[] = { y.frames, y.free, y.least_free, y.shared, y.saved, y.scanned, y.compared, y.scrubbed };
    if (!strcmp(name, "state")) return lua_pushstring(L, y.state), 1;
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(words[i], name)) return lua_pushinteger(L, (lua_Integer)value[i]), 1;
    return vm_unknown(L, "vm.memory", name, words, sizeof words / sizeof words[0]);
}

/* How devices were reached, in figures; way is a word. */
static int io_index(lua_State *L)
{
    static const char *const words[] = { "way", "commands", "interrupts", "accesses", "requests", "real_interrupts", "sectors", "copies", "waited",
                                         "handed_on", "exitless", "refused", "faults", "stored", "stray", "frames" };
    const struct machine *m = machine_at(L, "vm.io");
    struct machine_io io;
    const char *name = luaL_checkstring(L, 2);
    machine_io(m, &io);
    const uint64_t value[] = { 0, io.commands, io.interrupts, io.accesses, io.requests, io.real_interrupts, io.sectors, io.copies, io.waited,
                               io.handed_on, io.exitless, io.refused, io.faults, io.stored, io.stray, machine_frames(m) };
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(words[i], name)) {
            if (i) lua_pushinteger(L, (lua_Integer)value[i]);
            else lua_pushstring(L, io.way);
            return 1;
        }
    return vm_unknown(L, "vm.io", name, words, sizeof words / sizeof words[0]);
}

/* --- vm itself -------------------------------------------------------------------------------------------------- */

static void get_cycles(lua_State *L, const struct machine *m) { lua_pushinteger(L, (lua_Integer)machine_cycles(m)); }
static void get_instructions(lua_State *L, const struct machine *m)
{
    lua_pushinteger(L, (lua_Integer)machine_insns(m));
}
static void get_ended(lua_State *L, const struct machine *m)
{
    lua_pushboolean(L, machine_end(m).fate != FATE_RUNNING);
}
static void get_kernel_ring(lua_State *L, const struct machine *m) { lua_pushinteger(L, machine_kernel_ring(m)); }
static void get_virtual(lua_State *L, const struct machine *m) { lua_pushboolean(L, machine_has_vmm(m)); }

static void get_exit_code(lua_State *L, const struct machine *m)
{
    if (machine_end(m).fate == FATE_RUNNING) lua_pushnil(L);
    else lua_pushinteger(L, machine_exit_code(m));
}

static void get_why(lua_State *L, const struct machine *m)
{
    struct machine_end end = machine_end(m);
    lua_pushstring(L, end.why);
}

static void get_place(lua_State *L, const struct machine *m)
{
    static const char *const names[] = { "user", "kernel", "hypervisor" };
    lua_pushstring(L, names[machine_place(m)]);
}

static void get_last(lua_State *L, const struct machine *m)
{
    const struct script *s = script_of(L);
    const struct trace *t = machine_trace_of(m);
    const struct event *e = trace_by_id(t, s->hit ? s->hit : trace_last(t));
    if (e) event_push(L, e);
    else lua_pushnil(L);
}

/* The last megabyte, which is the longest string a script may have. */
static void get_serial(lua_State *L, const struct machine *m)
{
    size_t n;
    const char *s = machine_serial(m, &n);
    size_t skip = n > SANDBOX_STRING / 2 ? n - SANDBOX_STRING / 2 : 0;
    lua_pushlstring(L, s ? s + skip : "", s ? n - skip : 0);
}

static void get_insn(lua_State *L, const struct machine *m)
{
    event_push_insn(L, machine_linear(m));
}

static void get_vms(lua_State *L, const struct machine *m) { lua_pushinteger(L, machine_vms(m)); }
static void get_now(lua_State *L, const struct machine *m) { lua_pushinteger(L, machine_vm_now(m)); }
static void get_flags(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.flags", script_of(L)); }
static void get_guest(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.guest", script_of(L)); }
static void get_costs(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.costs", script_of(L)); }
static void get_exits(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.exits", script_of(L)); }
static void get_io(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.io", script_of(L)); }
static void get_shadow(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.shadow", script_of(L)); }

static void get_memory(lua_State *L, const struct machine *m) { (void)m, handle_push(L, "vm.memory", script_of(L)); }

static const struct { const char *name; void (*get)(lua_State *L, const struct machine *m);
} fields[] = {
    { "cycles", get_cycles },
    { "instructions", get_instructions },
    { "ended", get_ended },
    { "exit_code", get_exit_code },
    { "why", get_why },
    { "place", get_place },
    { "kernel_ring", get_kernel_ring },
    { "virtual", get_virtual },
    { "last", get_last },
    { "serial", get_serial },
    { "insn", get_insn },
    { "flags", get_flags },
    { "guest", get_guest },
    { "costs", get_costs },
    { "exits", get_exits },
    { "shadow", get_shadow },
    { "memory", get_memory },
    { "io", get_io },
    { "vms", get_vms },
    { "now", get_now },
    { "hosted", vm_hosted },
    { "migration", vm_migration },
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

unsigned vm_words(const char **words)
{
    unsigned n = row_names(words);
    for (unsigned i = 0; i < FIELDS; i++) words[n++] = fields[i].name;
    for (const luaL_Reg *method = vm_methods; method->name; method++) words[n++] = method->name;
    return n;
}

unsigned vm_flag_words(const char **words)
{
    for (unsigned i = 0; i < FLAGS; i++) words[i] = flag_rows[i].name;
    return FLAGS;
}

unsigned vm_guest_words(const char **words)
{
    unsigned n = row_names(words);
    words[n++] = "vIF", words[n++] = "IF", words[n++] = "halted", words[n++] = "flags";
    return n;
}

static int vm_index(lua_State *L)
{
    const struct machine *m = machine_at(L, "vm");
    const char *name = luaL_checkstring(L, 2);
    for (unsigned i = 0; i < FIELDS; i++)
        if (!strcmp(fields[i].name, name)) {
            fields[i].get(L, m);
            return 1;
        }
    const struct reg_desc *r = reg_find(cpu_rows, name);
    if (r) {
        struct machine_cpu cpu;
        machine_cpu(m, &cpu);
        lua_pushinteger(L, (lua_Integer)reg_read(r, &cpu));
        return 1;
    }
    const luaL_Reg *method = vm_methods;
    while (method->name && strcmp(method->name, name) != 0) method++;
    if (method->name) {
        lua_pushcfunction(L, method->func);
        return 1;
    }
    const char *words[SCRIPT_WORDS_MOST];
    unsigned n = vm_words(words);
    return vm_unknown(L, "vm", name, words, n);
}

static int vm_newindex(lua_State *L)
{
    machine_at(L, "vm");
    const char *name = luaL_checkstring(L, 2);
    lua_Integer v = luaL_checkinteger(L, 3);
    if (!reg_find(cpu_rows, name) || !machine_set_reg(script_machine(L), name, (uint32_t)v))
        return luaL_error(L, "vm.%s cannot be set; registers such as vm.eax can", name);
    return 0;
}

void vm_open(lua_State *L)
{
    handle_type(L, "vm", vm_index, vm_newindex);
    handle_type(L, "vm.flags", flags_index, flags_newindex);
    handle_type(L, "vm.guest", guest_index, NULL);
    handle_type(L, "vm.guest.flags", guest_flags_index, NULL);
    handle_type(L, "vm.costs", costs_index, NULL);
    handle_type(L, "vm.exits", exits_index, NULL);
    handle_type(L, "vm.shadow", shadow_index, NULL);
    handle_type(L, "vm.memory", memory_index, NULL);
    handle_type(L, "vm.io", io_index, NULL);
    event_open(L);
}
