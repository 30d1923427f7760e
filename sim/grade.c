/* A lab with its tests, and reports: points, identity. See grade.h. */
#include "sim/grade.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sim/machine.h"
#include "sim/sha256.h"

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* The names of a folder's Lua files, sorted; 0: there are none. */
static unsigned lua_files(const char *dir, char (*names)[64], unsigned room)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d)) != NULL && n < room;) {
        size_t len = strlen(e->d_name);
        if (len > 4 && len < 64 && e->d_name[0] != '.' && !strcmp(e->d_name + len - 4, ".lua")) snprintf(names[n++], 64, "%.63s", e->d_name);
    }
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    return n;
}

static bool read_tests(struct grade_lab *g, const char *dir, const char *name, struct err *e)
{
    char path[700];
    snprintf(path, sizeof path, "%.560s/%.63s", dir, name);
    struct grading *f = grading_open(g->lab.dir, path, e);
    if (!f) return false;
    g->file[g->files++] = f;
    for (unsigned i = 0; i < grading_tests(f); i++) {
        const struct grading_test *t = grading_test(f, i);
        if (g->tests == GRADING_TESTS) return err_set(e, EXIT_INPUT, "%s: a lab has at most %d tests", path, GRADING_TESTS);
        for (unsigned k = 0; k < g->tests; k++)
            if (!strcmp(g->test[k].is->name, t->name)) return err_set(e, EXIT_INPUT, "%s: there is a test '%s' in another file already", path, t->name);
        g->test[g->tests++] = (struct grade_test){ t, f, i };
    }
    return true;
}

static void read_key(struct grade_lab *g)
{
    char path[640];
    struct text t = { 0 };
    struct err ignored = { 0 };
    snprintf(path, sizeof path, "%s/key.txt", g->lab.dir);
    if (text_read(&t, path, 4096, &ignored)) snprintf(g->key, sizeof g->key, "%.*s", (int)strcspn(text_str(&t), "\r\n"), text_str(&t));
    text_free(&t);
}

bool grade_open(struct grade_lab *g, const char *name, const char *hidden, struct err *e)
{
    char names[GRADE_FILES][64], tests[600];
    *g = (struct grade_lab){ 0 };
    if (!grading_lab(name, &g->lab, e)) return false;
    snprintf(tests, sizeof tests, "%s/tests", g->lab.dir);
    const char *const dirs[] = { tests, hidden };
    for (unsigned d = 0; d < 2 && !e->code; d++) {
        if (!dirs[d]) continue;
        unsigned n = lua_files(dirs[d], names, GRADE_FILES - g->files);
        for (unsigned i = 0; i < n && read_tests(g, dirs[d], names[i], e); i++) continue;
        if (!n && !e->code) err_set(e, EXIT_INPUT, "%s: there are no tests there (files NAME.lua); nothing can be graded", dirs[d]);
    }
    read_key(g);
    if (!e->code) return true;
    grade_close(g);
    return false;
}

void grade_close(struct grade_lab *g)
{
    for (unsigned i = 0; i < g->files; i++) grading_free(g->file[i]);
    g->files = 0;
    grading_lab_free(&g->lab);
}

int grade_find(const struct grade_lab *g, const char *option, const char *what, struct err *e)
{
    const char *names[GRADING_TESTS];
    char *end;
    unsigned long n = strtoul(what, &end, 10);
    bool number = *what >= '0' && *what <= '9' && !*end;
    for (unsigned i = 0; i < g->tests; i++) names[i] = g->test[i].is->name;
    for (unsigned i = 0; i < g->tests; i++)
        if (!strcmp(names[i], what) || (number && n == i + 1)) return (int)i;
    const char *near = config_suggest(what, names, g->tests);
    if (near) err_set(e, EXIT_INPUT, "%s %.60s: there is no such test; did you mean '%s'?", option, what, near);
    else err_set(e, EXIT_INPUT, "%s %.60s: there is no such test; `ringside grade` names them, 1 to %u", option, what, g->tests);
    return -1;
}

/* --- reports ------------------------------------------------------------------------------------------------------ */

/* What a student handed in may be a link to somewhere, or a pipe that nobody writes to: only plain files are read. */
static void add_file(struct text *t, const char *dir, const char *name)
{
    char path[700], block[4096];
    struct stat st;
    ssize_t n;
    snprintf(path, sizeof path, "%.500s/%.150s", dir, name);
    text_add(t, "%s", name);
    text_char(t, 0);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool plain = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= 1 << 20;
    while (plain && (n = read(fd, block, sizeof block)) > 0) text_bytes(t, block, (size_t)n);
    if (fd >= 0) close(fd);
    text_char(t, 0);
}

static void identify(struct grade_report *r)
{
    const struct grade_lab *g = r->of;
    char hex[65], names[GRADE_FILES][64], tests[600];
    uint8_t digest[32];
    struct text t = { 0 };
    text_add(&t, "%s %s %s %d %llu %s", RINGSIDE_VERSION, g->lab.name, r->student, r->has_seed, (unsigned long long)r->seed, g->key);
    for (unsigned i = 0; i < g->lab.files; i++) add_file(&t, r->dir, g->lab.name_of[i]);
    snprintf(tests, sizeof tests, "%s/tests", g->lab.dir);
    for (unsigned i = 0, n = lua_files(tests, names, GRADE_FILES); i < n; i++) add_file(&t, tests, names[i]);
    for (unsigned i = 0; i < g->tests; i++) text_add(&t, "%s %u ", g->test[i].is->name, g->test[i].is->points);
    sha256(t.s, t.len, digest);
    sha256_hex(digest, hex);
    snprintf(r->id, sizeof r->id, "%.16s", hex);
    text_free(&t);
}

bool grade_report_make(struct grade_report *r, const struct grade_lab *g, const char *dir, const char *student, struct err *e)
{
    uint64_t seed = r->seed;
    bool has_seed = r->has_seed;
    *r = (struct grade_report){ .of = g, .seed = seed, .has_seed = has_seed };
    if (strlen(dir) >= sizeof r->dir) return err_set(e, EXIT_INPUT, "%.60s...: the path is too long", dir);
    strcpy(r->dir, dir);
    snprintf(r->student, sizeof r->student, "%.99s", student);
    text_clean(r->student, false); /* a folder's name: it stands in reports */
    r->out = calloc(GRADING_TESTS, sizeof *r->out);
    if (!r->out) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
    identify(r);
    return true;
}

void grade_report_free(struct grade_report *r)
{
    grade_build_free(r);
    free(r->out);
    r->out = NULL;
}

uint32_t grade_points(const struct grade_report *r, unsigned test)
{
    return r->done[test] ? (uint32_t)((uint64_t)r->of->test[test].is->points * 100 * r->out[test].credit / GRADING_WHOLE) : 0;
}

uint32_t grade_score(const struct grade_report *r)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < r->of->tests; i++) sum += grade_points(r, i);
    return sum;
}

uint32_t grade_full(const struct grade_lab *g)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < g->tests; i++) sum += g->test[i].is->points * 100;
    return sum;
}

bool grade_ungradable(const struct grade_report *r)
{
    for (unsigned i = 0; i < r->of->tests; i++)
        if (r->done[i] && r->out[i].status == GRADING_UNGRADABLE) return true;
    return false;
}

int grade_first_failing(const struct grade_report *r)
{
    for (unsigned i = 0; i < r->of->tests; i++)
        if (r->done[i] && (r->out[i].status != GRADING_PASSED || r->out[i].credit < GRADING_WHOLE)) return (int)i;
    return -1;
}

const char *grade_number(uint32_t hundredths, char *buf, size_t n)
{
    int len = snprintf(buf, n, "%u.%02u", hundredths / 100, hundredths % 100);
    while (len > 1 && buf[len - 1] == '0') buf[--len] = 0;
    if (buf[len - 1] == '.') buf[--len] = 0;
    return buf;
}

const char *grade_message(const struct grade_report *r, unsigned test, bool staff)
{
    const struct grading_test *t = r->of->test[test].is;
    const struct grading_outcome *o = &r->out[test];
    if (!r->done[test]) return "not run";
    if (!t->hidden || staff || o->status == GRADING_CRASHED || o->status == GRADING_UNGRADABLE) return o->message;
    if (o->status == GRADING_PASSED) return "";
    if (t->hint[0]) return t->hint;
    return o->status == GRADING_ERROR ? "the submission ended with an error in this hidden test"
         : o->status == GRADING_LIMIT ? "the submission ran out of its limits in this hidden test"
                                      : "a hidden test: no details are given";
}
