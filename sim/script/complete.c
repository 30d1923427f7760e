/* What a line of Lua could go on with: for the Tab key of `ringside repl`. See sim/lesson.h.
 *
 * Idea: the words are those of the tables that the bindings look names up in (words.h), so nothing is offered that does not exist; and, of what lines before have
 * made, the names that are there. */
#include "sim/lesson.h"
#include "sim/script/words.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include "sim/script/script.h"

static const char *const globals[] = {
    "vm", "vm.", "vm:", "till.", "expect.", "function", "for", "local", "return", "while", "quit",
};

/* Where the word being typed begins: names with dots and colons. */
static const char *word_of(const char *typed)
{
    const char *at = typed + strlen(typed);
    while (at > typed && (isalnum((unsigned char)at[-1]) || at[-1] == '_' || at[-1] == '.' || at[-1] == ':')) at--;
    return at;
}

struct offers {
    const char *rest;                /* what has been typed of the last name */
    struct text *all;
    char *more;
    size_t room;
    unsigned n;
    const char *path;                /* names with points before it; "": none */
};

static void offer(struct offers *o, const char *word)
{
    size_t same = strlen(o->rest);
    if (strncmp(word, o->rest, same) != 0) return;
    const char *tail = word + same;
    if (!o->n++) {
        size_t k = strlen(tail) < o->room ? strlen(tail) : o->room - 1;
        memcpy(o->more, tail, k);
        o->more[k] = 0;
    } else {
        size_t k = 0;
        while (o->more[k] && o->more[k] == tail[k]) k++;
        o->more[k] = 0;
    }
    text_add(o->all, "%s%s", o->all->len ? " " : "", word);
}

/* Pushes the table that the path leads to, raw; false: to none. */
static bool lead(lua_State *L, const char *path)
{
    lua_pushglobaltable(L);
    while (*path) {
        size_t n = strcspn(path, ".:");
        lua_pushlstring(L, path, n);
        if (lua_rawget(L, -2) != LUA_TTABLE) return false;
        path += n + (path[n] != 0);
    }
    return true;
}

/* The keys of a table that are names. */
static int live_inside(lua_State *L)
{
    struct offers *o = lua_touserdata(L, 1);
    if (!lead(L, o->path)) return 0;
    int table = lua_gettop(L);
    lua_Integer n = sandbox_keys(L, table);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_settop(L, table + 1);
        lua_rawgeti(L, table + 1, i);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        const char *name = lua_tostring(L, -1);
        bool ours = !*o->path && (!strcmp(name, "vm") || name[0] == '_');
        if (!ours && (isalpha((unsigned char)*name) || *name == '_') && strlen(name) < 60) offer(o, name);
    }
    return 0;
}

static void offer_live(struct lesson *l, struct offers *o)
{
    struct script *s;
    struct err ignored = { 0 };
    memcpy(&s, &l, sizeof s); /* a lesson is the first member of its script */
    sandbox_budget(&s->box, SANDBOX_STEP, 1, "");
    (void)sandbox_run(&s->box, live_inside, o, &ignored);
}

unsigned lesson_complete(struct lesson *l, const char *typed, char *more, size_t room, struct text *all)
{
    const char *word = word_of(typed), *last = word + strlen(word), *words[SCRIPT_WORDS_MOST];
    char path[80] = "";
    *more = 0;
    while (last > word && last[-1] != '.' && last[-1] != ':') last--;
    if (last > word) snprintf(path, sizeof path, "%.*s", (int)(last - 1 - word), word);
    struct offers o = { .rest = last, .all = all, .more = more, .room = room, .path = path };
    for (size_t i = 0; last == word && i < sizeof globals / sizeof *globals; i++) offer(&o, globals[i]);
    for (const struct script_class *c = script_classes; *path && c->name; c++) {
        if (strcmp(c->name, path) != 0) continue;
        unsigned count = c->words(words);
        for (unsigned i = 0; i < count; i++) offer(&o, words[i]);
        return o.n;
    }
    if (l) offer_live(l, &o);
    return o.n;
}
