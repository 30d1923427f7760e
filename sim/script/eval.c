/* A line of Lua about a machine: what the terminal's command line takes. See sim/lesson.h.
 *
 * Idea: an empty script with one nameless step lends the machine for the length of a line, so everything a step may do a line may do, in
 * the same sandbox and with the same budget. An expression is shown with its values; expectations say whether they hold. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/handle.h"
#include "sim/script/script.h"
#include "sim/script/till.h"

enum { LINE = 8000 };

static int open_api(lua_State *L)
{
    till_open(L);
    expect_open(L);
    exec_open(L);
    vm_open(L);
    return 0;
}

struct lesson *lesson_empty(struct err *e)
{
    struct script *s = script_new("line", e);
    if (!s) return NULL;
    struct script_step *step = &s->step[s->steps++];
    *step = (struct script_step){ .run_ref = LUA_NOREF, .body_ref = LUA_NOREF, .expect_ref = LUA_NOREF, .limit = SCRIPT_LIMIT };
    step->title = script_copy("line");
    step->note = script_copy(""), step->say = script_copy(""), step->show = script_copy("");
    step->told = script_copy(""), step->showed = script_copy("");
    if (sandbox_open(&s->box, e) && sandbox_run(&s->box, open_api, NULL, e)) return &s->pub;
    script_free(s);
    return NULL;
}

struct asked {
    struct script *s;
    const char *line;
    struct text *out;
    bool more;
};

/* "vm.eax" is "return vm.eax"; what is no expression is run as it is. */
static int eval_inside(lua_State *L)
{
    struct asked *x = lua_touserdata(L, 1);
    char whole[LINE + 16];
    lua_pushglobaltable(L);
    lua_pushstring(L, "vm");
    handle_push(L, "vm", x->s);
    lua_rawset(L, -3);
    lua_settop(L, 0);
    snprintf(whole, sizeof whole, "return %s", x->line);
    if (luaL_loadbufferx(L, whole, strlen(whole), "=line", "t") != LUA_OK) {
        lua_settop(L, 0);
        sandbox_load(L, x->line, strlen(x->line), "line");
    }
    lua_call(L, 0, LUA_MULTRET);
    for (int i = 1, n = lua_gettop(L); i <= n; i++) {
        if (i > 1) text_add(x->out, "  ");
        script_show(L, i, x->out);
        lua_settop(L, n);
    }
    return 0;
}

static void tell_checks(struct script *s, unsigned from, struct text *out)
{
    for (unsigned i = from; i < s->checks; i++) {
        text_add(out, "%s%s: %s", out->len ? "\n" : "", s->check[i].passed ? "holds" : "does not hold", s->check[i].text);
        free((char *)s->check[i].text);
    }
    s->checks = from;
}

/* Is the text Lua so far, only not all of it? The parser says so: it met the end where it wanted more. */
static int unfinished_inside(lua_State *L)
{
    struct asked *x = lua_touserdata(L, 1);
    char whole[LINE + 16];
    snprintf(whole, sizeof whole, "return %s", x->line);
    if (luaL_loadbufferx(L, whole, strlen(whole), "=line", "t") == LUA_OK) return 0;
    if (luaL_loadbufferx(L, x->line, strlen(x->line), "=line", "t") == LUA_OK) return 0;
    size_t n;
    const char *why = lua_tolstring(L, -1, &n);
    static const char end[] = "<eof>";
    x->more = n >= sizeof end - 1 && !strcmp(why + n - (sizeof end - 1), end);
    return 0;
}

bool lesson_unfinished(struct lesson *l, const char *text)
{
    struct script *s;
    struct err e = { 0 };
    memcpy(&s, &l, sizeof s);
    struct asked x = { .s = s, .line = text };
    if (strlen(text) > LINE) return false;
    sandbox_budget(&s->box, SANDBOX_STEP, 1, " in this line");
    return sandbox_run(&s->box, unfinished_inside, &x, &e) && x.more;
}

bool lesson_eval(struct lesson *l, struct machine *m, const char *line, struct text *out, struct err *e)
{
    struct script *s;
    memcpy(&s, &l, sizeof s); /* a lesson is the first member of its script */
    struct asked x = { .s = s, .line = line, .out = out };
    unsigned checks = s->checks;
    if (strlen(line) > LINE) return err_set(e, EXIT_INPUT, "the line is too long");
    s->machine = m;
    s->now = 0;
    s->failure = 0;
    s->first = trace_last(machine_trace_of(m));
    s->box.birth++;
    sandbox_budget(&s->box, SANDBOX_STEP, 1, " in this line");
    bool ok = sandbox_run(&s->box, eval_inside, &x, e);
    s->box.birth++;
    s->machine = NULL;
    struct text *printed = &s->box.printed;
    if (printed->len) {
        text_add(out, "%s%s", out->len ? "\n" : "", text_str(printed));
        text_clear(printed);
    }
    tell_checks(s, checks, out);
    return ok;
}
