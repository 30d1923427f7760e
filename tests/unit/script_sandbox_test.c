/* Scenarios that misbehave, one row per risk: each must end with the right exit code, one clear line, and soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "sim/lesson.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SECONDS = 12 };
#else
enum { SECONDS = 2 };
#endif

static char dir[64]; /* scratch directory of this run */

static void write_file(const char *name, const char *text, size_t n)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Loads `body` as a scenario of one empty step; the error is in `e`. Frees the lesson; true if it loaded. */
static bool load(const char *body, struct err *e, char *note, size_t room)
{
    static const char head[] = "local s = scenario { title = 't' };\n",
                      tail[] = "\ns:step 'one' { note = 'n' }\nreturn s\n";
    char path[128], *text = malloc(strlen(body) + sizeof head + sizeof tail);
    assert_non_null(text);
    sprintf(text, "%s%s%s", head, body, tail);
    write_file("x.lua", text, strlen(text));
    free(text);
    snprintf(path, sizeof path, "%s/x.lua", dir);
    double start = seconds();
    struct lesson *l = lesson_open(path, e);
    double took = seconds() - start;
    if (took > SECONDS) fail_msg("took %.1f s: %s", took, body);
    if (!l) return false;
    struct lesson_step step;
    l->ops->step(l, 0, &step);
    if (note) snprintf(note, room, "%s", step.note);
    l->ops->free(l);
    return true;
}

struct row { const char *what, *body; int code; const char *has; };

/* Must end with that code and a line that has the text. */
static const struct row attacks[] = {
    /* time */
    { "endless loop", "while true do end", EXIT_LIMIT, "endless loop?" },
    { "line in the message", "\n\nwhile true do end", EXIT_LIMIT,
      "x.lua:4: ran for more than 5,000,000 Lua instructions" },
    { "recursion without end", "local function f() return f() end f()", EXIT_LIMIT, "endless loop?" },
    { "pcall swallows", "while true do pcall(function() while true do end end) end", EXIT_LIMIT, "endless loop?" },
    { "pcall of pcall", "while true do pcall(pcall, pcall, function() while true do end end) end", EXIT_LIMIT,
      "endless loop?" },
    { "xpcall handler loops", "xpcall(function() while true do end end, function() while true do end end)", EXIT_LIMIT,
      "endless loop?" },
    { "xpcall handler of an error loops", "xpcall(error, function() while true do end end)", EXIT_LIMIT,
      "endless loop?" },
    { "coroutine", "coroutine.wrap(function() while true do end end)()", EXIT_LIMIT, "endless loop?" },
    { "coroutines again and again",
      "while true do local co = coroutine.create(function() while true do end end) coroutine.resume(co) end",
      EXIT_LIMIT, "endless loop?" },
    { "coroutines within pcall",
      "while true do pcall(coroutine.wrap(function() pcall(function() while true do end end) end)) end", EXIT_LIMIT,
      "endless loop?" },
    { "closing a dead coroutine's variables",
      "local co = coroutine.wrap(function() local x <close> = setmetatable({}, { __close = function() while true do "
      "end end })"
      " while true do end end) co()",
      EXIT_LIMIT, "endless loop?" },
    { "coroutine.close runs __close",
      "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() while true do "
      "end end })"
      " coroutine.yield() end) coroutine.resume(co) coroutine.close(co)",
      EXIT_LIMIT, "endless loop?" },
    { "close in a loop", "do local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
      EXIT_LIMIT, "endless loop?" },
    { "__tostring loops", "print(setmetatable({}, { __tostring = function() while true do end end }))", EXIT_LIMIT,
      "endless loop?" },
    { "sort with a mad comparison",
      "local t = {} for i = 1, 20000 do t[i] = i end while true do table.sort(t, function() return true end) end",
      EXIT_LIMIT, "endless loop?" },
    { "goto", "::a:: goto a", EXIT_LIMIT, "endless loop?" },
    /* work inside C functions */
    { "pattern that explodes", "string.find(('a'):rep(5000), ('.-'):rep(4) .. 'b')", EXIT_LIMIT, "endless loop?" },
    { "pattern through a string's method", "(('a'):rep(5000)):match(('a*'):rep(8) .. 'b')", EXIT_LIMIT,
      "endless loop?" },
    { "gsub that explodes", "(('a'):rep(3000)):gsub(('.-'):rep(3) .. 'b', '')", EXIT_LIMIT, "endless loop?" },
    { "gmatch that explodes", "for x in (('a'):rep(5000)):gmatch(('.-'):rep(4) .. 'b') do end", EXIT_LIMIT,
      "endless loop?" },
    { "pattern, swallowed", "while true do pcall(string.find, ('a'):rep(5000), ('.-'):rep(4) .. 'b') end", EXIT_LIMIT,
      "endless loop?" },
    { "plain find, again and again", "local s = ('a'):rep(500000) while true do s:find('b', 1, true) end", EXIT_LIMIT,
      "endless loop?" },
    { "rep of nothing", "local s = (''):rep(1 << 60)", EXIT_LIMIT, "endless loop?" },
    { "copying long strings", "local s = ('a'):rep(900000) while true do local t = s .. 'b' end", EXIT_LIMIT,
      "endless loop?" },
    { "upper of long strings", "local s = ('a'):rep(900000) while true do s:upper() end", EXIT_LIMIT, "endless loop?" },
    { "table.move over nothing", "table.move({}, 1, 1 << 60, 2)", EXIT_LIMIT, "endless loop?" },
    { "table.concat of a liar",
      "table.concat(setmetatable({}, { __len = function() return 1 << 60 end, __index = function() return '' end }))",
      EXIT_LIMIT, "endless loop?" },
    { "table.insert at the front", "local t = {} for i = 1, 1e6 do table.insert(t, 1, i) end", EXIT_LIMIT,
      "endless loop?" },
    { "table.unpack of much", "local t = {} for i = 1, 1000 do t[i] = i end print(table.unpack(t))", EXIT_INPUT,
      "at most 250 values" },
    { "next as a walk", "local t = {} for i = 1, 1e5 do t[i] = i end local k repeat k = next(t, k) until not k",
      EXIT_LIMIT, "endless loop?" },
    { "pairs again and again",
      "local t = {} for i = 1, 50000 do t[i] = i end while true do for k in pairs(t) do break end end", EXIT_LIMIT,
      "endless loop?" },
    /* memory */
    { "one huge string", "local s = ('x'):rep(1 << 30)", EXIT_LIMIT, "x.lua:2: " },
    { "huge string, swallowed", "while true do pcall(string.rep, 'x', 1 << 30) end", EXIT_LIMIT, "MB" },
    { "a string of more than 1 MB", "local s = ('x'):rep(1 << 20) local t = s .. s", EXIT_LIMIT,
      "string of more than 1 MB" },
    { "doubling", "local s = 'x' while true do s = s .. s end", EXIT_LIMIT, "string of more than 1 MB" },
    { "many strings", "local t = {} for i = 1, 1e9 do t[i] = ('0123456789'):rep(9000) .. i end", EXIT_LIMIT, "64 MB" },
    { "many tables", "local t = {} while true do t = { t, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {} } end",
      EXIT_LIMIT, "" },
    { "one huge table", "local t = {} for i = 1, 1e9 do t[i] = i end", EXIT_LIMIT, "" },
    { "memory, swallowed",
      "local t = {} while true do pcall(function() while true do t[#t + 1] = ('0123456789'):rep(9000) .. #t end end) "
      "end",
      EXIT_LIMIT, "64 MB" },
    { "stack", "local function f(n) return 1 + f(n + 1) end f(1)", EXIT_INPUT, "stack overflow" },
    { "print without end", "while true do print(('x'):rep(10000)) end", EXIT_LIMIT, "endless loop?" },
    /* doors */
    { "__gc", "setmetatable({}, { __gc = function() while true do end end })", EXIT_INPUT, "__gc is not available" },
    { "weak tables", "setmetatable({}, { __mode = 'k' })", EXIT_INPUT, "__mode is not available" },
    { "os", "os.exit(0)", EXIT_INPUT, "nothing called 'os'" },
    { "io", "io.open('/etc/passwd')", EXIT_INPUT, "nothing called 'io'" },
    { "package", "print(package)", EXIT_INPUT, "nothing called 'package'" },
    { "require", "require 'os'", EXIT_INPUT, "nothing called 'require'" },
    { "debug", "debug.sethook()", EXIT_INPUT, "nothing called 'debug'" },
    { "load", "load('return 1')", EXIT_INPUT, "nothing called 'load'" },
    { "dofile", "dofile('/etc/passwd')", EXIT_INPUT, "nothing called 'dofile'" },
    { "loadfile", "loadfile('/etc/passwd')", EXIT_INPUT, "nothing called 'loadfile'" },
    { "collectgarbage", "collectgarbage()", EXIT_INPUT, "nothing called 'collectgarbage'" },
    { "string.dump", "string.dump(print)", EXIT_INPUT, "nil value (field 'dump')" },
    { "dump by method", "(''):dump()", EXIT_INPUT, "nil value (method 'dump')" },
    { "%p", "print(('%p'):format({}))", EXIT_INPUT, "%p is not available" },
    { "%p with flags", "print(('%-20p'):format({}))", EXIT_INPUT, "%p is not available" },
    { "include, absolute", "include '/etc/passwd'", EXIT_INPUT, "only files in the scenario's own directory" },
    { "include, upwards", "include '../x.lua'", EXIT_INPUT, "only files in the scenario's own directory" },
    { "include, upwards inside", "include 'a/../../x.lua'", EXIT_INPUT, "only files in the scenario's own directory" },
    { "include of a link", "include 'link.lua'", EXIT_INPUT, "no such file in the scenario's directory, or a link" },
    { "include through a linked directory", "include 'linked/passwd'", EXIT_INPUT, "or a link" },
    { "include of a directory", "include '.'", EXIT_INPUT, "cannot be read" },
    { "include of a device", "include 'fifo'", EXIT_INPUT, "cannot be read" },
    { "include of nothing", "include 'missing.lua'", EXIT_INPUT, "no such file" },
    { "include of itself", "include 'self.lua'", EXIT_INPUT, "more than 8 deep" },
    { "include of bytecode", "include 'code.lua'", EXIT_INPUT, "not Lua text" },
    { "changing the strings' metatable", "getmetatable('').__index = nil", EXIT_INPUT,
      "attempt to index a boolean value" },
    /* broken Lua: one line, with file, line and a suggestion */
    { "syntax", "local x = = 1", EXIT_INPUT, "x.lua:2: unexpected symbol near '='; is a comma or bracket missing" },
    { "unclosed", "s:step 'a' { note = 'x'", EXIT_INPUT, "expected" },
    { "misspelt global", "tilll.label 'x'", EXIT_INPUT, "(did you mean 'till'?)" },
    { "misspelt condition", "local t = till.lable 'x'", EXIT_INPUT, "there is no till.lable (did you mean 'label'?)" },
    { "misspelt expectation", "local f = expect.equals", EXIT_INPUT, "(did you mean 'equal'?)" },
    { "misspelt trap", "local t = till.trap 'GG'", EXIT_INPUT, "there is no trap called 'GG' (did you mean 'GP'?)" },
    { "misspelt event", "local t = till.event 'exti'", EXIT_INPUT, "(did you mean 'exit'?)" },
    { "misspelt field of a step", "s:step 'a' { nots = 'x' }", EXIT_INPUT,
      "a step has no field 'nots' (did you mean 'note'?)" },
    { "unknown fields of a step", "s:step 'a' { zebra = 1, yak = 1, ox = 1, gnu = 1, cow = 1, elk = 1 }", EXIT_INPUT, "a step has no field 'cow'" },
    { "misspelt method", "s:stpe 'a'", EXIT_INPUT, "(did you mean 'step'?)" },
    { "unknown step", "s:draw 'd' { from = s 'on' }", EXIT_INPUT, "there is no step 'on'" },
    { "step without a body", "s:step 'a'", EXIT_INPUT, "step 'a' has no body" },
    { "two scenarios", "scenario { title = 'again' }", EXIT_INPUT, "one scenario" },
    { "error with a table", "error({})", EXIT_INPUT, "not a string" },
    { "error with many lines", "error('a\\nb\\27c')", EXIT_INPUT, "a b c" },
    { "bad answer", "s:step 'a' { ask = { 'q', choices = { 'a', 'b' }, answer = 3 } }", EXIT_INPUT,
      "answer must be 1 to 2" },
    { "expectation outside a step", "expect.eq(1, 1)", EXIT_INPUT, "no machine yet" },
};

static void test_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attacks / sizeof attacks[0]; i++) {
        const struct row *r = &attacks[i];
        struct err e = { 0 };
        if (load(r->body, &e, NULL, 0)) fail_msg("%s: was loaded", r->what);
        if (e.code != r->code) fail_msg("%s: exit code %d, expected %d: %s", r->what, e.code, r->code, e.text);
        if (!strstr(e.text, r->has)) fail_msg("%s: message lacks \"%s\": %s", r->what, r->has, e.text);
        if (strstr(e.text, "traceback") || strchr(e.text, '\n'))
            fail_msg("%s: not one clear line: %s", r->what, e.text);
        if (!strstr(e.text, "; ") && !strstr(e.text, "did you mean") && !strchr(e.text, '?'))
            fail_msg("%s: no suggestion: %s", r->what, e.text);
    }
}

/* Honest scripts: the body prints, and the text comes out with the note of the first step. */
static const struct { const char *body, *printed;
} honest[] = {
    { "print(1, 'a', nil, true)", "1  a  nil  true" },
    { "local t, u = {}, {} print(t, u, t, print, coroutine.create(print))",
      "table#1  table#2  table#1  function#builtin  thread#3" },
    { "print(string.format('%s %d %5.1f %q', {}, 3, 2.5, 'x'))", "table#1 3   2.5 \"x\"" },
    { "local t = { z = 1, a = 2, [3] = 3, [1] = 4, [2.5] = 5, [true] = 6, [false] = 7 } for k, v in pairs(t) do "
      "print(k, v) end",
      "1  4\n2.5  5\n3  3\na  2\nz  1\nfalse  7\ntrue  6" },
    { "local a, b = {}, function() end local t = { [b] = 'b', [a] = 'a' } for k, v in pairs(t) do print(v) end",
      "a\nb" },
    { "local t = { 1, 2, 3, x = 4 } for k in pairs(t) do t[k] = nil end print(next(t))", "nil" },
    { "local t = { b = 1, a = 2 } print(next(t)) print(next(t, 'a')) print(next(t, 'b'))", "a  2\nb  1\nnil" },
    { "local t = { 3, 1, 2 } table.sort(t) print(table.concat(t, ',')) table.sort(t, function(a, b) return a > b end) "
      "print(table.concat(t, ','))",
      "1,2,3\n3,2,1" },
    { "local t = {} for i = 1, 300 do t[i] = { k = i % 3, i = i } end table.sort(t, function(a, b) return a.k < b.k "
      "end)"
      " print(t[1].i, t[2].i, t[100].i, t[101].i, t[300].i)",
      "3  6  300  1  299" }, /* stable */
    { "print(('key = value'):match('^(%w+)%s*=%s*(%w+)$'))", "key  value" },
    { "print(('hello world'):find('o w'), ('a.b'):find('.', 1, true), ('abc'):find('b', -1))", "5  2  nil" },
    { "print(('abc'):gsub('%w', '%0%0'), ('abc'):gsub('', '-'))", "aabbcc  -a-b-c-  4" },
    { "print(('hello'):gsub('l', { l = 'L' }), (('x'):gsub('x', function() return nil end)))", "heLLo  x" },
    { "for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do print(k, v) end", "a  1\nb  2" },
    { "print(('f(a(b)c)d'):match('%b()'), ('THE (quick) fox'):find('%f[%a]%a+%f[%A]', 5))", "(a(b)c)  6  10" },
    { "print(('abab'):match('^(ab)%1$'), ('  trim  '):match('^%s*(.-)%s*$') .. '|', ('[]]'):match('[]]+'))",
      "ab  trim|  ]]" },
    { "print(('x-y'):match('[a-]+'), ('2024'):match('()%d%d()'), ('%d'):gsub('%%d', '%%'))", "-  1  %  1" },
    { "print(pcall(error, 'x')) print(xpcall(error, function(e) return 'handled ' .. e end, 'y')) print(select('#', "
      "pcall(function() return 1, 2 end)))",
      "false  x\nfalse  handled y\n3" },
    { "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) print(co(1), co(21))",
      "2  42" },
    { "local co = coroutine.create(function() error('oops', 0) end) print(coroutine.resume(co)) "
      "print(coroutine.status(co))",
      "false  oops\ndead" },
    { "print(pcall(coroutine.wrap(function() coroutine.yield(pcall(coroutine.yield, 1)) end)))", "true  1" },
    { "local a, b = math.random(10), math.random(10) math.randomseed(7) local c = math.random(100) math.randomseed(7) "
      "print(c == math.random(100), a >= 1 and b <= 10)",
      "true  true" },
    { "local n = 0 for i = 1, 100000 do local t = { i } n = n + #t end print(n)", "100000" }, /* garbage is no bomb */
    { "for i = 1, 300 do local x = ('0123456789'):rep(25000) .. i end print('collected')", "collected" },
    { "print(getmetatable(''), type(_G), _VERSION)", "false  table  Lua 5.4" },
    { "print('\\27[2J\\7x')", " [2J x" }, /* nothing that a terminal would obey */
    { "print(include 'part.lua')", "from part" },
    { "print(include 'sub/part.lua')", "from sub" },
    { "for i, x in ipairs(setmetatable({}, { __index = function(_, i) if i < 4 then return i * i end end })) do "
      "print(i, x) end",
      "1  1\n2  4\n3  9" },
    { "for k, v in pairs(setmetatable({}, { __pairs = function() return function(_, k) if not k then return 1, 2 end "
      "end end })) do print(k, v) end",
      "1  2" },
};

static void test_honest(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof honest / sizeof honest[0]; i++) {
        struct err e = { 0 };
        char note[512], want[512];
        if (!load(honest[i].body, &e, note, sizeof note)) fail_msg("%s: %s", honest[i].body, e.text);
        snprintf(want, sizeof want, "%s\nn", honest[i].printed);
        assert_string_equal(note, want);
    }
}

/* x86's own NaN has the sign set and other hosts' has not; unary minus makes the other one of each. */
static void test_nan(void **state)
{
    (void)state;
    const char *body = "local a, b = 0 / 0, -(0 / 0) print(a, b, tostring(a), tostring(b))"
                       " print(string.format('%s %f %.1g %5.1f|', a, b, a, b), ('%f'):format(a), (('x'):gsub('x', { x = a })))"
                       " print(table.concat({ 1, a, 'x', b }, ','), table.concat({ a, b, 2 }, ' ', 2, 3), table.concat({ 'p', [3] = a }, '-', 3, 3))";
    static char printed[4096];
    struct err e = { 0 };
    if (!load(body, &e, printed, sizeof printed)) fail_msg("%s", e.text);
    assert_string_equal(printed, "nan  nan  nan  nan\nnan nan nan   nan|  nan  nan\n1,nan,x,nan  nan 2  nan\nn");
}

/* The same script twice: what depends on addresses, time or chance would differ. */
static void test_same_twice(void **state)
{
    (void)state;
    const char *body = "local t = {} for i = 1, 40 do t[{}] = i t['k' .. i] = i end for k, v in pairs(t) do print(k, "
                       "v, math.random(1000)) end"
                       " print(function() end, {}, tostring(coroutine.create(print)))";
    static char a[16384], b[16384];
    struct err e = { 0 };
    assert_true(load(body, &e, a, sizeof a));
    void *shift = malloc(100000); /* other addresses the second time */
    assert_true(load(body, &e, b, sizeof b));
    free(shift);
    assert_string_equal(a, b);
    assert_non_null(strstr(a, "k1  1"));
}

/* The budget of a step, not only that of loading. Needs no machine: the loop comes first. */
static void test_files(void **state)
{
    (void)state;
    static const struct { const char *name, *text; size_t n; int code; const char *has; } rows[] = {
        { "bytes.lua", "\033Lua\x54\0\x19\x93", 8, EXIT_INPUT, "bytes.lua:1: this is not Lua text" },
        { "empty.lua", "", 0, EXIT_INPUT, "empty.lua: no scenario in this file" },
        { "zeros.lua", "\0\0\0\0", 4, EXIT_INPUT, "zeros.lua:1:" },
        { "elf.lua", "\177ELF\1\1\1", 7, EXIT_INPUT, "elf.lua:1:" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = { 0 };
        char path[128];
        write_file(rows[i].name, rows[i].text, rows[i].n);
        snprintf(path, sizeof path, "%s/%s", dir, rows[i].name);
        assert_null(lesson_open(path, &e));
        assert_int_equal(e.code, rows[i].code);
        if (!strstr(e.text, rows[i].has)) fail_msg("%s", e.text);
    }
    struct err e = { 0 };
    assert_null(lesson_open(dir, &e)); /* a directory */
    assert_int_equal(e.code, EXIT_INPUT);
    e = (struct err){ 0 };
    assert_null(lesson_open("/nowhere/x.lua", &e));
    assert_int_equal(e.code, EXIT_INPUT);
    assert_non_null(strstr(e.text, "/nowhere/x.lua: No such file"));
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    strcpy(dir, "/tmp/ringside-sandbox-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    write_file("part.lua", "return 'from part'", 18);
    write_file("self.lua", "include 'self.lua'", 18);
    write_file("code.lua", "\033Lua", 4);
    snprintf(path, sizeof path, "%s/sub", dir);
    if (mkdir(path, 0700)) return -1;
    write_file("sub/part.lua", "return 'from sub'", 17);
    snprintf(path, sizeof path, "%s/link.lua", dir);
    if (symlink("part.lua", path)) return -1;
    snprintf(path, sizeof path, "%s/linked", dir);
    if (symlink("/etc", path)) return -1;
    snprintf(path, sizeof path, "%s/fifo", dir);
    return mkfifo(path, 0600);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = { "x.lua",  "part.lua", "self.lua",  "code.lua",  "sub/part.lua", "link.lua",
                                         "linked", "fifo",     "bytes.lua", "empty.lua", "zeros.lua",    "elf.lua" };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/sub", dir);
    rmdir(path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attacks),
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_same_twice), cmocka_unit_test(test_nan),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
