/* lab.lua: what a lab is; bugs.lua: mutants of its solution. See sim/grading.h and docs/lab.md.
 *
 *     lab { title = "...", file = "handlers.lua", files = { "handlers.lua" }, order = 1 }
 * With build = "FOLDER" the files are C or assembler, and are built with that folder's.
 *     bug "forgets to skip" { file = "handlers.lua", from = "...", to = "..." } */
#include "sim/grading.h"
#include "sim/script/script.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LABS = 32 };

/* The lab being read is the owner's; a lab has no other state. */
static struct grading_lab *lab_of(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "lab");
    struct grading_lab *lab = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return lab;
}

/* Names of files in the lab's own folder: nothing else. */
static void take_name(lua_State *L, const char *field, char *to, size_t room)
{
    const char *name = luaL_checkstring(L, -1);
    if (!*name || strlen(name) >= room || name[0] == '/' || name[0] == '.' || strstr(name, "..") || strchr(name, '\\'))
        luaL_error(L, "%s: '%s' is no name of a file in the lab's folder", field, name);
    strcpy(to, name);
}

static void known(lua_State *L, const char *what, const char *const *words, unsigned n)
{
    char maybe[80];
    const char *key = sandbox_unknown_key(L, 1, words, n);
    if (key) luaL_error(L, "%s has no field '%s'%s", what, key, sandbox_suggest(key, words, n, maybe, sizeof maybe));
}

static int declare_lab(lua_State *L)
{
    static const char *const words[] = { "title", "file", "files", "order", "build" };
    struct grading_lab *lab = lab_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    known(L, "lab", words, 5);
    lua_getfield(L, 1, "title");
    snprintf(lab->title, sizeof lab->title, "%s", luaL_checkstring(L, -1));
    lua_getfield(L, 1, "order");
    lab->order = (unsigned)luaL_optinteger(L, -1, 99);
    lua_getfield(L, 1, "file");
    take_name(L, "file", lab->file, sizeof lab->file);
    if (lua_getfield(L, 1, "build") != LUA_TNIL) take_name(L, "build", lab->build, sizeof lab->build);
    lua_getfield(L, 1, "files");
    if (lua_isnil(L, -1)) {
        strcpy(lab->name_of[0], lab->file);
        lab->files = 1;
        return 0;
    }
    lua_Integer n = luaL_len(L, -1);
    if (n < 1 || n > 16) return luaL_error(L, "files: a list of 1 to 16 names");
    for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, -1, i + 1);
        take_name(L, "files", lab->name_of[i], sizeof lab->name_of[i]);
        lua_pop(L, 1);
    }
    lab->files = (unsigned)n;
    return 0;
}

static int bug_body(lua_State *L)
{
    static const char *const words[] = { "file", "from", "to" };
    struct grading_lab *lab = lab_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    known(L, "bug", words, 3);
    if (lab->bugs == sizeof lab->bug / sizeof lab->bug[0]) return luaL_error(L, "a lab has at most 32 bugs");
    struct grading_bug *b = &lab->bug[lab->bugs];
    snprintf(b->name, sizeof b->name, "%s", lua_tostring(L, lua_upvalueindex(1)));
    lua_getfield(L, 1, "file");
    if (lua_isnil(L, -1)) strcpy(b->file, lab->file);
    else take_name(L, "file", b->file, sizeof b->file);
    lua_getfield(L, 1, "to");
    lua_getfield(L, 1, "from");
    b->from = script_copy(luaL_checkstring(L, -1));
    b->to = script_copy(luaL_checkstring(L, -2));
    lab->bugs++;
    return 0;
}

static int bug(lua_State *L)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushcclosure(L, bug_body, 1);
    return 1;
}

static int open_api(lua_State *L)
{
    lua_pushvalue(L, 1); /* the struct grading_lab */
    lua_setfield(L, LUA_REGISTRYINDEX, "lab");
    lua_pushcfunction(L, declare_lab);
    lua_setglobal(L, "lab");
    lua_pushcfunction(L, bug);
    lua_setglobal(L, "bug");
    return 0;
}

static bool read_file(struct grading_lab *lab, const char *name, struct err *e)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", lab->dir, name);
    struct script *s = script_new(path, e);
    if (!s) return false;
    struct loading x = { .s = s, .self = lab };
    bool ok = include_begin(&x, open_api, e);
    if (ok) sandbox_budget(&s->box, SANDBOX_LOADING, 1, " while it was loaded");
    ok = ok && include_run(&x, e);
    script_free(s);
    return ok;
}

static bool exists(const char *dir, const char *name)
{
    char path[640];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool unknown(const char *name, struct err *e)
{
    char names[LABS][32];
    const char *words[LABS];
    unsigned n = find_labs(names, LABS);
    for (unsigned i = 0; i < n; i++) words[i] = names[i];
    const char *near = config_suggest(name, words, n);
    if (near) return err_set(e, EXIT_INPUT, "%s: there is no lab of that name; did you mean '%s'?", name, near);
    return err_set(e, EXIT_INPUT, "%s: there is no lab of that name, nor a folder with a lab.lua; `ringside list` names the labs", name);
}

bool grading_lab(const char *name, struct grading_lab *lab, struct err *e)
{
    *lab = (struct grading_lab){ 0 };
    if (!find_lab(name, lab->dir)) {
        if (strlen(name) >= sizeof lab->dir - 100 || !exists(name, "lab.lua")) return unknown(name, e);
        strcpy(lab->dir, name);
        while (strlen(lab->dir) > 1 && lab->dir[strlen(lab->dir) - 1] == '/') lab->dir[strlen(lab->dir) - 1] = 0;
    }
    char *real = realpath(lab->dir, NULL); /* "." has a name, too */
    const char *whole = real ? real : lab->dir, *slash = strrchr(whole, '/');
    snprintf(lab->name, sizeof lab->name, "%.47s", slash ? slash + 1 : whole);
    free(real);
    bool ok = read_file(lab, "lab.lua", e);
    if (ok && !lab->file[0]) ok = err_set(e, EXIT_INPUT, "%s/lab.lua: it declares no lab; write lab { title = \"...\", file = \"...\" }", lab->dir);
    if (ok && exists(lab->dir, "bugs.lua")) ok = read_file(lab, "bugs.lua", e);
    if (!ok) grading_lab_free(lab);
    return ok;
}

void grading_lab_free(struct grading_lab *lab)
{
    for (unsigned i = 0; i < lab->bugs; i++) {
        free(lab->bug[i].from);
        free(lab->bug[i].to);
    }
    lab->bugs = 0;
}

static int by_order(const void *a, const void *b)
{
    const struct grading_lab *x = a, *y = b;
    return x->order != y->order ? (x->order > y->order) - (x->order < y->order) : strcmp(x->name, y->name);
}

unsigned grading_labs(struct grading_lab *list, unsigned room, struct err *e)
{
    char names[LABS][32];
    unsigned n = find_labs(names, LABS), kept = 0;
    for (unsigned i = 0; i < n && kept < room; i++) kept += grading_lab(names[i], &list[kept], e);
    qsort(list, kept, sizeof *list, by_order);
    return kept;
}
