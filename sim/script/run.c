/* Running a step: till, limit, handlers, note, expectations.
 *
 * Idea 1: the machine runs in C; Lua is called only at instruction boundaries, when the machine is whole. Handlers of
 * vm:on get there through the trace: the subscriber copies the event, votes for a pause, and the loop below hands over.
 * Idea 2: a step always ends: by its condition, by the end of the run, or by its limit in cycles. */
#include "sim/script/script.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/check.h"
#include "sim/script/event.h"
#include "sim/script/handle.h"
#include "sim/script/till.h"

struct machine *script_machine(lua_State *L)
{
    struct script *s = script_of(L);
    if (!s->machine) luaL_error(L, "there is no machine yet: this works only inside a step's function or expectations");
    return s->machine;
}

int script_fail(lua_State *L, int code, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    script_of(L)->failure = code;
    lua_pushstring(L, line);
    return lua_error(L);
}

/* --- events for vm:on ------------------------------------------------------------------------------------------- */

/* A trace_fn: keeps events some handler may want. */
static enum vote on_event(void *self, const struct event *e)
{
    struct script *s = self;
    bool wanted = false;
    for (unsigned i = 0; i < s->handlers; i++) wanted |= s->handler[i].kind == e->kind;
    if (!wanted) return VOTE_GO;
    if (s->queued == s->queue_room) {
        unsigned room = s->queue_room ? s->queue_room * 2 : 64;
        struct event *q = realloc(s->queue, room * sizeof *q);
        if (!q) return VOTE_PAUSE; /* no room: this one is lost, and the run pauses to make some */
        s->queue = q;
        s->queue_room = room;
    }
    s->queue[s->queued++] = *e;
    return VOTE_PAUSE;
}

int script_listen(struct script *s) { return trace_subscribe(machine_trace(s->machine), CAT_ALL, on_event, s); }

bool script_on(lua_State *L, int kind, int filter_idx, int fn_idx)
{
    struct script *s = script_of(L);
    if (s->handlers == SCRIPT_HANDLERS) return false;
    lua_pushvalue(L, filter_idx);
    int filter = luaL_ref(L, LUA_REGISTRYINDEX); /* nil gives LUA_REFNIL, which lua_rawgeti gives back as nil */
    lua_pushvalue(L, fn_idx);
    s->handler[s->handlers++] = (struct script_handler){ kind, filter, luaL_ref(L, LUA_REGISTRYINDEX) };
    return true;
}

static void drop_handlers(lua_State *L, struct script *s)
{
    while (s->handlers) {
        struct script_handler *h = &s->handler[--s->handlers];
        luaL_unref(L, LUA_REGISTRYINDEX, h->filter_ref);
        luaL_unref(L, LUA_REGISTRYINDEX, h->fn_ref);
    }
    s->queued = 0;
}

static void hand_over(lua_State *L, struct script *s)
{
    s->handling = true;
    for (unsigned i = 0; i < s->queued; i++) {
        struct event e = s->queue[i]; /* a handler may add to the queue and move it */
        for (unsigned k = 0; k < s->handlers; k++) {
            if (s->handler[k].kind != e.kind) continue;
            lua_rawgeti(L, LUA_REGISTRYINDEX, s->handler[k].filter_ref);
            bool matches = event_matches(L, lua_gettop(L), &e);
            lua_pop(L, 1);
            if (!matches) continue;
            lua_rawgeti(L, LUA_REGISTRYINDEX, s->handler[k].fn_ref);
            event_push(L, &e);
            lua_call(L, 1, 0);
        }
    }
    s->queued = 0;
    s->handling = false;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static bool has_all(const struct till *t)
{
    if (t->kind == TILL_ALL) return true;
    for (unsigned i = 0; i < t->subs; i++)
        if (has_all(&t->sub[i])) return true;
    return false;
}

/* The loop between the machine and the handlers. */
static enum script_ran drive(lua_State *L, const struct till *wanted, uint64_t limit)
{
    struct script *s = script_of(L);
    struct machine *m = s->machine;
    uint64_t now = machine_cycles(m), end = limit > UINT64_MAX - now ? UINT64_MAX : now + limit;
    struct till both[2] = { *wanted, { .kind = TILL_CYCLES, .value = end } };
    const struct till until = { .kind = TILL_ANY, .subs = 2, .sub = both };
    enum machine_stop stop;
    do {
        s->queued = 0;
        stop = machine_run(m, &until, UINT64_MAX);
        s->hit = stop == MACHINE_TILL ? machine_hit(m) : 0;
        bool called = s->queued > 0;
        if (called) hand_over(L, s);
        if (stop == MACHINE_PAUSED && !called) sandbox_end(L, OVER_INTERRUPTED);
    } while (stop == MACHINE_PAUSED || stop == MACHINE_BUDGET);
    if (stop == MACHINE_ENDED) return wanted->kind == TILL_NEVER ? RUN_REACHED : RUN_ENDED;
    return !s->hit && machine_cycles(m) >= end ? RUN_LIMIT : RUN_REACHED;
}

static void may_run(lua_State *L)
{
    script_machine(L);
    if (script_of(L)->handling)
        luaL_error(L, "a vm:on handler cannot run the machine; note what happened, and run in the step itself");
}

enum script_ran script_run_until(lua_State *L, int idx, uint64_t limit)
{
    static const struct till never = { .kind = TILL_NEVER };
    struct till_set set;
    may_run(L);
    const struct till *wanted = idx ? till_convert(L, idx, script_machine(L), &set) : &never;
    if (script_of(L)->handlers && has_all(wanted))
        luaL_error(L, "till.all does not work together with vm:on; count in the handlers instead");
    return drive(L, wanted, limit);
}

enum script_ran script_run_insns(lua_State *L, uint64_t n)
{
    may_run(L);
    const struct till wanted = { .kind = TILL_INSNS, .value = machine_insns(script_machine(L)) + n };
    return n ? drive(L, &wanted, script_of(L)->step[script_of(L)->now].limit) : RUN_REACHED;
}

/* The condition in words, for messages. */
static void say_till(lua_State *L, int idx, char *buf, size_t room)
{
    struct till_set set;
    struct text t = { 0 };
    const struct till *wanted = till_convert(L, idx, script_machine(L), &set);
    till_text(wanted, script_machine(L), &t);
    snprintf(buf, room, "%s", text_str(&t));
    text_free(&t);
}

static void fail_limit(lua_State *L, const struct script_step *step, const char *where, const char *what)
{
    char most[32];
    struct text t = { 0 };
    text_number(&t, step->limit);
    snprintf(most, sizeof most, "%s", text_str(&t));
    text_free(&t);
    script_fail(L, EXIT_LIMIT,
                "%s: step '%s': %s did not come within %s cycles; give the step a larger limit, or another till", where,
                step->title, what, most);
}

static void run_to_till(lua_State *L, struct script *s, struct script_step *step)
{
    char what[160], where[100];
    lua_rawgeti(L, LUA_REGISTRYINDEX, step->run_ref);
    int idx = lua_gettop(L);
    enum script_ran ran = script_run_until(L, idx, step->limit);
    if (ran != RUN_REACHED) {
        say_till(L, idx, what, sizeof what);
        till_where(L, idx, where, sizeof where);
        if (ran == RUN_LIMIT) fail_limit(L, step, where, what);
        struct machine_end end = machine_end(s->machine);
        check_record(s, false, where, "%s: the run ended first%s%s", what, *end.why ? ": " : "", end.why);
    }
    lua_settop(L, idx - 1);
}

/* A step written as a function runs as a coroutine of its own; yielding in it just goes on. */
static void run_body(lua_State *L, struct script_step *step)
{
    struct sandbox *box = sandbox_of(L);
    lua_State *co = lua_newthread(L);
    sandbox_watch(co);
    lua_rawgeti(co, LUA_REGISTRYINDEX, step->body_ref);
    handle_push(co, "vm", script_of(L));
    int status, results, args = 1;
    do {
        sandbox_charge(L, 1);
        box->running = co;
        status = lua_resume(co, L, args, &results);
        box->running = L;
        if (status == LUA_YIELD) lua_pop(co, results);
        args = 0;
    } while (status == LUA_YIELD);
    if (status != LUA_OK) {
        lua_xmove(co, L, 1);
        lua_error(L);
    }
    lua_pop(L, 1);
}

static void replace(char **to, const char *text)
{
    free(*to);
    *to = script_copy(text);
}

/* What print wrote goes under the note: the one place every front end shows. */
static void take_printed(struct script *s, struct script_step *step)
{
    struct text *p = &s->box.printed;
    while (p->len && p->s[p->len - 1] == '\n') p->s[--p->len] = 0;
    if (!p->len) return;
    struct text all = { 0 };
    text_add(&all, "%s%s%s", step->told, *step->told ? "\n" : "", text_str(p));
    replace(&step->told, text_str(&all));
    text_free(&all);
    text_clear(p);
}

static int step_inside(lua_State *L)
{
    struct script *s = lua_touserdata(L, 1);
    struct script_step *step = &s->step[s->now];
    if (step->run_ref != LUA_NOREF) run_to_till(L, s, step);
    if (step->body_ref != LUA_NOREF) run_body(L, step);
    if (step->expect_ref != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, step->expect_ref);
        handle_push(L, "vm", s);
        lua_call(L, 1, 0);
    }
    return 0;
}

int script_run_step(lua_State *L)
{
    struct script *s = lua_touserdata(L, 1);
    struct script_step *step = &s->step[s->now];
    replace(&step->told, step->note);
    replace(&step->showed, step->show);
    s->first = trace_last(machine_trace_of(s->machine));
    s->hit = 0;
    s->queued = 0;
    int sub = trace_subscribe(machine_trace(s->machine), CAT_ALL, on_event, s);
    lua_pushcfunction(L, step_inside);
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 1, 0, 0);
    trace_unsubscribe(machine_trace(s->machine), sub);
    drop_handlers(L, s);
    s->handling = false;
    take_printed(s, step);
    return status == LUA_OK ? 0 : lua_error(L);
}
