/* A laboratory, looked at without running it: `grade --dry`. See grading_dry in sim/grading.h.
 *
 * Idea 1: a submission has been loaded as a test would load it; then its text is looked through as a scenario's is (dry.c), with the words of what a
 * handler gets: `vm` in it is the virtual CPU, not the machine of tests.
 * Idea 2: what the tests will ask for must be there: functions that they call by a literal name, handlers that their machines ask.
 * Not found: fields of plain tables (insn, f), what depends on values, and whether anything is right. */
#include "sim/script/dry.h"

#include <stdio.h>
#include <string.h>
#include "sim/script/grading.h"

static const char *class_of_tests(const char *name) { return name; }

/* In a handler, a rule, a front end. */
static const char *class_of_submission(const char *name)
{
    static const struct { const char *name, *class; } words[] = {
        { "vm", "vmm.vm" }, { "vm.guest", "vmm.guest" }, { "emit", "bt.emit" }, { "ring", "ring" }, { "isa", "isa" },
    };
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].name, name)) return words[i].class;
    return NULL;
}

static void look_through(struct script *s, struct dry *d)
{
    d->s = s;
    for (unsigned i = 0; i < s->sources; i++) {
        d->file = s->source[i].name;
        dry_text(d, text_str(&s->source[i].text));
    }
}

/* --- what the tests ask for ---------------------------------------------------------------------------------------- */

struct wanted { const char *table, *name; bool there; }; /* table: NULL: a global function */

static int look(lua_State *L)
{
    struct wanted *w = lua_touserdata(L, 1);
    lua_pushglobaltable(L);
    if (w->table) {
        lua_pushstring(L, w->table);
        if (lua_rawget(L, -2) != LUA_TTABLE) return 0;
    }
    lua_pushstring(L, w->name);
    w->there = lua_rawget(L, -2) == LUA_TFUNCTION;
    return 0;
}

static void want(struct grading *g, struct dry *d, const char *table, const char *name)
{
    char line[400];
    struct err e = { 0 };
    struct wanted w = { table, name, false };
    if (!sandbox_run(&g->submission->box, look, &w, &e) || w.there) return;
    snprintf(line, sizeof line, "%s: there is no function %s%s%.60s in this file, which %s asks for\n", g->submission->file, table ? table : "", table ? "." : "", name, g->tests->file);
    if (strstr(text_str(d->out), line)) return;
    text_add(d->out, "%s", line);
    d->found++;
}

/* The next `word` in `text` that is no comment, as far as its line tells; NULL: none. */
static const char *find(const char *text, const char *word)
{
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        const char *begin = at;
        while (begin > text && begin[-1] != '\n') begin--;
        const char *comment = strstr(begin, "--");
        if (!comment || comment > at) return at;
    }
    return NULL;
}

/* t:call("NAME", ...) and t:call "NAME" */
static void want_called(struct grading *g, struct dry *d, const char *text)
{
    static const char call[] = "t:call";
    for (const char *at = text; (at = find(at, call)) != NULL;) {
        char name[64];
        at += sizeof call - 1;
        at += strspn(at, " (");
        if (sscanf(at, "\"%63[A-Za-z0-9_]\"", name) == 1) want(g, d, NULL, name);
    }
}

static void check_wanted(struct grading *g, struct dry *d)
{
    const struct script *s = g->tests;
    bool handlers = false, faults = false, rules = false, orders = false;
    for (unsigned i = 0; i < s->sources; i++) {
        const char *text = text_str(&s->source[i].text);
        want_called(g, d, text);
        handlers |= find(text, "handlers = t.submission") != NULL;
        faults |= find(text, "\"page_fault\"") != NULL;
        rules |= find(text, "\"rules\"") != NULL;
        orders |= find(text, "t:orders") != NULL;
    }
    if (faults) want(g, d, "vmm", "page_fault");
    else if (handlers && !rules) want(g, d, "vmm", "gp");
    if (orders) want(g, d, NULL, "front");
}

unsigned grading_dry(struct grading *g, const struct grading_student *who, bool names, struct text *out)
{
    struct dry d = { .out = out, .class_of = class_of_tests, .manual = "; docs/grading.md and docs/lua.md list what there is" };
    sandbox_budget(&g->tests->box, SANDBOX_STEP, 1, " while it was checked");
    look_through(g->tests, &d);
    g->now = (struct grading_now){ .test = &g->test[0], .who = who, .chance = who->seed };
    if (who->image) return d.found; /* what was built has no Lua */
    if (!submission_open(g)) {
        if (names) text_add(out, "%s\n", g->now.blamed), d.found++;
    } else {
        d.class_of = class_of_submission;
        d.manual = "; the lab's README lists what there is";
        d.own = true;
        if (names) look_through(g->submission, &d);
        check_wanted(g, &d);
    }
    submission_close(g);
    text_free(&g->now.printed);
    return d.found;
}
