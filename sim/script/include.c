/* Reading scenario files, and include "file": more Lua from the scenario's own directory.
 *
 * A scenario is untrusted text, so include takes plain relative names only: nothing absolute, no "..", no links on the
 * way (each component is opened with O_NOFOLLOW relative to the one before, so nothing can change underneath). */
#include "sim/script/grading.h"
#include "sim/script/script.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 8 };

/* Reads all of `fd` into `t`; false if it is no regular file, too long or unreadable. Closes it. */
static bool read_all(int fd, struct text *t)
{
    char block[8192];
    struct stat st;
    ssize_t n = -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= SANDBOX_SOURCE)
        while ((n = read(fd, block, sizeof block)) > 0 && t->len <= SANDBOX_SOURCE) text_bytes(t, block, (size_t)n);
    close(fd);
    return n == 0;
}

/* The source is kept: expectations quote from it. */
void include_source(lua_State *L, int fd, const char *name)
{
    struct script *s = script_of(L);
    if (s->sources == SCRIPT_SOURCES) {
        close(fd);
        luaL_error(L, "more than %d files make up this scenario; put some together", SCRIPT_SOURCES);
    }
    struct script_source *src =
        &s->source[s->sources++]; /* owned by the script from here on: a Lua error leaks nothing */
    src->name = script_copy(name);
    if (!read_all(fd, &src->text))
        luaL_error(L, "%s: cannot be read as a scenario; it must be a text file of at most 1 MB", name);
    sandbox_charge(L, src->text.len / 8 + 1);
    sandbox_load(L, text_str(&src->text), src->text.len, name);
}

static int open_main(struct script *s, struct err *e)
{
    bool handed_in = s->grading && s != s->grading->tests; /* by somebody who may want to see what it leads to */
    int fd = open(s->pub.path, O_RDONLY | O_CLOEXEC | (handed_in ? O_NOFOLLOW | O_NONBLOCK : 0));
    if (fd < 0 && handed_in)
        err_set(e, EXIT_INPUT, "%s: %s", s->file, errno == ELOOP ? "a link; hand in the file itself" : strerror(errno));
    else if (fd < 0)
        err_set(e, EXIT_INPUT, "%s: %s; `ringside list` names the scenarios that come along", s->pub.path,
                strerror(errno));
    return fd;
}

bool include_begin(struct loading *x, lua_CFunction api, struct err *e)
{
    x->fd = open_main(x->s, e);
    if (x->fd < 0) return false;
    if (sandbox_open(&x->s->box, e) && sandbox_run(&x->s->box, api, x->self, e)) return true;
    close(x->fd);
    return false;
}

static int run_inside(lua_State *L)
{
    struct loading *x = lua_touserdata(L, 1);
    include_source(L, x->fd, x->s->file);
    lua_call(L, 0, 0);
    if (x->then) x->then(L);
    return 0;
}

bool include_run(struct loading *x, struct err *e) { return sandbox_run(&x->s->box, run_inside, x, e); }

/* Opens `name` below the directory `fd`, component by component; -1 if any is missing or a link. Closes `fd`. */
static int open_below(int fd, const char *name)
{
    char part[256];
    while (fd >= 0) {
        const char *slash = strchr(name, '/');
        size_t n = slash ? (size_t)(slash - name) : strlen(name);
        if (n == 0 || n >= sizeof part) break;
        memcpy(part, name, n);
        part[n] = 0;
        if (!strcmp(part, "..")) break;
        int next = openat(fd, part, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (slash ? O_DIRECTORY : 0));
        close(fd);
        if (!slash) return next;
        fd = next;
        name = slash + 1;
    }
    if (fd >= 0) close(fd);
    return -1;
}

static int include(lua_State *L)
{
    struct script *s = script_of(L);
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    if (name[0] == '/' || strstr(name, "..") || strchr(name, '\\'))
        return luaL_error(L, "include \"%s\": only files in the scenario's own directory; copy it there", name);
    if (s->include_depth >= DEPTH)
        return luaL_error(L, "include \"%s\": includes go more than %d deep; do files include each other?", name,
                          DEPTH);
    int fd = open_below(open(s->dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY), name);
    if (fd < 0)
        return luaL_error(L, "include \"%s\": no such file in the scenario's directory, or a link; copy it there",
                          name);
    include_source(L, fd, name);
    s->include_depth++;
    lua_call(L, 0, LUA_MULTRET);
    s->include_depth--;
    return lua_gettop(L) - 1;
}

void include_open(lua_State *L)
{
    lua_pushcfunction(L, include);
    lua_setglobal(L, "include");
}
