/* A file of tests: reading it, and running one of its tests in this process. See sim/grading.h.
 *
 *     test "maps on first touch" { points = 10, limit = { cycles = 2e6 } } (function(t) ... end)
 *
 * A test is a step of a script that never ends up in a lesson: claims are recorded where expectations are (check.c), the machine is
 * lent in the same way, so all of vm: works in it. docs/grading.md is the manual. */
#include "sim/script/grading.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/check.h"

const char *const grading_status_word[GRADING_STATUSES] = { "failed", "passed", "partial", "limit", "error", "crashed", "ungradable" };

enum { TEST_CYCLES = 200000000, TEST_LUA = 20000000 };

/* --- reading ---------------------------------------------------------------------------------------------------- */

static uint64_t number_field(lua_State *L, int idx, const char *name, uint64_t least, uint64_t most, uint64_t otherwise)
{
    lua_getfield(L, idx, name);
    uint64_t v = otherwise;
    if (!lua_isnil(L, -1)) {
        double d = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
        if (!(d >= (double)least && d <= (double)most)) luaL_error(L, "%s must be a number from %d to %f", name, (int)least, (double)most);
        v = (uint64_t)d;
    }
    lua_pop(L, 1);
    return v;
}

static void known_fields(lua_State *L, int idx, const char *what, const char *const *words, unsigned n)
{
    char maybe[80];
    const char *key = sandbox_unknown_key(L, idx, words, n);
    if (!key) return;
    sandbox_suggest(key, words, n, maybe, sizeof maybe);
    luaL_error(L, "%s has no field '%s'%s%s", what, key, maybe, *maybe ? "" : "; docs/grading.md lists them");
}

static void take_visibility(lua_State *L, struct grading_test *t)
{
    static const char *const words[] = { "visible", "hidden", "after_due_date", "after_published" };
    enum { WORDS = sizeof words / sizeof *words };
    char maybe[80];
    t->visibility = words[0];
    lua_getfield(L, 1, "visibility");
    if (!lua_isnil(L, -1)) {
        const char *word = luaL_checkstring(L, -1);
        unsigned i = 0;
        while (i < WORDS && strcmp(words[i], word) != 0) i++;
        if (i == WORDS) luaL_error(L, "visibility '%s'%s: visible, hidden, after_due_date or after_published", word, sandbox_suggest(word, words, WORDS, maybe, sizeof maybe));
        t->hidden = i > 0;
        t->visibility = words[i];
    }
    lua_pop(L, 1);
}

static void take_limits(lua_State *L, struct grading_test *t)
{
    static const char *const words[] = { "cycles", "lua" };
    t->cycles = TEST_CYCLES;
    t->lua = TEST_LUA;
    lua_getfield(L, 1, "limit");
    if (!lua_isnil(L, -1)) {
        luaL_checktype(L, -1, LUA_TTABLE);
        int idx = lua_gettop(L);
        known_fields(L, idx, "limit", words, 2);
        t->cycles = number_field(L, idx, "cycles", 1, 100000000000, TEST_CYCLES);
        t->lua = number_field(L, idx, "lua", 1, 1000000000, TEST_LUA);
    }
    lua_pop(L, 1);
}

/* The third call, with the function; the table of the second is upvalue 1, the name upvalue 2. */
static int test_body(lua_State *L)
{
    struct grading *g = grading_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (g->count == GRADING_TESTS) return luaL_error(L, "a file has at most %d tests; make two of it", GRADING_TESTS);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    g->body_ref[g->count] = luaL_ref(L, LUA_REGISTRYINDEX);
    struct grading_test *t = &g->test[g->count];
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_replace(L, 1);
    *t = (struct grading_test){ .points = (uint32_t)number_field(L, 1, "points", 0, 10000, 1),
                                .variants = (uint32_t)number_field(L, 1, "variants", 1, GRADING_VARIANTS, 1) };
    snprintf(t->name, sizeof t->name, "%s", lua_tostring(L, lua_upvalueindex(2)));
    take_visibility(L, t);
    take_limits(L, t);
    lua_getfield(L, 1, "hint");
    snprintf(t->hint, sizeof t->hint, "%s", luaL_optstring(L, -1, ""));
    text_clean(t->name, false);
    text_clean(t->hint, false);
    g->count++;
    return 0;
}

static int test_options(lua_State *L)
{
    static const char *const words[] = { "points", "variants", "visibility", "limit", "hint" };
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    known_fields(L, 1, "a test", words, sizeof words / sizeof words[0]);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, test_body, 2);
    return 1;
}

static int test(lua_State *L)
{
    const struct grading *g = grading_of(L);
    const char *name = luaL_checkstring(L, 1);
    if (strlen(name) > 90 || !*name) return luaL_error(L, "a test's name has 1 to 90 bytes");
    for (unsigned i = 0; i < g->count; i++)
        if (!strcmp(g->test[i].name, name)) return luaL_error(L, "there is a test '%s' already; give each its own name", name);
    lua_settop(L, 1);
    lua_pushcclosure(L, test_options, 1);
    return 1;
}

/* leaderboard { name = "cycles", order = "asc" }; a test gives the value: t:board("cycles", n). */
static int leaderboard(lua_State *L)
{
    static const char *const words[] = { "name", "order" };
    struct grading *g = grading_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    known_fields(L, 1, "leaderboard", words, 2);
    if (g->boards == GRADING_BOARD) return luaL_error(L, "at most %d leaderboards", GRADING_BOARD);
    struct grading_board *b = &g->board[g->boards++];
    lua_getfield(L, 1, "name");
    snprintf(b->name, sizeof b->name, "%s", luaL_checkstring(L, -1));
    lua_getfield(L, 1, "order");
    b->ascending = strcmp(luaL_optstring(L, -1, "desc"), "asc") == 0;
    return 0;
}

static int open_api(lua_State *L)
{
    till_open(L);
    include_open(L);
    exec_open(L);
    vm_open(L);
    claims_open(L);
    invented_open(L);
    lua_pushcfunction(L, test);
    lua_setglobal(L, "test");
    lua_pushcfunction(L, leaderboard);
    lua_setglobal(L, "leaderboard");
    return 0;
}

/* "sealed.txt" beside the tests, if there is one. */
static void read_seals(struct grading *g)
{
    char path[640];
    struct err ignored = { 0 };
    snprintf(path, sizeof path, "%s/sealed.txt", g->tests->dir);
    text_read(&g->seals, path, 1 << 16, &ignored);
}

struct grading *grading_open(const char *dir, const char *path, struct err *e)
{
    (void)dir;
    struct grading *g = calloc(1, sizeof *g);
    struct script *s = g ? script_new(path, e) : NULL;
    if (!s) {
        free(g);
        err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
        return NULL;
    }
    g->tests = s;
    s->grading = g;
    s->declared = true;
    s->steps = 1;
    s->step[0] = (struct script_step){ .run_ref = LUA_NOREF, .body_ref = LUA_NOREF, .expect_ref = LUA_NOREF, .insns = UINT64_MAX };
    s->step[0].title = script_copy(""), s->step[0].note = script_copy("");
    s->step[0].told = script_copy(""), s->step[0].showed = script_copy("");
    struct loading x = { .s = s };
    bool ok = include_begin(&x, open_api, e);
    if (ok) sandbox_budget(&s->box, SANDBOX_LOADING, 1, " while it was loaded");
    ok = ok && include_run(&x, e);
    if (ok && !g->count) ok = err_set(e, EXIT_INPUT, "%s: no test in this file; write test \"name\" { points = 10 } (function(t) ... end)", s->file);
    if (ok) {
        read_seals(g);
        return g;
    }
    grading_free(g);
    return NULL;
}

void grading_free(struct grading *g)
{
    if (!g) return;
    invented_free(g);
    script_free(g->tests);
    text_free(&g->seals);
    text_free(&g->now.printed);
    free(g);
}

unsigned grading_tests(const struct grading *g) { return g->count; }
const struct grading_test *grading_test(const struct grading *g, unsigned i) { return &g->test[i]; }

unsigned grading_boards(const struct grading *g, const struct grading_board **list)
{
    *list = g->board;
    return g->boards;
}

/* --- running ---------------------------------------------------------------------------------------------------- */

static int run_inside(lua_State *L)
{
    struct grading *g = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->body_ref[g->now.test - g->test]);
    lua_newuserdatauv(L, 1, 0);
    luaL_setmetatable(L, "t");
    lua_call(L, 1, 0);
    return 0;
}

/* Events and steps in a claim's words stand behind " | ": each gets a line of its own. */
static void add_line(struct grading_outcome *out, const char *line)
{
    static const char bar[] = " | ", own[] = "\n    ";
    struct text t = { 0 };
    for (const char *at; (at = strstr(line, bar)) != NULL; line = at + sizeof bar - 1) text_add(&t, "%.*s%s", (int)(at - line), line, own);
    text_add(&t, "%s", line);
    size_t n = strlen(out->message), room = sizeof out->message;
    if (n + t.len + 2 < room) snprintf(out->message + n, room - n, "%s%s", n ? "\n" : "", text_str(&t));
    text_free(&t);
}

/* What the parts are worth together, if nothing outside of them failed. */
static uint32_t credit_of(const struct grading_now *now)
{
    uint64_t all = 0, held = 0;
    for (unsigned i = 0; i < now->parts; i++) {
        all += now->part[i].weight;
        if (now->part[i].held) held += now->part[i].weight;
    }
    uint64_t credit = all ? GRADING_WHOLE * held / all : GRADING_WHOLE;
    return (uint32_t)(credit * now->credit / GRADING_WHOLE);
}

/* How the machine ended, if not well: claims about what the guest left behind say only that it is not there. */
static void say_end(const struct grading *g, struct grading_outcome *out)
{
    const struct machine *m = g->tests->machine;
    const struct machine_end end = m ? machine_end(m) : (struct machine_end){ .fate = FATE_RUNNING };
    struct text t = { 0 };
    if (end.fate == FATE_LIMIT) {
        text_add(&t, "the machine ran for all of its ");
        text_number(&t, g->now.test->cycles);
        text_add(&t, " cycles: does something loop?");
    } else if (end.fate != FATE_RUNNING && machine_exit_code(m)) {
        text_add(&t, "%s", end.why);
        if (end.fate == FATE_EXITED) text_add(&t, " (code %u)", end.code);
    }
    if (t.len) add_line(out, text_str(&t));
    text_free(&t);
}

static uint32_t judge_claims(struct grading *g, struct grading_outcome *out)
{
    const struct script *s = g->tests;
    bool limit = s->machine && machine_end(s->machine).fate == FATE_LIMIT;
    unsigned failed = 0, outside = 0;
    for (unsigned i = 0; i < s->checks; i++) failed += !s->check[i].passed;
    for (unsigned i = 0; i < s->checks; i++) outside += !s->check[i].passed && !s->check[i].elsewhere;
    if (failed) say_end(g, out);
    for (unsigned i = 0; i < s->checks; i++)
        if (!s->check[i].passed) add_line(out, s->check[i].text);
    if (!s->checks) {
        out->status = GRADING_UNGRADABLE;
        add_line(out, "the test claims nothing: it needs a t:eq or the like");
        return 0;
    }
    uint32_t credit = outside ? 0 : credit_of(&g->now);
    out->status = credit == GRADING_WHOLE ? GRADING_PASSED : credit ? GRADING_PARTIAL : limit ? GRADING_LIMIT : GRADING_FAILED;
    return credit;
}

static bool any_failed(const struct script *s)
{
    for (unsigned i = 0; i < s->checks; i++)
        if (!s->check[i].passed) return true;
    return false;
}

static uint32_t judge(struct grading *g, bool ran, const struct err *e, struct grading_outcome *out)
{
    if (g->now.blame) {
        out->status = g->now.blame == EXIT_LIMIT ? GRADING_LIMIT : GRADING_ERROR;
        add_line(out, g->now.blamed);
        return 0;
    }
    if (ran || (g->stay && any_failed(g->tests))) return judge_claims(g, out);
    out->status = GRADING_UNGRADABLE;
    add_line(out, e->text);
    return 0;
}

/* What a variant leaves behind. */
void grading_leave(struct grading *g)
{
    machine_free(g->tests->machine);
    g->tests->machine = NULL;
    submission_close(g);
    invented_free(g);
    g->stays = false;
}

uint32_t grading_variant(struct grading *g, const struct grading_test *t, const struct grading_student *who, uint32_t variant, struct grading_outcome *out)
{
    struct script *s = g->tests;
    struct err e = { 0 };
    char doing[140];
    text_free(&g->now.printed);
    g->now = (struct grading_now){ .test = t, .who = who, .variant = variant, .credit = GRADING_WHOLE,
                                   .chance = who->seed + (variant - 1) * 0x9E3779B97F4A7C15u };
    snprintf(doing, sizeof doing, " in test '%s'", t->name);
    check_forget(s, 0);
    s->now = 0;
    s->step[0].limit = t->cycles;
    s->box.birth++;
    g->begun = g->now.chance;
    sandbox_budget(&s->box, SANDBOX_STEP, g->now.chance, doing);
    bool ran = (who->image || submission_open(g)) && sandbox_run(&s->box, run_inside, g, &e);
    s->box.birth++;
    uint32_t credit = judge(g, ran, &e, out);
    if (s->machine) {
        out->cycles += machine_cycles(s->machine);
        out->insns += machine_guest_insns(s->machine);
    }
    out->lua += g->submission ? g->submission->box.used : 0;
    out->boards |= g->now.boards;
    for (unsigned i = 0; i < GRADING_BOARD; i++) out->board[i] += g->now.board[i];
    if (!out->printed[0]) snprintf(out->printed, sizeof out->printed, "%s", text_str(&g->now.printed));
    g->stays = g->stay && credit < GRADING_WHOLE;
    if (!g->stays) grading_leave(g);
    return credit;
}

/* All variants, for a right guess is soon made: the credit is that of the worst, and the message is of the first that was not whole. */
void grading_run(struct grading *g, unsigned i, const struct grading_student *who, struct grading_outcome *out)
{
    const struct grading_test *t = &g->test[i];
    struct grading_outcome one;
    *out = (struct grading_outcome){ .status = GRADING_PASSED, .credit = GRADING_WHOLE };
    for (uint32_t n = 1; n <= t->variants; n++) {
        one = (struct grading_outcome){ 0 };
        uint32_t credit = grading_variant(g, t, who, n, &one);
        out->cycles += one.cycles, out->insns += one.insns, out->lua += one.lua;
        out->boards |= one.boards;
        for (unsigned k = 0; k < GRADING_BOARD; k++) out->board[k] += one.board[k];
        if (n == 1) memcpy(out->printed, one.printed, sizeof out->printed);
        if (one.status == GRADING_PASSED) continue;
        if (out->status == GRADING_PASSED || one.status == GRADING_UNGRADABLE) {
            out->status = one.status;
            out->variant = t->variants > 1 ? n : 0;
            memcpy(out->message, one.message, sizeof out->message);
            memcpy(out->printed, one.printed, sizeof out->printed);
        }
        if (credit < out->credit) out->credit = credit;
        if (!credit) break;
    }
    if (!out->credit && out->status == GRADING_PARTIAL) out->status = GRADING_FAILED;
}
