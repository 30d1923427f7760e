/* See sandbox.h: allocator, hook, budget, and the one protected call.
 *
 * A hook that raises leaves hooks off in its coroutine until somebody catches the error (ldo.c: allowhook). Three
 * things would run script code in that state, without any limit: a message handler (our xpcall calls it after
 * unwinding), closing the dead coroutine's variables (our coroutine.wrap and .close do not), and finalizers
 * (setmetatable refuses __gc). */
#include "sim/script/sandbox.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim/config.h"

enum { HOOK_EVERY = 1000, BYTES_PER_INSTRUCTION = 128, REFUSALS = 8, ARGUMENTS = 1000, STACK_LEAST = 65536, SLOT = 16, SHIFTS_PER_INSTRUCTION = 4096 };
enum { HEAD_MAGIC = 0x52494E47, VECTOR = 0 };

/* Before every block. */
struct head {
    uint32_t magic, birth, shown, spare;
};
_Static_assert(sizeof(struct head) % _Alignof(max_align_t) == 0, "blocks must stay aligned");

/* Remembers the innermost script line of the running coroutine. Reads the call chain only: legal in the allocator. */
static void note_place(struct sandbox *box)
{
    lua_Debug ar;
    box->over_line = 0;
    for (int level = 0; box->running && lua_getstack(box->running, level, &ar); level++) {
        lua_getinfo(box->running, "Sl", &ar);
        if (ar.currentline <= 0) continue;
        box->over_line = ar.currentline;
        strncpy(box->over_file, ar.short_src, sizeof box->over_file - 1);
        return;
    }
}

static void end_it(struct sandbox *box, enum sandbox_over why)
{
    if (box->over) return;
    box->over = (uint8_t)why;
    note_place(box);
}

/* May the script have `more` bytes? Growth is also paid for: one instruction can copy a long string. A first refusal
 * makes Lua collect its garbage and ask again; the second one in a row is the end. So are several that were not asked
 * again: buffers of the string library give up at once, and a script may catch that. New vectors, as tables' hash parts are, cost no
 * instructions: when a table grows depends on where its keys hash to, which is not the same in every run. */
static bool afford(struct sandbox *box, size_t more, int type)
{
    if (!box->main) return true; /* the state itself is being made */
    size_t refused = box->refused;
    if (refused && refused != more) box->refusals++;
    box->refused = 0;
    if (type != VECTOR) box->used += more / BYTES_PER_INSTRUCTION;
    if (type == LUA_TSTRING && more > SANDBOX_STRING + 64) end_it(box, OVER_STRING);
    else if (more > SANDBOX_MEMORY) end_it(box, OVER_MEMORY);
    else if (box->bytes + more > SANDBOX_MEMORY && (refused == more || box->refusals == REFUSALS))
        end_it(box, OVER_MEMORY);
    else if (box->bytes + more > SANDBOX_MEMORY) box->refused = more;
    else if (box->used > box->budget && more > HOOK_EVERY * BYTES_PER_INSTRUCTION) end_it(box, OVER_INSTRUCTIONS);
    else return true;
    return false;
}

/* Stacks begin with 40 slots and 5 to spare, and double (ldo.c: luaD_reallocstack). Vectors of other sizes are tables' parts and buffers. */
static bool stack_size(size_t size)
{
    size_t n = size % SLOT ? 0 : size / SLOT - 5;
    while (n > 40 && n % 2 == 0) n /= 2;
    return n == 40;
}

/* A large stack may be shifted slot by slot, in one instruction: by a chain of __call. That work is paid for when it becomes possible. */
static bool afford_stack(struct sandbox *box, size_t size)
{
    uint64_t slots = size / SLOT;
    if (!box->main || !stack_size(size)) return true;
    box->used += slots * slots / SHIFTS_PER_INSTRUCTION;
    if (box->used > box->budget) end_it(box, OVER_STACK);
    return !box->over;
}

static void *allocate(void *ud, void *block, size_t old, size_t size)
{
    struct sandbox *box = ud;
    struct head *h = block ? (struct head *)block - 1 : NULL;
    int type = block ? LUA_TNONE : (int)old; /* for a new block Lua says here what it is for: VECTOR, if no object */
    size_t had = block ? old : 0;
    if (!size) {
        if (h) box->bytes -= had;
        free(h);
        return NULL;
    }
    if (size > had && !afford(box, size - had, type)) return NULL;
    if (!h && type == VECTOR && size > STACK_LEAST && !afford_stack(box, size)) return NULL;
    struct head *fresh = realloc(h, sizeof *h + size);
    if (!fresh) return NULL;
    box->bytes += size - had;
    if (!h) {
        bool object = type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TTHREAD;
        *fresh = (struct head){ HEAD_MAGIC, object ? ++box->births : 0, 0, 0 };
    }
    return fresh + 1;
}

static const char *over_text(const struct sandbox *box)
{
    switch (box->over) {
    case OVER_MEMORY: return "needs more than 64 MB of memory";
    case OVER_INTERRUPTED: return "interrupted";
    case OVER_STACK: return "stack overflow";
    case OVER_STRING: return "makes a string of more than 1 MB";
    default: return "runs for too many Lua instructions";
    }
}

/* A function of that many that hands them on (`f(1, ...)`) copies them all with one instruction, and would take for ever. */
static bool too_many_arguments(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; level < 4 && lua_getstack(L, level, &ar); level++)
        if (lua_getlocal(L, &ar, -ARGUMENTS)) return lua_pop(L, 1), true;
    return false;
}

static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct sandbox *box = sandbox_of(L);
    if (!box->over) {
        box->used += HOOK_EVERY;
        if (too_many_arguments(L)) box->used += UINT64_C(1000) * HOOK_EVERY;
        if (box->used <= box->budget) return;
        end_it(box, OVER_INSTRUCTIONS);
    }
    lua_sethook(L, hook, LUA_MASKCOUNT, 1); /* whoever catches this gets no further than one instruction */
    luaL_error(L, "%s", over_text(box));
}

void sandbox_watch(lua_State *co) { lua_sethook(co, hook, LUA_MASKCOUNT, sandbox_of(co)->over ? 1 : HOOK_EVERY); }

void sandbox_charge(lua_State *L, uint64_t n)
{
    struct sandbox *box = sandbox_of(L);
    box->used = n > UINT64_MAX - box->used ? UINT64_MAX : box->used + n;
    if (box->used <= box->budget && !box->over) return;
    end_it(box, OVER_INSTRUCTIONS);
    luaL_error(L, "%s", over_text(box));
}

int sandbox_end(lua_State *L, enum sandbox_over why)
{
    end_it(sandbox_of(L), why);
    return luaL_error(L, "%s", over_text(sandbox_of(L)));
}

void sandbox_budget(struct sandbox *box, uint64_t instructions, uint64_t seed, const char *doing)
{
    box->used = 0;
    box->refusals = 0;
    box->budget = instructions;
    box->over = OVER_NOTHING;
    box->chance = seed;
    snprintf(box->doing, sizeof box->doing, "%s", doing);
    sandbox_watch(box->main);
}

/* --- birth numbers ---------------------------------------------------------------------------------------------- */

static struct head *head_of(lua_State *L, int idx)
{
    const char *p = lua_topointer(L, idx);
    switch (lua_type(L, idx)) {
    case LUA_TTABLE: break;
    case LUA_TFUNCTION: /* a C function without upvalues is no object: its pointer is code */
        if (lua_iscfunction(L, idx)) {
            if (!lua_getupvalue(L, idx, 1)) return NULL;
            lua_pop(L, 1);
        }
        break;
    case LUA_TTHREAD: p -= LUA_EXTRASPACE; break; /* the block begins with the extra space */
    default: return NULL;
    }
    struct head *h;
    memcpy(&h, &(const void *){ p - sizeof *h }, sizeof(void *)); /* drops const without a cast */
    return h->magic == HEAD_MAGIC ? h : NULL;
}

uint32_t sandbox_birth(lua_State *L, int idx)
{
    const struct head *h = head_of(L, idx);
    return h ? h->birth : 0;
}

uint32_t sandbox_shown(lua_State *L, int idx)
{
    struct head *h = head_of(L, idx);
    if (!h) return 0;
    if (!h->shown) h->shown = ++sandbox_of(L)->shown;
    return h->shown;
}

/* --- messages --------------------------------------------------------------------------------------------------- */

const char *sandbox_unknown_key(lua_State *L, int idx, const char *const *words, unsigned n)
{
    const char *first = NULL;
    idx = lua_absindex(L, idx);
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        unsigned i = 0;
        while (i < n && strcmp(words[i], key) != 0) i++;
        if (i == n && (!first || strcmp(key, first) < 0)) first = key;
    }
    return first;
}

const char *sandbox_suggest(const char *word, const char *const *words, unsigned n, char *buf, size_t room)
{
    const char *near = word ? config_suggest(word, words, n) : NULL;
    if (near) snprintf(buf, room, " (did you mean '%s'?)", near);
    else buf[0] = 0;
    return buf;
}

/* What to try, by what Lua complains of. Messages of our own bring their suggestion along. */
static const struct { const char *has, *advice; } advices[] = {
    { "did you mean", "" },
    { "; ", "" },
    { "attempt to call a nil value", "; check the name against docs/lua.md" },
    { "attempt to call", "; is a comma missing on the line before?" },
    { "attempt to index a nil value", "; check the name before the dot against docs/lua.md" },
    { "attempt to", "; print the value in the step to see what it is" },
    { "binary chunk", "; give the Lua source instead" },
    { "unexpected symbol", "; is a comma or bracket missing before it?" },
    { "expected", "; is a comma, bracket or 'end' missing there?" },
    { "unfinished", "; close the quotes or brackets" },
    { "near ", "; see docs/scenario.md for the form of a scenario" },
    { "bad argument", "; see docs/lua.md" },
};

static const char *advice(const char *message)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (strstr(message, advices[i].has)) return advices[i].advice;
    return "; see docs/lua.md";
}

static void say_over(const struct sandbox *box, struct err *e)
{
    char where[90] = "scenario";
    struct text most = { 0 };
    if (box->over_line) snprintf(where, sizeof where, "%s:%d", box->over_file, box->over_line);
    text_number(&most, box->budget);
    if (box->over == OVER_INSTRUCTIONS)
        err_set(e, EXIT_LIMIT, "%s: ran for more than %s Lua instructions%s: an endless loop? make the loop end", where,
                text_str(&most), box->doing);
    else if (box->over == OVER_STACK)
        err_set(e, EXIT_INPUT, "%s: stack overflow%s: does a function call itself for ever?", where, box->doing);
    else if (box->over == OVER_INTERRUPTED)
        err_set(e, EXIT_INTERRUPTED, "%s: interrupted%s; run the step again to go on", where, box->doing);
    else
        err_set(e, EXIT_LIMIT, "%s: %s%s; keep less, or work on it in pieces", where, over_text(box), box->doing);
    text_free(&most);
}

static void say_error(lua_State *L, struct err *e)
{
    char clean[400];
    bool text = lua_type(L, -1) == LUA_TSTRING;
    const char *m = text ? lua_tostring(L, -1) : "an error was raised that is not a string";
    snprintf(clean, sizeof clean, "%s", m);
    text_clean(clean, false);
    bool placed = strstr(clean, ".lua"); /* Lua names the place, except where it has none: its own limits, tables */
    err_set(e, EXIT_INPUT, "%s%s%s", clean, placed ? "" : sandbox_of(L)->doing, advice(clean));
}

bool sandbox_run(struct sandbox *box, lua_CFunction fn, void *arg, struct err *e)
{
    lua_State *L = box->main;
    lua_settop(L, 0);
    box->running = L;
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    bool ok = lua_pcall(L, 1, 0, 0) == LUA_OK && !box->over;
    if (!ok && box->refused) end_it(box, OVER_MEMORY); /* a buffer of the string library, which does not ask twice */
    if (!ok && box->over) say_over(box, e);
    else if (!ok) say_error(L, e);
    lua_settop(L, 0);
    box->running = NULL;
    return ok;
}

void sandbox_load(lua_State *L, const char *text, size_t n, const char *name)
{
    lua_pushfstring(L, "@%s", name);
    if (n >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) text += 3, n -= 3; /* as Lua's own loader does */
    if (n >= 2 && (!memcmp(text, "\xFF\xFE", 2) || !memcmp(text, "\xFE\xFF", 2)))
        luaL_error(L, "%s:1: this text is UTF-16; save the file as UTF-8", name);
    if (n && *text == '#') { /* "#!/usr/bin/lua": the newline stays, so that lines keep their numbers */
        const char *end = memchr(text, '\n', n);
        n = end ? n - (size_t)(end - text) : 0, text = end ? end : text;
    }
    if (n && text[0] == LUA_SIGNATURE[0]) luaL_error(L, "%s:1: this is not Lua text; give the source file", name);
    if (luaL_loadbufferx(L, text, n, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
    lua_remove(L, -2);
}

static int open_libraries(lua_State *L)
{
    lib_base_open(L);
    lib_order_open(L);
    lib_coroutine_open(L);
    lib_string_open(L);
    lib_table_open(L);
    lib_math_open(L);
    return 0;
}

bool sandbox_open(struct sandbox *box, struct err *e)
{
    lua_State *L = lua_newstate(allocate, box);
    if (!L) return err_set(e, EXIT_ENVIRONMENT, "no memory for a Lua state; close other programs");
    *(struct sandbox **)lua_getextraspace(L) = box;
    box->main = L;
    sandbox_budget(box, SANDBOX_LOADING, 0, "");
    return sandbox_run(box, open_libraries, NULL, e);
}

void sandbox_close(struct sandbox *box)
{
    if (box->main) lua_close(box->main);
    box->main = NULL;
    text_free(&box->printed);
}
