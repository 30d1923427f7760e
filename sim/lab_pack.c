/* `ringside lab pack`: all that a grader needs, as one ZIP: this program, the guests, the lab's tests, and what its platform wants to start.
 *
 * Platforms that students can read (classroom, make) get the public tests only. Each start script takes the platform's folders from a
 * variable, so that a test can run it. docs/lab.md is the manual. */
#include "sim/lab_kit.h"
#include "sim/zip.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sim/subject.h"

enum { PATH = 700, MOST = 64 << 20 };

static const char packages[] = "libjansson4 liblua5.4-0 libncursesw6 libzydis4.0 zlib1g"; /* Debian 12's names of the libraries that the program is linked to */

/* %s stands for the name of the student's file, %% is a percent sign; @ for the packages. */
static const struct target {
    const char *word, *about;
    bool hidden;                         /* its tests stay with the staff */
    const char *program, *lab;           /* where these two lie in the archive */
    struct start { const char *name; unsigned mode; const char *text; } start[3];
} targets[] = {
    { "gradescope", "an autograder: setup.sh, run_autograder", true, "", "lab/", {
        { "setup.sh", 0755, "#!/bin/sh\nset -e\napt-get update\napt-get install -y @\n" },
        { "run_autograder", 0755,
          "#!/bin/sh\nroot=${AUTOGRADER:-/autograder}\nmkdir -p \"$root/results\"\nmeta=$root/submission_metadata.json\n"
          "student=$(sed -n 's/.*\"email\": *\"\\([^\"]*\\)\".*/\\1/p' \"$meta\" 2>/dev/null | head -n 1)\n"
          "exec \"$root/source/ringside\" grade \"$root/source/lab\" --submission \"$root/submission\" --hidden \"$root/source/lab/hidden\" \\\n"
          "    --student \"${student:-nobody}\" --format gradescope -o \"$root/results/results.json\" --exit-zero\n" },
        { NULL, 0, NULL } } },
    { "prairielearn", "an external grader's tests folder, with run.sh", true, "", "lab/", {
        { "run.sh", 0755,
          "#!/bin/sh\nroot=${GRADE:-/grade}\nmkdir -p \"$root/results\"\n"
          "student=$(sed -n 's/.*\"uid\": *\"\\([^\"]*\\)\".*/\\1/p' \"$root/data/data.json\" 2>/dev/null | head -n 1)\n"
          "exec \"$root/tests/ringside\" grade \"$root/tests/lab\" --submission \"$root/student\" --hidden \"$root/tests/lab/hidden\" \\\n"
          "    --student \"${student:-nobody}\" --format prairielearn -o \"$root/results/results.json\" --exit-zero\n" },
        { "setup.sh", 0755, "#!/bin/sh\n# for the image of the grader (Debian 12)\nset -e\napt-get update\napt-get install -y @\n" },
        { NULL, 0, NULL } } },
    { "classroom", "a repository template: workflow, public tests", false, ".ringside/", ".ringside/lab/", {
        { ".github/workflows/classroom.yml", 0644,
          "name: Autograding\non: [push, repository_dispatch]\npermissions:\n  checks: write\n  actions: read\n  contents: read\n"
          "jobs:\n  grade:\n    runs-on: ubuntu-latest\n    container: debian:12\n    steps:\n      - uses: actions/checkout@v4\n"
          "      - run: apt-get update && apt-get install -y @\n"
          "      - run: .ringside/ringside grade .ringside/lab --submission . --student \"$GITHUB_ACTOR\"\n" },
        { NULL, 0, NULL } } },
    { "coderunner", "Moodle: a combinator template beside the support files", true, "", "lab/", {
        { "template.py", 0644,
          "import os, subprocess\nos.makedirs('submission', exist_ok=True)\n"
          "with open('submission/%s', 'w') as f:\n    f.write(\"\"\"{{ STUDENT_ANSWER | e('py') }}\"\"\")\n"
          "os.chmod('ringside', 0o755)\n"
          "print(subprocess.run(['./ringside', 'grade', './lab', '--submission', 'submission', '--hidden', 'lab/hidden', '--student',\n"
          "                      '{{ STUDENT.username }}', '--format', 'coderunner', '--exit-zero'], capture_output=True, text=True).stdout)\n" },
        { NULL, 0, NULL } } },
    { "make", "a folder for students: make grade", false, "", "lab/", {
        { "Makefile", 0644, "grade:\n\t./ringside grade ./lab --submission .\n\n.PHONY: grade\n" },
        { NULL, 0, NULL } } },
};
enum { TARGETS = sizeof targets / sizeof *targets };

static bool add_bytes(struct zip *z, const char *dir, const char *name, const struct text *t, unsigned mode, struct err *e)
{
    char full[PATH];
    snprintf(full, sizeof full, "%.300s%.300s", dir, name);
    return zip_add(z, full, text_str(t), t->len, mode) || err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
}

static bool add_file(struct zip *z, const char *dir, const char *name, const char *from, unsigned mode, struct err *e)
{
    struct text t = { 0 };
    bool ok = text_read(&t, from, MOST, e) && add_bytes(z, dir, name, &t, mode, e);
    text_free(&t);
    return ok;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

/* The plain files of a folder, in the order of their names; none if it is not there. `ending`: only such. */
static bool add_folder(struct zip *z, const char *dir, const char *from, const char *ending, struct err *e)
{
    char names[64][64], path[PATH];
    unsigned n = 0;
    struct stat st;
    DIR *d = opendir(from);
    if (!d) return true;
    for (struct dirent *x; (x = readdir(d)) != NULL && n < 64;) {
        size_t len = strlen(x->d_name), tail = strlen(ending);
        snprintf(path, sizeof path, "%.500s/%.180s", from, x->d_name);
        if (x->d_name[0] == '.' || len >= 64 || len < tail || strcmp(x->d_name + len - tail, ending) || stat(path, &st) || !S_ISREG(st.st_mode)) continue;
        snprintf(names[n++], 64, "%.63s", x->d_name);
    }
    closedir(d);
    qsort(names, n, sizeof names[0], by_name);
    for (unsigned i = 0; i < n && !e->code; i++) {
        snprintf(path, sizeof path, "%.500s/%.63s", from, names[i]);
        add_file(z, dir, names[i], path, 0644, e);
    }
    return !e->code;
}

/* The guests that are built, and the disks and modules beside them. */
static bool add_guests(struct zip *z, const struct target *to, struct err *e)
{
    static struct subject_guest list[64];
    char dir[PATH], folder[64];
    unsigned n = subject_guests(list, 64);
    if (!n) return err_set(e, EXIT_INPUT, "no guests are built, and tests boot them; build them with `make guests`");
    snprintf(dir, sizeof dir, "%.600s", list[0].path);
    *strrchr(dir, '/') = 0;
    snprintf(folder, sizeof folder, "%sguests/", to->program);
    return add_folder(z, folder, dir, ".elf", e) && add_folder(z, folder, dir, ".img", e);
}

static bool add_lab(struct zip *z, const struct grading_lab *lab, const struct target *to, struct err *e)
{
    static const char *const parts[] = { "tests", "hidden" };
    char path[PATH], name[100];
    for (unsigned i = 0; i < (to->hidden ? 2 : 1) && !e->code; i++) {
        snprintf(path, sizeof path, "%.512s/%.9s", lab->dir, parts[i]);
        snprintf(name, sizeof name, "%s%s/", to->lab, parts[i]);
        add_folder(z, name, path, "", e);
    }
    if (lab->build[0] && !e->code) {
        snprintf(path, sizeof path, "%.500s/%.60s", lab->dir, lab->build);
        snprintf(name, sizeof name, "%.30s%.60s/", to->lab, lab->build);
        add_folder(z, name, path, "", e);
    }
    snprintf(path, sizeof path, "%s/lab.lua", lab->dir);
    if (!e->code) add_file(z, to->lab, "lab.lua", path, 0644, e);
    snprintf(path, sizeof path, "%s/key.txt", lab->dir);
    if (!e->code && to->hidden && access(path, R_OK) == 0) add_file(z, to->lab, "key.txt", path, 0644, e);
    if (e->code || to->hidden) return !e->code;
    snprintf(path, sizeof path, "%s/README.md", lab->dir);
    if (!add_file(z, "", "README.md", path, 0644, e)) return false;
    snprintf(path, sizeof path, "%s/starter", lab->dir);
    return add_folder(z, "", path, "", e);
}

static bool add_start(struct zip *z, const struct grading_lab *lab, const struct start *s, struct err *e)
{
    struct text t = { 0 };
    for (const char *p = s->text; *p; p++) {
        if (*p == '@' && (!p[1] || strchr("\n ", p[1]))) text_add(&t, "%s", packages);
        else if (p[0] == '%' && p[1] == 's') text_add(&t, "%s", lab->file), p++;
        else text_char(&t, *p);
    }
    bool ok = add_bytes(z, "", s->name, &t, s->mode, e);
    text_free(&t);
    return ok;
}

bool lab_pack(const struct grading_lab *lab, const char *target, const char *path, struct err *e)
{
    const char *words[TARGETS];
    const struct target *to = NULL;
    for (unsigned i = 0; i < TARGETS; i++) {
        words[i] = targets[i].word;
        if (!strcmp(words[i], target)) to = &targets[i];
    }
    const char *near = config_suggest(target, words, TARGETS);
    if (!to && near) return err_set(e, EXIT_USAGE, "--for %s: no such platform; did you mean %s?", target, near);
    if (!to) return err_set(e, EXIT_USAGE, "--for %s: no such platform; gradescope, prairielearn, classroom, coderunner, make", target);
    struct zip z = { 0 };
    for (const struct start *s = to->start; s->name && add_start(&z, lab, s, e);) s++;
    bool ok = !e->code && add_lab(&z, lab, to, e) && add_file(&z, to->program, "ringside", "/proc/self/exe", 0755, e) && add_guests(&z, to, e);
    if (ok) zip_end(&z);
    ok = ok && text_write(&z.bytes, path, e);
    zip_free(&z);
    return ok;
}
