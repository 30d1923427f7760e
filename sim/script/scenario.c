/* What a scenario file declares: scenario{}, s:step, s:draw; its machine is scenario_machine.c's. See docs/scenario.md.
 *
 * Idea: a table given by the author is read field by field against a list of known names, so that a misspelt one is an
 * error with a suggestion and not a silence. Everything ends up in C (struct script); only functions and conditions
 * stay in Lua, as references. */
#include "sim/script/fields.h"
#include "sim/script/script.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/script/till.h"

static void replace(char **to, const char *s)
{
    free(*to);
    *to = script_copy(s);
}

/* A function or table on top, kept. */
static void keep(lua_State *L, int *ref)
{
    luaL_unref(L, LUA_REGISTRYINDEX, *ref);
    lua_pushvalue(L, -1);
    *ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* --- scenario { } ----------------------------------------------------------------------------------------------- */

static void take_title(lua_State *L, void *to)
{
    snprintf(((struct script *)to)->pub.title, sizeof((struct script *)to)->pub.title, "%s", fields_text(L, "title"));
}
static void take_lecture(lua_State *L, void *to)
{
    snprintf(((struct script *)to)->pub.lecture, sizeof((struct script *)to)->pub.lecture, "%s",
             fields_text(L, "lecture"));
}
static void take_order(lua_State *L, void *to)
{
    if (!lua_isinteger(L, -1)) luaL_error(L, "order must be a whole number: the place in `ringside list`");
    ((struct script *)to)->order = (int)lua_tointeger(L, -1);
}

/* techniques = "te bt": words of --cpu */
static void take_techniques(lua_State *L, void *to)
{
    struct script *s = to;
    struct machine_cfg scratch = s->pub.cfg;
    struct err e = { 0 };
    char words[sizeof s->pub.techniques];
    if (strlen(fields_text(L, "techniques")) >= sizeof words) luaL_error(L, "techniques is too long");
    strcpy(words, lua_tostring(L, -1));
    strcpy(s->pub.techniques, words);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        if (!config_option(&scratch, "cpu", word, &e)) luaL_error(L, "techniques: %s", e.text);
}

/* reading = { "Popek, Goldberg: ...", ... } */
static void take_reading(lua_State *L, void *to)
{
    struct lesson *l = &((struct script *)to)->pub;
    if (!lua_istable(L, -1)) luaL_error(L, "reading must be a list of texts");
    lua_Integer n = luaL_len(L, -1);
    if (n > LESSON_READINGS) luaL_error(L, "reading: at most %d entries; who would read more?", LESSON_READINGS);
    for (l->readings = 0; l->readings < (unsigned)n; l->readings++) {
        lua_geti(L, -1, l->readings + 1);
        const char *text = fields_text(L, "an entry of reading");
        if (strlen(text) >= sizeof l->reading[0]) luaL_error(L, "an entry of reading has at most %d bytes", (int)sizeof l->reading[0] - 1);
        strcpy(l->reading[l->readings], text);
        text_clean(l->reading[l->readings], false);
        lua_pop(L, 1);
    }
}

static void take_machine(lua_State *L, void *to)
{
    (void)to;
    scenario_machine(L, -1);
}

static const struct field scenario_fields[] = {
    { "title", take_title }, { "lecture", take_lecture }, { "order", take_order }, { "machine", take_machine },
    { "techniques", take_techniques }, { "reading", take_reading },
};

static int scenario(lua_State *L)
{
    struct script *s = script_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (s->declared) return luaL_error(L, "a file holds one scenario; move the second one to a file of its own");
    s->declared = true;
    TAKE_FIELDS(L, 1, "scenario", scenario_fields, s);
    text_clean(s->pub.title, false);
    text_clean(s->pub.lecture, false);
    if (!s->pub.title[0]) return luaL_error(L, "a scenario needs a title; write title = \"...\"");
    lua_newtable(L);
    luaL_setmetatable(L, "scenario");
    return 1;
}

/* --- s:step "Title" { ... } ------------------------------------------------------------------------------------- */

static void take_run(lua_State *L, void *to)
{
    if (lua_isfunction(L, -1)) {
        keep(L, &((struct script_step *)to)->body_ref);
        return;
    }
    if (!till_is(L, -1))
        luaL_error(L, "run must be a condition such as till.label \"kmain\", or a function(vm), not a %s",
                   luaL_typename(L, -1));
    keep(L, &((struct script_step *)to)->run_ref);
}
static void take_lines(lua_State *L, const char *name, char **to)
{
    char *lines = script_copy(fields_text(L, name));
    script_unindent(lines);
    free(*to);
    *to = lines;
}
static void take_note(lua_State *L, void *to) { take_lines(L, "note", &((struct script_step *)to)->note); }
static void take_say(lua_State *L, void *to) { take_lines(L, "say", &((struct script_step *)to)->say); }
static void take_minutes(lua_State *L, void *to)
{
    if (!lua_isinteger(L, -1) || lua_tointeger(L, -1) < 1 || lua_tointeger(L, -1) > 90)
        luaL_error(L, "minutes must be a whole number from 1 to 90: how long a speaker talks about the step");
    ((struct script_step *)to)->minutes = (unsigned)lua_tointeger(L, -1);
}
static void take_show(lua_State *L, void *to) { replace(&((struct script_step *)to)->show, fields_text(L, "show")); }
static void take_expect(lua_State *L, void *to)
{
    if (!lua_isfunction(L, -1)) luaL_error(L, "expect must be a function; write expect = function(vm) ... end");
    keep(L, &((struct script_step *)to)->expect_ref);
}
static void take_limit(lua_State *L, void *to)
{
    if (lua_type(L, -1) != LUA_TNUMBER || lua_tonumber(L, -1) < 1) luaL_error(L, "limit must be a number of cycles");
    ((struct script_step *)to)->limit = (uint64_t)lua_tonumber(L, -1);
}

static void take_focus(lua_State *L, void *to) /* checked, and kept for views that highlight */
{
    (void)to;
    if (!lua_istable(L, -1)) luaL_error(L, "focus must be a list such as { \"cpu.flags\", \"events\" }");
}

static void take_choices(lua_State *L, void *to)
{
    struct script_step *step = to;
    if (!lua_istable(L, -1)) luaL_error(L, "choices must be a list of texts");
    lua_Integer n = luaL_len(L, -1);
    if (n < 2 || n > LESSON_CHOICES) luaL_error(L, "a question has 2 to %d choices, not %d", LESSON_CHOICES, (int)n);
    for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, -1, i + 1);
        replace(&step->choice[i], fields_text(L, "a choice"));
        lua_pop(L, 1);
    }
    step->choices = (unsigned)n;
}
static void take_answer(lua_State *L, void *to)
{
    if (!lua_isinteger(L, -1)) luaL_error(L, "answer must be the number of the right choice, from 1");
    ((struct script_step *)to)->answer = (unsigned)lua_tointeger(L, -1);
}

static const struct field ask_fields[] = { { "choices", take_choices }, { "answer", take_answer } };

/* ask = { "question", choices = { ... }, answer = 2 } */
static void take_ask(lua_State *L, void *to)
{
    struct script_step *step = to;
    if (!lua_istable(L, -1)) luaL_error(L, "ask must be { \"question\", choices = { ... }, answer = 1 }");
    lua_newtable(L); /* the named part alone; the question is entry 1 */
    for (unsigned i = 0; i < 2; i++) {
        lua_getfield(L, -2, ask_fields[i].name);
        lua_setfield(L, -2, ask_fields[i].name);
    }
    lua_geti(L, -2, 1);
    replace(&step->ask, fields_text(L, "the question, the first thing in ask,"));
    lua_pop(L, 1);
    TAKE_FIELDS(L, -1, "ask", ask_fields, step);
    lua_pop(L, 1);
    if (!step->choices) luaL_error(L, "ask: choices are missing; write choices = { \"...\", \"...\" }");
    if (step->answer < 1 || step->answer > step->choices)
        luaL_error(L, "ask: answer must be 1 to %d", (int)step->choices);
}

static const struct field step_fields[] = {
    { "run", take_run }, { "note", take_note }, { "show", take_show }, { "ask", take_ask }, { "expect", take_expect },
    { "limit", take_limit }, { "focus", take_focus }, { "say", take_say }, { "minutes", take_minutes },
};

static struct script_step *add_step(lua_State *L, struct script *s, const char *title)
{
    if (s->steps == SCRIPT_STEPS) luaL_error(L, "a scenario has at most %d steps; make two of it", SCRIPT_STEPS);
    struct script_step *step = &s->step[s->steps++];
    *step = (struct script_step){
        .run_ref = LUA_NOREF, .body_ref = LUA_NOREF, .expect_ref = LUA_NOREF, .limit = SCRIPT_LIMIT, .insns = UINT64_MAX
    };
    step->title = script_copy(title);
    text_clean(step->title, false);
    step->note = script_copy("");
    step->say = script_copy("");
    step->show = script_copy("");
    step->told = script_copy("");
    step->showed = script_copy("");
    return step;
}

/* The second call of s:step "Title" { ... }; the title is upvalue 1. */
static int step_body(lua_State *L)
{
    struct script *s = script_of(L);
    lua_settop(L, 1);
    const char *title = lua_tostring(L, lua_upvalueindex(1));
    if (!lua_istable(L, 1) && !lua_isfunction(L, 1))
        return luaL_error(L, "step '%s' needs a table or a function(vm), not a %s", title, luaL_typename(L, 1));
    struct script_step *step = add_step(L, s, title);
    luaL_where(L, 1);
    snprintf(step->where, sizeof step->where, "%s", lua_tostring(L, -1));
    lua_settop(L, 1);
    if (lua_isfunction(L, 1)) keep(L, &step->body_ref);
    else TAKE_FIELDS(L, 1, "a step", step_fields, step);
    free(s->pending);
    s->pending = NULL;
    return 0;
}

static int step_title(lua_State *L)
{
    struct script *s = script_of(L);
    const char *title = luaL_checkstring(L, 2);
    if (strlen(title) > 100) return luaL_error(L, "a step's title has at most 100 bytes; the note may be longer");
    if (s->machine) return luaL_error(L, "steps are declared while the file is loaded, not while a step runs");
    if (s->pending) return luaL_error(L, "step '%s' has no body; write s:step \"%s\" { ... }", s->pending, s->pending);
    for (unsigned i = 0; i < s->steps; i++)
        if (!strcmp(s->step[i].title, title))
            return luaL_error(L, "there is a step '%s' already; give each its own title", title);
    s->pending = script_copy(title);
    lua_settop(L, 2);
    lua_pushcclosure(L, step_body, 1);
    return 1;
}

/* s "Title": a reference to a step, for s:draw. */
static int step_reference(lua_State *L)
{
    struct script *s = script_of(L);
    const char *title = luaL_checkstring(L, 2), *words[SCRIPT_STEPS];
    char maybe[200];
    for (unsigned i = 0; i < s->steps; i++) {
        words[i] = s->step[i].title;
        if (strcmp(words[i], title) != 0) continue;
        lua_createtable(L, 0, 1);
        lua_pushinteger(L, (lua_Integer)i);
        lua_setfield(L, -2, "step");
        return 1;
    }
    sandbox_suggest(title, words, s->steps, maybe, sizeof maybe);
    return luaL_error(
        L, strlen(title) > 100 ? "there is no step of that long name" : "there is no step '%s' above this line%s",
        title, *maybe ? maybe : "; draw after the last step");
}

/* --- s:draw "name" { kind = "ladder", from = s "A", to = s "B" } ------------------------------------------------ */

struct drawing_ends { struct script *s; struct script_drawing *d; };

static void take_kind(lua_State *L, void *to) { replace(&((struct drawing_ends *)to)->d->kind, fields_text(L, "kind")); }

/* A step reference, or a condition that is the `run` of some step from `least` on. */
static unsigned step_index(lua_State *L, const struct script *s, unsigned least, const char *name)
{
    if (till_is(L, -1)) {
        for (unsigned i = least; i < s->steps; i++) {
            if (s->step[i].run_ref == LUA_NOREF) continue;
            lua_rawgeti(L, LUA_REGISTRYINDEX, s->step[i].run_ref);
            bool same = till_same(L, lua_gettop(L), lua_gettop(L) - 1);
            lua_pop(L, 1);
            if (same) return i;
        }
        luaL_error(L, "%s: no step runs until that; name a step: s \"Title\"", name);
    }
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "step");
        lua_Integer i = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
        lua_pop(L, 1);
        if (i >= 0 && i < (lua_Integer)s->steps) return (unsigned)i;
    }
    luaL_error(L, "%s must be a step: s \"Title\"", name);
    return 0;
}

static void take_from(lua_State *L, void *to)
{
    struct drawing_ends *x = to;
    x->d->from = step_index(L, x->s, 0, "from");
}
static void take_to(lua_State *L, void *to)
{
    struct drawing_ends *x = to;
    x->d->to = step_index(L, x->s, x->d->from, "to");
}

static const struct field draw_fields[] = { { "kind", take_kind }, { "from", take_from }, { "to", take_to } };

static int draw_body(lua_State *L)
{
    struct script *s = script_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    if (s->drawings == SCRIPT_DRAWINGS) return luaL_error(L, "a scenario has at most %d drawings", SCRIPT_DRAWINGS);
    if (!s->steps) return luaL_error(L, "draw after the steps: there is none yet");
    struct script_drawing *d = &s->drawing[s->drawings++];
    *d = (struct script_drawing){ .from = 0, .to = s->steps - 1 };
    d->name = script_copy(lua_tostring(L, lua_upvalueindex(1)));
    d->kind = script_copy("ladder");
    struct drawing_ends ends = { s, d };
    TAKE_FIELDS(L, 1, "a drawing", draw_fields, &ends);
    if (strcmp(d->kind, "ladder") != 0)
        return luaL_error(L, "a drawing of kind '%s' is not available; known: ladder", d->kind);
    if (d->to < d->from) return luaL_error(L, "drawing '%s' ends before it begins; exchange from and to", d->name);
    return 0;
}

static int draw_name(lua_State *L)
{
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushcclosure(L, draw_body, 1);
    return 1;
}

void scenario_finish(lua_State *L)
{
    struct script *s = script_of(L);
    if (!s->declared)
        luaL_error(L, "%s: no scenario in this file; it begins with: local s = scenario { title = \"...\" }", s->file);
    if (s->pending)
        luaL_error(L, "%s: step '%s' has no body; write s:step \"%s\" { ... }", s->file, s->pending, s->pending);
}

static int unknown_method(lua_State *L)
{
    static const char *const words[] = { "step", "draw" };
    const char *name = luaL_checkstring(L, 2);
    char maybe[80];
    if (!strcmp(name, "step")) lua_pushcfunction(L, step_title);
    else if (!strcmp(name, "draw")) lua_pushcfunction(L, draw_name);
    else {
        sandbox_suggest(name, words, 2, maybe, sizeof maybe);
        return luaL_error(L, "a scenario has no '%s'%s; it has s:step and s:draw", name, maybe);
    }
    return 1;
}

void scenario_open(lua_State *L)
{
    luaL_newmetatable(L, "scenario");
    lua_pushcfunction(L, unknown_method);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, step_reference);
    lua_setfield(L, -2, "__call");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_pushcfunction(L, scenario);
    lua_setglobal(L, "scenario");
}
