/* A split driver's ring, with a student's front end in Lua and a back end of ours, in every order (sim/orders.h): t:orders, and the handle
 * `ring` that the front end gets.
 *
 * Idea: front(ring, count) is run from its beginning with the results its steps had; where they end it is left by an error that nobody
 * else can raise. So it must do the same again for the same results, which in this Lua everything does that keeps nothing between runs.
 * The ring is that of Xen's split drivers (scenarios/guests/mini/ring.h): producers' indices that never wrap to the slot, and an index
 * at which each side wants to be told. */
#include "sim/orders.h"
#include "sim/script/check.h"
#include "sim/script/grading.h"
#include "sim/script/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQ_PROD, REQ_EVENT, RSP_PROD, RSP_EVENT, SLOT_0, SLOTS_MOST = 8, REQUESTS_MOST = 12, SALT = 100, FRONT = 0, BACK = 1 };
static const char *const word_names[] = { "req_prod", "req_event", "rsp_prod", "rsp_event" };

struct ring_trial {
    struct grading *g;
    char     front[48];
    unsigned requests, slots;
    bool     one_by_one;                 /* the back end tells of each response by itself */
    /* a run of the front end */
    const uint8_t *results;
    unsigned steps, step, got;
    bool     asked;
    struct orders_step next;
    const char *complaint;
};

/* --- the back end, as it should be -------------------------------------------------------------------------------- */

struct run { const uint8_t *results; unsigned steps, step; struct orders_step *next; };

static bool op(struct run *r, uint8_t kind, uint8_t at, uint8_t value, uint8_t *result)
{
    if (r->step == r->steps) {
        *r->next = (struct orders_step){ kind, at, value };
        return false;
    }
    uint8_t had = r->results[r->step++];
    if (result) *result = had;
    return true;
}

static bool push(struct run *r, uint8_t was, uint8_t now)
{
    uint8_t event;
    if (!op(r, ORDERS_STORE, RSP_PROD, now, NULL) || !op(r, ORDERS_BARRIER, 0, 0, NULL) || !op(r, ORDERS_LOAD, RSP_EVENT, 0, &event)) return false;
    return (uint8_t)(now - event) >= (uint8_t)(now - was) || op(r, ORDERS_NOTIFY, FRONT, 0, NULL);
}

/* False: stopped at its next step, or *wrong. */
static bool serve_all(struct run *r, const struct ring_trial *t, uint8_t *served, const char **wrong)
{
    for (uint8_t prod, entry, was = *served;; was = t->one_by_one ? *served : was) {
        if (!op(r, ORDERS_LOAD, REQ_PROD, 0, &prod)) return false;
        if ((uint8_t)(prod - *served) > t->slots) *wrong = "the back end finds more requests than there are slots";
        if (*wrong) return false;
        if (prod == *served) return t->one_by_one || was == *served || push(r, was, *served);
        uint8_t slot = (uint8_t)(SLOT_0 + *served % t->slots);
        if (!op(r, ORDERS_LOAD, slot, 0, &entry)) return false;
        if (entry != ++*served) *wrong = "the back end takes a request that was not sent: is the slot filled before the index tells of it?";
        if (*wrong || !op(r, ORDERS_STORE, slot, (uint8_t)(entry + SALT), NULL)) return false;
        if (t->one_by_one && !push(r, was, *served)) return false;
    }
}

static const char *back(const struct ring_trial *t, const uint8_t *results, unsigned steps, struct orders_step *next)
{
    struct run r = { results, steps, 0, next };
    const char *wrong = NULL;
    for (uint8_t served = 0, prod;;) {
        if (!serve_all(&r, t, &served, &wrong)) return wrong;
        if (served == t->requests) break;
        if (!op(&r, ORDERS_STORE, REQ_EVENT, (uint8_t)(served + 1), NULL) || !op(&r, ORDERS_BARRIER, 0, 0, NULL)) return NULL;
        if (!op(&r, ORDERS_LOAD, REQ_PROD, 0, &prod)) return NULL;
        if (prod == served && !op(&r, ORDERS_SLEEP, 0, 0, NULL)) return NULL;
    }
    *next = (struct orders_step){ .kind = ORDERS_DONE };
    return NULL;
}

/* --- the front end, in Lua ---------------------------------------------------------------------------------------- */

static struct ring_trial *trial_at(lua_State *L)
{
    luaL_checkudata(L, 1, "ring");
    sandbox_charge(L, 20);
    struct ring_trial *t = grading_of(L)->now.ring;
    if (!t) luaL_error(L, "ring can only be used while front(ring, count) runs");
    return t;
}

static int ask(lua_State *L, struct ring_trial *t, uint8_t kind, uint8_t at, uint8_t value)
{
    if (t->asked || t->complaint) return luaL_error(L, "front end stopped");
    if (t->step < t->steps) return t->results[t->step++];
    t->asked = true;
    t->next = (struct orders_step){ kind, at, value };
    return luaL_error(L, "front end stopped");
}

static uint8_t index_at(lua_State *L, int idx)
{
    const char *name = luaL_checkstring(L, idx);
    char maybe[80];
    for (uint8_t i = 0; i < 4; i++)
        if (!strcmp(word_names[i], name)) return i;
    return (uint8_t)luaL_error(L, "ring: there is no word '%s'%s", name, sandbox_suggest(name, word_names, 4, maybe, sizeof maybe));
}

static uint8_t value_at(lua_State *L, int idx)
{
    lua_Integer v = luaL_checkinteger(L, idx);
    luaL_argcheck(L, v >= 0 && v <= 255, idx, "a number from 0 to 255");
    return (uint8_t)v;
}

static uint8_t slot_at(lua_State *L, struct ring_trial *t, int idx)
{
    lua_Integer n = luaL_checkinteger(L, idx);
    luaL_argcheck(L, n >= 0 && n < (lua_Integer)t->slots, idx, "a slot from 0 to ring.slots - 1");
    return (uint8_t)(SLOT_0 + n);
}

static int ring_load(lua_State *L) { struct ring_trial *t = trial_at(L); return lua_pushinteger(L, ask(L, t, ORDERS_LOAD, index_at(L, 2), 0)), 1; }
static int ring_store(lua_State *L) { struct ring_trial *t = trial_at(L); return (void)ask(L, t, ORDERS_STORE, index_at(L, 2), value_at(L, 3)), 0; }
static int ring_read(lua_State *L) { struct ring_trial *t = trial_at(L); return lua_pushinteger(L, ask(L, t, ORDERS_LOAD, slot_at(L, t, 2), 0)), 1; }
static int ring_write(lua_State *L) { struct ring_trial *t = trial_at(L); return (void)ask(L, t, ORDERS_STORE, slot_at(L, t, 2), value_at(L, 3)), 0; }
static int ring_barrier(lua_State *L) { return (void)ask(L, trial_at(L), ORDERS_BARRIER, 0, 0), 0; }
static int ring_notify(lua_State *L) { return (void)ask(L, trial_at(L), ORDERS_NOTIFY, BACK, 0), 0; }
static int ring_sleep(lua_State *L) { return (void)ask(L, trial_at(L), ORDERS_SLEEP, 0, 0), 0; }

/* ring:got(value): a response, for whoever waits for it. No step: nobody else sees it. */
static int ring_got(lua_State *L)
{
    struct ring_trial *t = trial_at(L);
    uint8_t value = value_at(L, 2);
    if (t->asked || t->complaint) return luaL_error(L, "front end stopped");
    t->got++;
    if (t->got > t->requests) t->complaint = "the front end got more responses than it sent requests";
    else if (value != SALT + t->got) t->complaint = "the front end takes a response that is not that to its request";
    return t->complaint ? luaL_error(L, "front end stopped") : 0;
}

static const luaL_Reg methods[] = {
    { "load", ring_load }, { "store", ring_store }, { "read", ring_read }, { "write", ring_write }, { "barrier", ring_barrier },
    { "notify", ring_notify }, { "sleep", ring_sleep }, { "got", ring_got }, { NULL, NULL },
};

unsigned ring_words(const char **words)
{
    unsigned n = 0;
    for (const luaL_Reg *r = methods; r->name; r++) words[n++] = r->name;
    words[n++] = "slots";
    return n;
}

static int ring_index(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2), *words[SCRIPT_WORDS_MOST];
    char maybe[80];
    for (const luaL_Reg *r = methods; r->name; r++)
        if (!strcmp(r->name, name)) return lua_pushcfunction(L, r->func), 1;
    if (!strcmp(name, "slots")) return lua_pushinteger(L, trial_at(L)->slots), 1;
    return luaL_error(L, "ring has no '%s'%s", name, sandbox_suggest(name, words, ring_words(words), maybe, sizeof maybe));
}

static int ring_newindex(lua_State *L) { return luaL_error(L, "ring.%s cannot be set", luaL_checkstring(L, 2)); }

void ring_open(lua_State *L)
{
    luaL_newmetatable(L, "ring");
    lua_pushcfunction(L, ring_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, ring_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

static int front_inside(lua_State *L)
{
    const struct ring_trial *t = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    lua_pushstring(L, t->front);
    if (lua_rawget(L, -2) != LUA_TFUNCTION) return luaL_error(L, "%s: there is no function %s in this file", script_of(L)->file, t->front);
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "ring");
    lua_pushinteger(L, t->requests);
    lua_call(L, 2, 0);
    return 0;
}

static const char *front(struct ring_trial *t, const uint8_t *results, unsigned steps, struct orders_step *next)
{
    struct err e = { 0 };
    t->results = results, t->steps = steps;
    t->step = t->got = 0;
    t->asked = false;
    t->complaint = NULL;
    if (t->g->now.blame) return "the front end broke";
    bool ok = sandbox_run(&t->g->submission->box, front_inside, t, &e);
    submission_printed(t->g);
    if (t->complaint) return t->complaint;
    if (!ok && (!t->asked || e.code == EXIT_LIMIT)) {
        submission_blame(t->g, &e);
        return "the front end broke";
    }
    if (t->asked) *next = t->next;
    else if (t->step < steps) return "the front end does not do the same again: it keeps something between runs";
    else if (t->got < t->requests) return "the front end ends, and not all responses were got";
    else *next = (struct orders_step){ .kind = ORDERS_DONE };
    return NULL;
}

static const char *look(void *self, unsigned who, const uint8_t *results, unsigned steps, struct orders_step *next)
{
    return who == FRONT ? front(self, results, steps, next) : back(self, results, steps, next);
}

/* --- the test's side ---------------------------------------------------------------------------------------------- */

static void say_word(struct text *t, uint8_t at)
{
    if (at < SLOT_0) text_add(t, "%s", word_names[at]);
    else text_add(t, "slot %u", at - SLOT_0);
}

static void say_path(const struct orders *o, struct text *t)
{
    static const char *const verbs[] = { "loads ", "stores ", "barrier", "notifies", "sleeps", "ends", "its buffer reaches memory: " };
    unsigned from = o->path_n > 10 ? o->path_n - 10 : 0;
    text_add(t, "%s; the last steps:", o->wrong);
    for (unsigned i = from; i < o->path_n; i++) {
        const struct orders_step *s = &o->path[i].step;
        text_add(t, " | %s %s", o->path[i].who == FRONT ? "front" : "back", verbs[s->kind]);
        if (s->kind == ORDERS_LOAD || s->kind == ORDERS_STORE || s->kind == ORDERS_DRAIN) say_word(t, s->at);
        if (s->kind == ORDERS_STORE || s->kind == ORDERS_DRAIN) text_add(t, " = %u", s->value);
    }
}

static unsigned field(lua_State *L, const char *name, lua_Integer otherwise, lua_Integer most)
{
    lua_getfield(L, 2, name);
    lua_Integer v = luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    if (v < 1 || v > most) luaL_error(L, "t:orders: %s is a number from 1 to %d", name, (int)most);
    return (unsigned)v;
}

static bool flag(lua_State *L, const char *name)
{
    lua_getfield(L, 2, name);
    bool on = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return on;
}

/* That there is no order in which it goes wrong is a claim of the test. */
static void claim(lua_State *L, struct grading *g, const struct orders *o)
{
    char where[100] = "test";
    lua_Debug ar;
    struct text text = { 0 };
    if (lua_getstack(L, 1, &ar) && lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) snprintf(where, sizeof where, "%s:%d", ar.short_src, ar.currentline);
    if (o->wrong) say_path(o, &text);
    check_record(g->tests, !o->wrong, where, "%s", o->wrong ? text_str(&text) : "in every order");
    text_free(&text);
}

/* t:orders { front = "front", requests = 3, slots = 2, buffers = true, one_by_one = true, turns = true } */
int ring_orders(lua_State *L)
{
    struct grading *g = grading_of(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (!g->submission) return luaL_error(L, "t:orders: what was handed in is no Lua");
    struct ring_trial *t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (struct ring_trial){ .g = g, .requests = field(L, "requests", 3, REQUESTS_MOST), .slots = field(L, "slots", 2, SLOTS_MOST), .one_by_one = flag(L, "one_by_one") };
    lua_getfield(L, 2, "front");
    snprintf(t->front, sizeof t->front, "%s", luaL_optstring(L, -1, "front"));
    struct orders *o = lua_newuserdatauv(L, sizeof *o, 0);
    *o = (struct orders){ .look = look, .self = t, .buffers = flag(L, "buffers"), .in_order = true, .memory = { [REQ_EVENT] = 1, [RSP_EVENT] = 1 }, .most = 1 << 20 };
    g->now.ring = t;
    int sent = orders_turns(o, FRONT);
    bool turns = flag(L, "turns"), ok = turns || orders_search(o); /* one order only: what it costs */
    if (turns && sent < 0) o->wrong = "turn by turn it comes to no end";
    g->now.ring = NULL;
    if (!ok) return luaL_error(L, "out of memory");
    if (g->now.blame) return luaL_error(L, "%s", g->now.blamed);
    claim(L, g, o);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)o->states);
    lua_setfield(L, -2, "states");
    lua_pushinteger(L, (lua_Integer)o->ends);
    lua_setfield(L, -2, "ends");
    lua_pushinteger(L, sent);
    lua_setfield(L, -2, "notifications");
    if (o->wrong) lua_pushstring(L, o->wrong), lua_setfield(L, -2, "wrong");
    return 1;
}
