/* exec(text): the laboratory for single instructions, from a scenario. Lines as `ringside exec` reads them (docs/exec.md).
 *
 * Idea: a call stands alone, LDT entries included, so that a step that runs again after going back gives what it gave. */
#include "sim/lab.h"
#include "sim/script/script.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { CASES = 100, CHARGE = 2000 /* Lua instructions a case costs */ };

static void push_memory(lua_State *L, uint32_t base, const uint8_t *before, const uint8_t *now)
{
    for (unsigned k = 0; k < LAB_AREA; k++) {
        if (before[k] == now[k]) continue;
        lua_pushinteger(L, now[k]);
        lua_rawseti(L, -2, (lua_Integer)(base + k));
    }
}

/* { name, status = "ok" | "fault" | "limit", vec, err, cr2, eax = ..., cs = ..., memory = { [address] = byte } } */
static void push_result(lua_State *L, const struct lab_case *c, const struct lab_image *before, const struct lab_result *r)
{
    static const char *const status[] = { [LAB_OK] = "ok", [LAB_FAULT] = "fault", [LAB_LIMIT] = "limit" };
    struct { const char *name; uint32_t value; } of_fault[] = { { "vec", r->vector }, { "err", r->code }, { "cr2", r->cr2 } };
    lua_createtable(L, 0, LAB_REGS + 6);
    lua_pushstring(L, c->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, status[r->end]);
    lua_setfield(L, -2, "status");
    for (unsigned k = 0; k < 3 && r->end == LAB_FAULT; k++) {
        lua_pushinteger(L, of_fault[k].value);
        lua_setfield(L, -2, of_fault[k].name);
    }
    for (unsigned k = 0; k < LAB_REGS; k++) {
        lua_pushinteger(L, k == LAB_FLAGS ? r->reg[k] & ~LAB_FLAGS_HIDDEN : r->reg[k]);
        lua_setfield(L, -2, lab_reg_name[k]);
    }
    lua_newtable(L);
    push_memory(L, LAB_LOW, before->low, r->low);
    push_memory(L, LAB_DATA, before->data, r->data);
    lua_setfield(L, -2, "memory");
}

static void one_line(lua_State *L, const char *line, size_t n, const char *where)
{
    struct script *s = script_of(L);
    struct lab_result r;
    struct err e = { 0 };
    const struct lab_case *c;
    lua_checkstack(L, 8);
    sandbox_charge(L, CHARGE);
    enum lab_line kind = lab_take(s->lab, line, n, where, &c, &r, &e);
    if (kind == LAB_BAD) luaL_error(L, "exec: %s", e.text);
    if (kind == LAB_CASE) push_result(L, c, lab_before(s->lab), &r);
}

static int exec(lua_State *L)
{
    struct script *s = script_of(L);
    size_t n;
    const char *text = luaL_checklstring(L, 1, &n), *end = text + n;
    struct err e = { 0 };
    lua_settop(L, 1);
    if (!s->lab && !(s->lab = lab_new(&e))) return script_fail(L, e.code, "%s", e.text);
    lab_forget(s->lab);
    for (unsigned line = 1; text < end; line++) {
        char where[24];
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        if (!stop) stop = end;
        snprintf(where, sizeof where, "line %u", line);
        if (lua_gettop(L) > CASES) return luaL_error(L, "exec: more than %d cases; call it again for the rest", CASES);
        one_line(L, text, (size_t)(stop - text), where);
        text = stop + 1;
    }
    return lua_gettop(L) - 1;
}

void exec_open(lua_State *L)
{
    lua_pushcfunction(L, exec);
    lua_setglobal(L, "exec");
}
