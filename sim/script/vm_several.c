/* Several virtual machines, as scripts see them: vm:look(n), vm:of(n). See docs/lua.md. */
#include "sim/script/vm.h"

#include <string.h>
#include "sim/machine.h"
#include "sim/script/handle.h"

enum { LOOK_COST = 100, SERIAL_MOST = 1 << 16 }; /* Lua instructions that a look is worth; bytes of serial text handed over */

static unsigned number_at(lua_State *L, int arg)
{
    lua_Integer n = luaL_checkinteger(L, arg), vms = machine_vms(script_machine(L));
    if (n < 0 || n >= vms) luaL_error(L, "there is no vm %d; they are numbered from 0 to %d", (int)n, (int)vms - 1);
    return (unsigned)n;
}

/* vm:look(n): what follows is about that VM; vm:look(): about the one that has the processor. */
int vm_look(lua_State *L)
{
    handle_check(L, 1, "vm");
    sandbox_charge(L, LOOK_COST);
    machine_look_at(script_machine(L), lua_isnoneornil(L, 2) ? -1 : (int)number_at(L, 2));
    return 0;
}

static void set(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static void set_end(lua_State *L, const struct machine_vm *v)
{
    static const char *const stops[] = { NULL, "exited", "halted", "died", "limit", "reset", "off", "saved" };
    if (!stops[v->end.fate]) return;
    set_text(L, "stop", stops[v->end.fate]);
    set_text(L, "why", v->end.why);
    set(L, "exit_code", (uint64_t)v->exit_code);
    if (v->end.fate == FATE_EXITED) set(L, "guest_exit", v->end.code);
}

static void set_serial(lua_State *L, const struct machine *m, unsigned vm)
{
    size_t n;
    const char *s = machine_vm_serial(m, vm, &n);
    size_t skip = n > SERIAL_MOST ? n - SERIAL_MOST : 0;
    sandbox_charge(L, (n - skip) / 16);
    lua_pushlstring(L, s + skip, n - skip);
    lua_setfield(L, -2, "serial");
}

static void set_memory(lua_State *L, const struct machine *m, unsigned n)
{
    struct machine_vm_memory v;
    if (!machine_vm_memory(m, n, &v)) return;
    lua_createtable(L, 0, 16);
    set(L, "pages", v.pages), set(L, "shares", v.shares), set(L, "active", v.active), set(L, "here", v.here), set(L, "shared", v.shared);
    set(L, "ballooned", v.ballooned), set(L, "target", v.target), set(L, "swapped", v.swapped), set(L, "unshared", v.unshares);
    set(L, "refused", v.refused), set(L, "swapped_out", v.swaps_out), set(L, "swapped_in", v.swaps_in);
    lua_setfield(L, -2, "memory");
}

/* With split drivers: what it has done for them, or with them. */
static void set_split(lua_State *L, const struct machine *m, const struct machine_vm *v)
{
    if (!machine_is_split(m)) return;
    lua_createtable(L, 0, 6);
    set(L, "notified", v->notified), set(L, "mapped", v->mapped), set(L, "copied", v->copied), set(L, "ports", v->ports);
    set(L, "interrupts", v->interrupts), set(L, "begun_again", v->begun_again);
    lua_setfield(L, -2, "split");
}

/* vm:of(n): what is known about one of them, as a table. */
int vm_of(lua_State *L)
{
    handle_check(L, 1, "vm");
    const struct machine *m = script_machine(L);
    unsigned n = number_at(L, 2);
    struct machine_vm v;
    machine_vm(m, n, &v);
    sandbox_charge(L, LOOK_COST);
    lua_createtable(L, 0, 20);
    set_text(L, "cpu", v.cpu);
    set_text(L, "state", v.state);
    set(L, "weight", v.weight), set(L, "cap", v.cap), set(L, "turns", v.turns), set(L, "exits", v.exits);
    set(L, "running", v.running), set(L, "ready", v.ready), set(L, "asleep", v.asleep), set(L, "capped", v.capped);
    set_end(L, &v);
    set_memory(L, m, n);
    set_split(L, m, &v);
    set_serial(L, m, n);
    lua_createtable(L, 0, CAUSE_COUNT);
    for (unsigned c = 0; c < CAUSE_COUNT; c++) set(L, cause_name(c), v.by_cause[c]);
    lua_setfield(L, -2, "costs");
    return 1;
}

static void set_round(lua_State *L, const struct machine_round *r)
{
    lua_createtable(L, 0, 10);
    set(L, "pages", r->pages), set(L, "sent", r->sent), set(L, "zero", r->zero), set(L, "hot", r->hot), set(L, "dirtied", r->dirtied);
    set(L, "mbit", r->mbit), set(L, "bytes", r->bytes), set(L, "began", r->began);
    set(L, "cycles", r->ended > r->began ? r->ended - r->began : 0);
}

/* vm.migration: nil, or a table. */
/* nil, or { module = { exits, cycles, mean }, kernel = ..., process = ..., waits }. */
void vm_hosted(lua_State *L, const struct machine *m)
{
    static const char *const words[MACHINE_ANSWERS] = { "module", "kernel", "process" };
    struct machine_hosted h;
    if (!machine_hosted(m, &h)) {
        lua_pushnil(L);
        return;
    }
    lua_newtable(L);
    for (unsigned i = 0; i < MACHINE_ANSWERS; i++) {
        lua_newtable(L);
        lua_pushinteger(L, (lua_Integer)h.exits[i]), lua_setfield(L, -2, "exits");
        lua_pushinteger(L, (lua_Integer)h.cycles[i]), lua_setfield(L, -2, "cycles");
        lua_pushinteger(L, h.exits[i] ? (lua_Integer)(h.cycles[i] / h.exits[i]) : 0), lua_setfield(L, -2, "mean");
        lua_setfield(L, -2, words[i]);
    }
    lua_pushinteger(L, (lua_Integer)h.waits), lua_setfield(L, -2, "waits");
}

void vm_migration(lua_State *L, const struct machine *m)
{
    struct machine_migration g;
    sandbox_charge(L, LOOK_COST);
    if (!machine_migration(m, &g)) {
        lua_pushnil(L);
        return;
    }
    lua_createtable(L, 0, 10);
    set_text(L, "stage", g.stage);
    lua_pushboolean(L, g.done);
    lua_setfield(L, -2, "done");
    if (g.failed) set_text(L, "failed", g.failed);
    if (g.stopped_for) set_text(L, "stopped_for", g.stopped_for);
    set(L, "pages", g.pages), set(L, "faults", g.faults);
    if (g.resumed) set(L, "downtime", g.resumed - g.stopped);
    if (g.resumed) set(L, "total", g.resumed - g.began);
    lua_createtable(L, (int)g.rounds, 0);
    for (unsigned n = 0; n < g.rounds; n++) {
        set_round(L, &g.round[n]);
        lua_rawseti(L, -2, (lua_Integer)n + 1);
    }
    lua_setfield(L, -2, "rounds");
}
