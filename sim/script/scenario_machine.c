/* The machine that a scenario, or t:boot of a test, asks for: a table of the command line's words. See docs/scenario.md.
 *
 * Idea: each field is a line of a list, and most of them are an option of the command line under its own name, so that what is wrong with a value is
 * said in the same words. */
#include "sim/script/fields.h"
#include "sim/script/script.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* --- tables with known fields ----------------------------------------------------------------------------------- */

void fields_take(lua_State *L, int idx, const char *what, const struct field *list, unsigned n, void *to)
{
    const char *words[24];
    char maybe[80];
    idx = lua_absindex(L, idx);
    for (unsigned i = 0; i < n; i++) words[i] = list[i].name;
    const char *key = sandbox_unknown_key(L, idx, words, n);
    if (key) {
        if (!strcmp(key, "?")) luaL_error(L, "%s: a value without a name; write NAME = value", what);
        sandbox_suggest(key, words, n, maybe, sizeof maybe);
        luaL_error(L, "%s has no field '%s'%s%s", what, key, maybe, *maybe ? "" : "; docs/scenario.md lists them");
    }
    for (unsigned i = 0; i < n; i++) { /* in the order of the list, not of the hash */
        lua_getfield(L, idx, list[i].name);
        if (!lua_isnil(L, -1)) list[i].take(L, to);
        lua_settop(L, lua_gettop(L) - 1);
    }
}

const char *fields_text(lua_State *L, const char *name)
{
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be text in quotes, not a %s; see docs/scenario.md", name, luaL_typename(L, -1));
    return lua_tostring(L, -1);
}

/* --- scenario { machine = { ... } } ----------------------------------------------------------------------------- */

static void machine_option(lua_State *L, struct script *s, const char *option)
{
    struct err e = { 0 };
    char value[300];
    if (!lua_isstring(L, -1))
        luaL_error(L, "machine: %s must be a word or a number, not a %s", option, luaL_typename(L, -1));
    snprintf(value, sizeof value, "%s", lua_tostring(L, -1));
    size_t n = strlen(value);
    if (n > 2 && !strcmp(value + n - 2, ".0")) value[n - 2] = 0; /* 2e9 is a float, and prints as one */
    if (!config_option(&s->pub.cfg, option, value, &e)) luaL_error(L, "machine: %s", e.text);
}

#define OPTION(name, option) static void take_##name(lua_State *L, void *s) { machine_option(L, s, option); }
OPTION(cpu, "cpu")
OPTION(mmu, "mmu")
OPTION(io, "io")
OPTION(host, "host")
/* A scenario may come from anywhere: it names no files outside the folder one is in. */
static void take_model(lua_State *L, void *s)
{
    if (lua_isstring(L, -1) && strchr(lua_tostring(L, -1), '/'))
        luaL_error(L, "machine: model = \"%s\": a name that `ringside list` shows, or a file here", lua_tostring(L, -1));
    machine_option(L, s, "model");
}
OPTION(ram, "ram")
OPTION(seed, "seed")
OPTION(append, "append")
OPTION(limit_cycles, "limit-cycles")
OPTION(limit_instr, "limit-instr")
OPTION(migrate_at, "migrate-at")
OPTION(migrate_to, "migrate-to")

static void take_preset(lua_State *L, void *to)
{
    static const struct {
        const char *name, *cpu, *mmu;
    } presets[] = { { "classic", "te", "shadow" }, { "native", "native", "native" } };
    static const char *const words[] = { "classic", "native" };
    struct script *s = to;
    const char *name = fields_text(L, "machine.preset");
    char maybe[80];
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (!strcmp(presets[i].name, name)) {
            snprintf(s->pub.cfg.cpu, sizeof s->pub.cfg.cpu, "%s", presets[i].cpu);
            snprintf(s->pub.cfg.mmu, sizeof s->pub.cfg.mmu, "%s", presets[i].mmu);
            return;
        }
    sandbox_suggest(name, words, 2, maybe, sizeof maybe);
    luaL_error(L, "machine: there is no preset '%s'%s; known: classic, native", name, maybe);
}

static void take_file(lua_State *L, const char *field, char *to, size_t room)
{
    const char *name = fields_text(L, field);
    if (strlen(name) >= room - 16) luaL_error(L, "%s is too long", field);
    strcpy(to, name);
}

static void take_guest(lua_State *L, void *to)
{
    struct script *s = to;
    take_file(L, "machine.guest", s->guest, sizeof s->guest);
}

static void take_peer(lua_State *L, void *to)
{
    struct script *s = to;
    take_file(L, "machine.peer", s->peer, sizeof s->peer);
}

static void take_module(lua_State *L, void *to)
{
    struct script *s = to;
    take_file(L, "machine.module", s->module, sizeof s->module);
}

static void take_disk(lua_State *L, void *to)
{
    struct script *s = to;
    take_file(L, "machine.disk", s->disk, sizeof s->disk);
}
OPTION(nic, "nic")
OPTION(peer_append, "peer-append")
OPTION(peer_cpu, "peer-cpu")

/* set = { ["cost.cli"] = 60 } */
static void take_set(lua_State *L, void *to)
{
    struct script *s = to;
    luaL_checktype(L, -1, LUA_TTABLE);
    lua_getglobal(L, "pairs"); /* ordered: the last setting of a key counts */
    lua_pushvalue(L, -2);
    lua_call(L, 1, 3);
    lua_remove(L, -1); /* the control variable: our iterator keeps its own */
    for (;;) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_call(L, 1, 2);
        if (lua_isnil(L, -2)) break;
        if (!lua_isstring(L, -1)) luaL_error(L, "machine.set: values are words or numbers");
        const char *value = lua_tostring(L, -1);
        const char *key = luaL_tolstring(L, -2, NULL); /* pushes it, so it may not be an argument beside the other */
        lua_pushfstring(L, "%s=%s", key, value);
        machine_option(L, s, "set");
        lua_pop(L, 4);
    }
    lua_pop(L, 4);
}

/* vms = { { guest = "mini", count = 3 }, { guest = "hog", weight = 64 } } */
static struct vm_kind *kind(void *to)
{
    struct machine_cfg *c = &((struct script *)to)->pub.cfg;
    return &c->kind[c->kinds - 1];
}

static void take_word(lua_State *L, const char *name, char *to, size_t room)
{
    const char *word = fields_text(L, name);
    if (strlen(word) >= room) luaL_error(L, "machine.vms: %s is too long", name);
    strcpy(to, word);
}

static uint32_t take_count(lua_State *L, const char *name, lua_Integer least, lua_Integer most)
{
    lua_Integer n = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : least - 1;
    if (n < least || n > most) luaL_error(L, "machine.vms: %s must be a whole number from %d to %d", name, (int)least, (int)most);
    return (uint32_t)n;
}

/* A word or number as the option of that name takes it, of a machine that is thrown away but for what is wanted. */
static void take_option(lua_State *L, const char *option, struct machine_cfg *c)
{
    struct err e = { 0 };
    *c = config_defaults;
    if (!lua_isstring(L, -1)) luaL_error(L, "machine.vms: %s must be a word, not a %s", option, luaL_typename(L, -1));
    if (!config_option(c, option, lua_tostring(L, -1), &e)) luaL_error(L, "machine.vms: %s", e.text);
}

#define VM_WORD(name, field) static void vm_##name(lua_State *L, void *s) { take_word(L, #name, kind(s)->field, sizeof kind(s)->field); }
#define VM_NUMBER(name, least, most) static void vm_##name(lua_State *L, void *s) { kind(s)->name = take_count(L, #name, least, most); }
VM_WORD(guest, image)
VM_WORD(module, module)
VM_WORD(append, append)
VM_NUMBER(count, 1, CONFIG_VMS)
VM_NUMBER(weight, 1, 65535)
VM_NUMBER(cap, 0, 100)
VM_NUMBER(shares, 1, 65535)
static void vm_background(lua_State *L, void *s) { kind(s)->background = lua_toboolean(L, -1); }
static void vm_later(lua_State *L, void *s) { kind(s)->later = lua_toboolean(L, -1); }
static void vm_cpu(lua_State *L, void *s)
{
    struct machine_cfg c;
    take_option(L, "cpu", &c);
    strcpy(kind(s)->cpu, c.cpu);
}
static void vm_mmu(lua_State *L, void *s)
{
    struct machine_cfg c;
    take_option(L, "mmu", &c);
    strcpy(kind(s)->mmu, c.mmu);
}
static void vm_ram(lua_State *L, void *s)
{
    struct machine_cfg c;
    take_option(L, "ram", &c);
    kind(s)->ram_mib = c.ram_mib;
}

static const struct field vm_fields[] = {
    { "guest", vm_guest }, { "module", vm_module }, { "append", vm_append }, { "cpu", vm_cpu }, { "mmu", vm_mmu }, { "ram", vm_ram },
    { "count", vm_count }, { "weight", vm_weight }, { "cap", vm_cap }, { "shares", vm_shares }, { "background", vm_background },
    { "later", vm_later },
};

static void take_vms(lua_State *L, void *to)
{
    struct machine_cfg *c = &((struct script *)to)->pub.cfg;
    if (!lua_istable(L, -1)) luaL_error(L, "machine.vms must be a list of tables such as { guest = \"mini\", count = 3 }");
    lua_Integer n = luaL_len(L, -1);
    if (n < 1 || n > CONFIG_KINDS) luaL_error(L, "machine.vms: a list of 1 to %d tables; count = N makes several VMs of one", CONFIG_KINDS);
    for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, -1, i + 1);
        if (!lua_istable(L, -1)) luaL_error(L, "machine.vms: entry %d must be a table", (int)i + 1);
        c->kind[c->kinds++] = (struct vm_kind){ .count = 1 };
        TAKE_FIELDS(L, -1, "machine.vms", vm_fields, to);
        lua_pop(L, 1);
    }
}

static const struct field machine_fields[] = {
    { "preset", take_preset },
    { "cpu", take_cpu },
    { "mmu", take_mmu },
    { "io", take_io },
    { "host", take_host },
    { "model", take_model },
    { "ram", take_ram },
    { "seed", take_seed },
    { "append", take_append },
    { "limit_cycles", take_limit_cycles },
    { "limit_instr", take_limit_instr },
    { "migrate_at", take_migrate_at },
    { "migrate_to", take_migrate_to },
    { "guest", take_guest },
    { "module", take_module },
    { "disk", take_disk },
    { "nic", take_nic },
    { "peer", take_peer },
    { "peer_append", take_peer_append },
    { "peer_cpu", take_peer_cpu },
    { "set", take_set },
    { "vms", take_vms },
};

void scenario_machine(lua_State *L, int idx)
{
    if (!lua_istable(L, idx)) luaL_error(L, "machine must be a table such as { preset = \"classic\", guest = \"popf\" }");
    TAKE_FIELDS(L, idx, "machine", machine_fields, script_of(L));
}
