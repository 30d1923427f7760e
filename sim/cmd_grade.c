/* `ringside grade [LAB]`: runs the tests of a lab on a submission, or on a folder of them. docs/grading.md is the manual. */
#include "sim/cmd.h"
#include "sim/grade.h"
#include "sim/grade_saved.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STUDENTS = 20000, WALL = 60 };

struct job {
    const struct options *o;
    struct grade_lab lab;
    struct grade_report *report;
    unsigned reports;
    struct grade_run run;
    const struct grade_format *format;
    const char *path;                /* where the report goes; NULL: stdout, at the end */
    bool     staff;
    struct grade_saved saved;        /* --report */
    struct err failed;               /* a report that could not be written */
};

static bool number(const struct options *o, enum option id, const char *name, long least, long most, long *n, struct err *e)
{
    char *end;
    const char *value = o->value[id];
    if (!value) return true;
    *n = strtol(value, &end, 10);
    return (end != value && !*end && *n >= least && *n <= most) || err_set(e, EXIT_USAGE, "--%s %s: a number from %ld to %ld", name, value, least, most);
}

/* The last part of a folder's real path: who handed it in. */
static void name_of(const char *dir, char *name, size_t room)
{
    char real[PATH_MAX];
    if (!realpath(dir, real)) snprintf(real, sizeof real, "%s", dir);
    const char *slash = strrchr(real, '/');
    snprintf(name, room, "%.*s", (int)room - 1, slash && slash[1] ? slash + 1 : real);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What may not be known until it is there is not for us to say: a missing file is the student's, told as a result of every test. */
static bool add_report(struct job *j, const char *dir, const char *student, struct err *e)
{
    struct grade_report *more = realloc(j->report, (j->reports + 1) * sizeof *more);
    if (!more) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
    j->report = more;
    j->report[j->reports] = (struct grade_report){ .has_seed = j->o->value[OPT_SEED] != NULL, .seed = j->o->machine.seed };
    return grade_report_make(&j->report[j->reports++], &j->lab, dir, student, e);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static bool add_all(struct job *j, const char *dir, struct err *e)
{
    char **names = calloc(STUDENTS, sizeof *names);
    unsigned n = 0, shard, shards;
    DIR *d = opendir(dir);
    if (!d || !names) err_set(e, EXIT_INPUT, "--all %s: no such folder; give the one that has a folder for each student", dir);
    else options_shard(j->o, OPT_GRADE_SHARD, &shard, &shards, e);
    for (struct dirent *x; !e->code && (x = readdir(d)) != NULL && n < STUDENTS;) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, x->d_name);
        if (x->d_name[0] != '.' && is_dir(path)) names[n++] = strdup(x->d_name);
    }
    if (d) closedir(d);
    if (names) qsort(names, n, sizeof *names, by_name);
    if (!n && !e->code) err_set(e, EXIT_INPUT, "--all %s: there are no folders in it, one for each student", dir);
    for (unsigned i = 0; i < n; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        if (!e->code && i % shards == shard - 1) add_report(j, path, names[i], e);
        free(names[i]);
    }
    free(names);
    return !e->code;
}

static void write_report(struct job *j, struct err *e)
{
    struct text t = { 0 };
    j->format->make(j->report, j->reports, j->staff, &t);
    text_write(&t, j->path ? j->path : "-", e);
    text_free(&t);
}

static void after(void *self, struct grade_report *r, unsigned test)
{
    struct job *j = self;
    (void)r, (void)test;
    if (j->path && strcmp(j->path, "-") && j->reports == 1) write_report(j, &j->failed);
}

static bool plan(struct job *j, struct err *e)
{
    const struct options *o = j->o;
    char student[100];
    long jobs = 1, wall = WALL;
    const char *all = o->value[OPT_ALL], *dir = o->value[OPT_SUBMISSION] ? o->value[OPT_SUBMISSION] : ".";
    const char *json = o->value[OPT_GRADE_JSON], *format = o->value[OPT_GRADE_FORMAT];
    if (o->operands > 1) return command_operand(o, 0, "a lab", e) != NULL;
    if (all && o->value[OPT_SUBMISSION]) return err_set(e, EXIT_USAGE, "--all: not together with --submission, which is one of them");
    if (o->value[OPT_GRADE_SHARD] && !all) return err_set(e, EXIT_USAGE, "--shard: only with --all, whose folders it deals out");
    if (o->value[OPT_GRADE_AT] && (all || json || format || o->value[OPT_GRADE_OUTPUT] || o->value[OPT_VERIFY] || o->value[OPT_COMPARE]))
        return err_set(e, EXIT_USAGE, "--at: shows one submission on the screen; it writes no report, so no --all, --format, --json, -o, --compare, --verify");
    if (!o->value[OPT_GRADE_AT] && (o->value[OPT_KEYS] || o->value[OPT_TERM] || o->value[OPT_DUMP] || o->value[OPT_SCREEN_THEME]))
        return err_set(e, EXIT_USAGE, "--keys, --term, --dump, --theme: only with --at, which shows a screen");
    if (o->value[OPT_REPORT] && !o->value[OPT_GRADE_AT]) return err_set(e, EXIT_USAGE, "--report: only with --at, which shows what failed there");
    if (o->value[OPT_DRY] && (all || json || format || o->value[OPT_GRADE_OUTPUT] || o->value[OPT_VERIFY] || o->value[OPT_COMPARE] || o->value[OPT_GRADE_AT]))
        return err_set(e, EXIT_USAGE, "--dry: looks one submission through and runs nothing; no --all, --format, --json, -o, --at, --compare, --verify");
    if (json && format) return err_set(e, EXIT_USAGE, "--json: not together with --format; --format json -o FILE is the same");
    if (!number(o, OPT_JOBS, "jobs", 1, 64, &jobs, e) || !number(o, OPT_WALL, "limit-wall", 1, 3600, &wall, e)) return false;
    j->format = grade_format(json ? "json" : format ? format : "text", e);
    j->path = json ? json : o->value[OPT_GRADE_OUTPUT];
    if (!j->format || !grade_open(&j->lab, o->operands ? o->operand[0] : ".", o->value[OPT_HIDDEN], e)) return false;
    int only = o->value[OPT_ONLY] ? grade_find(&j->lab, "--only", o->value[OPT_ONLY], e) : -1;
    if (e->code) return false;
    if (all && !j->format->many) return err_set(e, EXIT_USAGE, "--format %s: for one submission; with --all text, json, junit or csv", j->format->word);
    if (!all && !is_dir(dir)) return err_set(e, EXIT_INPUT, "%s: no such folder; --submission names the one with %s", dir, j->lab.lab.file);
    if (o->value[OPT_STUDENT]) snprintf(student, sizeof student, "%s", o->value[OPT_STUDENT]);
    else name_of(dir, student, sizeof student);
    if (o->value[OPT_REPORT]) {
        if (!grade_saved_read(&j->saved, o->value[OPT_REPORT], student, e)) return false;
        if (!o->value[OPT_STUDENT] && j->saved.student[0]) snprintf(student, sizeof student, "%s", j->saved.student);
    }
    if (!(all ? add_all(j, all, e) : add_report(j, dir, student, e))) return false;
    j->run = (struct grade_run){ .jobs = (unsigned)jobs, .only = only, .wall = (double)wall, .after = after, .self = j };
    j->staff = o->value[OPT_STAFF] != NULL;
    return true;
}

enum { REPORT_BEGINS = 8 }; /* so many letters are the same in all reports of a format */

/* Of the reports of an earlier run: each line that is not the same now. */
static bool differences(struct job *j, const char *path, bool verify, struct err *e)
{
    struct text was = { 0 }, now = { 0 }, out = { 0 };
    bool same = true;
    (verify ? grade_format("json", e) : grade_format("csv", e))->make(j->report, j->reports, j->staff, &now);
    if (!text_read(&was, path, 64 << 20, e)) return false;
    const char *a = text_str(&was), *b = text_str(&now);
    if (was.len && strncmp(a, b, REPORT_BEGINS))
        err_set(e, EXIT_INPUT, "%s: not a report of `grade --format %s`; `grade ... --format %s -o FILE` writes one", path, verify ? "json" : "csv", verify ? "json" : "csv");
    else if (strcmp(a, b)) {
        same = false;
        while (*a || *b) {
            size_t n = strcspn(a, "\n"), m = strcspn(b, "\n");
            if (n != m || memcmp(a, b, n)) text_add(&out, "- %.*s\n+ %.*s\n", (int)n, a, (int)m, b);
            a += n + (a[n] == '\n');
            b += m + (b[m] == '\n');
        }
    }
    text_add(&out, same ? "%s: the same\n" : "%s: not the same\n", path);
    if (!e->code) text_write(&out, "-", e);
    text_free(&was), text_free(&now), text_free(&out);
    return same;
}

static int grade(struct job *j, struct err *e)
{
    const struct options *o = j->o;
    bool full = true, broken = false;
    if (j->path && strcmp(j->path, "-")) write_report(j, e); /* with no points: whatever happens, there is a result */
    if (!e->code) grade_all(j->report, j->reports, &j->run, e);
    if (e->code && e->code != EXIT_INTERRUPTED) return e->code;
    if (!e->code && j->failed.code) *e = j->failed;
    for (unsigned i = 0; i < j->reports; i++) {
        broken |= grade_ungradable(&j->report[i]);
        for (unsigned k = 0; k < j->lab.tests; k++) full &= !j->report[i].done[k] || j->report[i].out[k].status == GRADING_PASSED;
    }
    const char *was = o->value[OPT_VERIFY] ? o->value[OPT_VERIFY] : o->value[OPT_COMPARE];
    struct err written = { 0 };
    if (was && !e->code) full = differences(j, was, o->value[OPT_VERIFY] != NULL, e);
    else write_report(j, &written);
    if (!e->code && written.code) *e = written;
    if (!e->code && !full && !was && !o->value[OPT_ALL] && !j->path && !strcmp(j->format->word, "text")) grade_at_hint(o, j->report);
    if (!e->code && broken) err_set(e, EXIT_INPUT, "%s: tests that are broken; nobody's score is what it should be", j->lab.lab.dir);
    if (e->code) return e->code;
    return full || o->value[OPT_EXIT_ZERO] ? EXIT_GOOD : EXIT_FAILED;
}

/* --seal NAME=VALUE: a line for sealed.txt. */
static int seal(const struct options *o, struct err *e)
{
    char name[64];
    const char *text = o->value[OPT_SEAL], *eq = strchr(text, '=');
    struct text line = { 0 };
    if (!eq || eq == text || eq - text >= (long)sizeof name || memchr(text, ' ', (size_t)(eq - text)))
        return err_set(e, EXIT_USAGE, "--seal %s: write it as NAME=VALUE, with no blanks in NAME", text), e->code;
    snprintf(name, sizeof name, "%.*s", (int)(eq - text), text);
    uint64_t salt = o->value[OPT_SEED] ? o->machine.seed : grading_seed("seal", name, eq + 1) ^ (uint64_t)getpid() << 32;
    grading_seal(name, eq + 1, salt, &line);
    text_add(&line, "\n");
    text_write(&line, "-", e);
    text_free(&line);
    return e->code;
}

/* --dry: the tests and the submission, looked through; one that is built is built. */
static int dry(struct job *j, struct err *e)
{
    struct grade_lab *g = &j->lab;
    struct grade_report *r = &j->report[0];
    struct text found = { 0 };
    unsigned n = 0;
    if (!grade_build(r, e)) return e->code;
    if (r->unbuilt[0]) text_add(&found, "%s\n", r->unbuilt), n++;
    const struct grading_student who = grade_who(r, 0);
    for (unsigned i = 0; i < g->files; i++) n += grading_dry(g->file[i], &who, i == 0, &found);
    fputs(text_str(&found), stderr);
    if (n) err_set(e, EXIT_INPUT, "%s: %u thing%s to mend; nothing was run", g->lab.name, n, n == 1 ? "" : "s");
    else printf("%s: %s and %u tests, nothing to mend; nothing was run\n", g->lab.name, g->lab.file, g->tests);
    text_free(&found);
    return e->code;
}

int cmd_grade(const struct options *o, struct err *e)
{
    if (o->value[OPT_SEAL]) return seal(o, e);
    struct job j = { .o = o };
    const struct grade_saved *saved = o->value[OPT_REPORT] ? &j.saved : NULL;
    int code = !plan(&j, e) ? e->code : o->value[OPT_DRY] ? dry(&j, e) : o->value[OPT_GRADE_AT] ? grade_at(o, j.report, j.run, saved, e) : grade(&j, e);
    for (unsigned i = 0; i < j.reports; i++) grade_report_free(&j.report[i]);
    free(j.report);
    grade_close(&j.lab);
    return code;
}
