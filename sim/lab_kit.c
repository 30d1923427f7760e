/* See lab_kit.h. */
#include "sim/lab_kit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 700, FILE_MOST = 1 << 20 };

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool join(char *out, const char *dir, const char *name, struct err *e)
{
    int n = snprintf(out, PATH, "%s/%s", dir, name);
    return (n > 0 && n < PATH) || err_set(e, EXIT_INPUT, "%.60s...: the path is too long", dir);
}

static bool make_folder(const char *path, struct err *e)
{
    return mkdir(path, 0777) == 0 || err_set(e, EXIT_ENVIRONMENT, "%s: cannot make this folder: %s", path, strerror(errno));
}

bool lab_copy(const char *from, const char *to, struct err *e)
{
    struct text t = { 0 };
    if (exists(to)) return err_set(e, EXIT_ENVIRONMENT, "%s: it is there already; give another place", to);
    bool ok = text_read(&t, from, FILE_MOST, e) && text_write(&t, to, e);
    text_free(&t);
    return ok;
}

bool lab_copy_folder(const char *from, const char *to, struct err *e)
{
    char a[PATH], b[PATH];
    struct stat st;
    DIR *d = opendir(from);
    if (!d) return err_set(e, EXIT_INPUT, "%s: cannot be read: %s", from, strerror(errno));
    for (struct dirent *x; !e->code && (x = readdir(d)) != NULL;)
        if (x->d_name[0] != '.' && join(a, from, x->d_name, e) && join(b, to, x->d_name, e) && stat(a, &st) == 0 && S_ISREG(st.st_mode)) lab_copy(a, b, e);
    closedir(d);
    return !e->code;
}

static bool copy_one(const char *dir, const char *to, const char *name, struct err *e)
{
    char a[PATH], b[PATH];
    return join(a, dir, name, e) && join(b, to, name, e) && lab_copy(a, b, e);
}

static const char luarc[] = "{\n  \"runtime.version\": \"Lua 5.4\",\n  \"workspace.library\": [\"ringside.d.lua\"],\n"
                            "  \"diagnostics.globals\": []\n}\n";

static bool write_luarc(const char *to, struct err *e)
{
    char path[PATH];
    struct text t = { 0 };
    text_add(&t, "%s", luarc);
    bool ok = join(path, to, ".luarc.json", e) && text_write(&t, path, e);
    text_free(&t);
    return ok;
}

/* The definition file lies beside the labs. */
static bool copy_definitions(const struct grading_lab *lab, const char *to, struct err *e)
{
    char a[PATH], b[PATH];
    if (!join(a, lab->dir, "../ringside.d.lua", e) || !join(b, to, "ringside.d.lua", e)) return false;
    return !exists(a) || (lab_copy(a, b, e) && write_luarc(to, e));
}

/* The rest of what a lab builds, to be read and tried. */
static bool copy_build(const struct grading_lab *lab, const char *to, struct err *e)
{
    char a[PATH], b[PATH];
    return !lab->build[0] || (join(a, lab->dir, lab->build, e) && join(b, to, lab->build, e) && make_folder(b, e) && lab_copy_folder(a, b, e));
}

static void remove_folder(const char *path)
{
    char inner[PATH];
    struct err ignored = { 0 };
    DIR *d = opendir(path);
    for (struct dirent *x; d && (x = readdir(d)) != NULL;) {
        if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, "..") || !join(inner, path, x->d_name, &ignored)) continue;
        struct stat st;
        if (lstat(inner, &st) == 0 && S_ISDIR(st.st_mode)) remove_folder(inner);
        else unlink(inner);
    }
    if (d) closedir(d);
    rmdir(path);
}

static bool fill(const struct grading_lab *lab, const char *to, struct err *e)
{
    char starter[PATH], tests[PATH], own[PATH];
    return join(starter, lab->dir, "starter", e) && join(tests, lab->dir, "tests", e) && join(own, to, "tests", e) && copy_one(lab->dir, to, "README.md", e) &&
           copy_one(lab->dir, to, "lab.lua", e) && lab_copy_folder(starter, to, e) && copy_build(lab, to, e) && make_folder(own, e) && lab_copy_folder(tests, own, e) &&
           copy_definitions(lab, to, e);
}

/* Whole or not at all, or the next attempt would find it there already. */
bool lab_start(const struct grading_lab *lab, const char *to, struct err *e)
{
    if (exists(to)) return err_set(e, EXIT_ENVIRONMENT, "%s: it is there already; `ringside lab start %s OTHER` takes another place", to, lab->name);
    if (!make_folder(to, e)) return false;
    bool ok = fill(lab, to, e);
    if (!ok) remove_folder(to);
    return ok;
}

/* --- selftest ------------------------------------------------------------------------------------------------------ */

/* The solution with one text in one file replaced, in folder `to`. */
static bool plant(const struct grading_lab *lab, const struct grading_bug *bug, const char *to, struct err *e)
{
    char solution[PATH], path[PATH];
    struct text was = { 0 }, now = { 0 };
    if (!join(solution, lab->dir, "solution", e) || !make_folder(to, e) || !lab_copy_folder(solution, to, e) || !join(path, to, bug->file, e)) return false;
    bool ok = text_read(&was, path, FILE_MOST, e);
    const char *at = ok ? strstr(text_str(&was), bug->from) : NULL;
    if (ok && (!at || !*bug->from || strstr(at + 1, bug->from)))
        ok = err_set(e, EXIT_INPUT, "bugs.lua: '%s': its 'from' stands %s in solution/%s; it must stand there once", bug->name, at ? "twice" : "nowhere", bug->file);
    if (ok) {
        text_bytes(&now, was.s, (size_t)(at - was.s));
        text_add(&now, "%s%s", bug->to, at + strlen(bug->from));
        ok = text_write(&now, path, e);
    }
    text_free(&was);
    text_free(&now);
    return ok;
}

enum { OWN = 2 }; /* reports before the bugs: solution and starter */
struct trial { struct grade_lab lab; struct grade_report report[34]; unsigned reports; char temp[200]; };

static bool prepare(struct trial *t, struct err *e)
{
    const struct grading_lab *lab = &t->lab.lab;
    char path[PATH];
    const char *dir = getenv("TMPDIR");
    snprintf(t->temp, sizeof t->temp, "%.150s/ringside-lab-XXXXXX", dir && *dir ? dir : "/tmp");
    if (!mkdtemp(t->temp)) return err_set(e, EXIT_ENVIRONMENT, "%s: cannot make this folder: %s", t->temp, strerror(errno));
    static const char *const own[OWN] = { "solution", "starter" };
    for (unsigned i = 0; i < OWN; i++)
        if (!join(path, lab->dir, own[i], e) || !grade_report_make(&t->report[t->reports++], &t->lab, path, own[i], e)) return false;
    for (unsigned i = 0; i < lab->bugs; i++) {
        char name[24];
        snprintf(name, sizeof name, "bug-%u", i + 1);
        if (!join(path, t->temp, name, e) || !plant(lab, &lab->bug[i], path, e)) return false;
        if (!grade_report_make(&t->report[t->reports++], &t->lab, path, name, e)) return false;
    }
    return true;
}

static void say_first(const struct grade_report *r, struct text *out)
{
    int i = grade_first_failing(r);
    if (i >= 0) text_add(out, "; first '%s': %.*s", r->of->test[i].is->name, (int)strcspn(r->out[i].message, "\n"), r->out[i].message);
}

/* Solution and starter by their points; a bug by the first test that finds it, after which it was asked nothing. */
static bool judge(const struct trial *t, struct text *out)
{
    char a[24], b[24];
    uint32_t full = grade_full(&t->lab);
    bool good = true;
    for (unsigned i = 0; i < t->reports; i++) {
        const struct grade_report *r = &t->report[i];
        uint32_t score = grade_score(r);
        bool ok = !grade_ungradable(r) && (i == 0 ? score == full : i == 1 ? score == 0 : grade_first_failing(r) >= 0);
        if (i < OWN) text_add(out, "%s  %s  %s/%s", ok ? "ok  " : "FAIL", r->student, grade_number(score, a, sizeof a), grade_number(full, b, sizeof b));
        else text_add(out, "%s  bug '%s'%s", ok ? "ok  " : "FAIL", t->lab.lab.bug[i - OWN].name, grade_first_failing(r) < 0 ? "  has all points" : "");
        if (i != 1 && (i > 0 || !ok)) say_first(r, out);
        text_add(out, "\n");
        good &= ok;
    }
    return good;
}

bool lab_selftest(const char *name, unsigned jobs, struct text *out, struct err *e)
{
    struct trial *t = calloc(1, sizeof *t);
    struct grading_lab lab;
    char hidden[PATH];
    bool good = false;
    if (!t) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
    if (grading_lab(name, &lab, e) && join(hidden, lab.dir, "hidden", e)) {
        if (grade_open(&t->lab, name, exists(hidden) ? hidden : NULL, e)) {
            const struct grade_run run = { .jobs = jobs, .only = -1, .wall = 60, .whole = OWN };
            if (prepare(t, e) && grade_all(t->report, t->reports, &run, e)) good = judge(t, out);
            for (unsigned i = 0; i < t->reports; i++) grade_report_free(&t->report[i]);
            if (t->temp[0]) remove_folder(t->temp);
            grade_close(&t->lab);
        }
        grading_lab_free(&lab);
    }
    free(t);
    return good;
}
