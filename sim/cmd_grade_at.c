/* `ringside grade --at PLACE`: the screen at the moment at which a test fails. The tests run first, each in a process of its own, to see which ones
 * fail; then that one runs again, up to there, in this process, for a screen shows it. docs/grading.md is the manual. */
#include "sim/cmd.h"
#include "sim/grade.h"
#include "sim/grade_saved.h"
#include "sim/lesson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "fail", "fail:2": *nth; "test:NAME", "test:4": *test, from 0. */
static bool read_place(const char *at, const struct grade_lab *g, unsigned *nth, int *test, struct err *e)
{
    const char *colon = strchr(at, ':'), *what = colon ? colon + 1 : "1";
    size_t word = strcspn(at, ":");
    char *end;
    unsigned long n = strtoul(what, &end, 10);
    bool number = *what >= '0' && *what <= '9' && !*end;
    *test = -1;
    if (word == 4 && !strncmp(at, "fail", 4) && number && n >= 1 && n <= GRADING_TESTS) return *nth = (unsigned)n, true;
    if (word != 4 || strncmp(at, "test", 4) != 0 || !colon)
        return err_set(e, EXIT_USAGE, "--at %.60s: write it as fail:N, the Nth test that fails, or test:NAME", at);
    return (*test = grade_find(g, "--at test:", what, e)) >= 0;
}

static int too_few(unsigned nth, unsigned found, struct err *e)
{
    if (!found) err_set(e, EXIT_INPUT, "--at: no test fails, so there is no moment to show; test:NAME names one");
    else err_set(e, EXIT_INPUT, "--at fail:%u: only %u test%s fail%s", nth, found, found == 1 ? "" : "s", found == 1 ? "s" : "");
    return -1;
}

/* The nth test that failed then. Nothing is run for it. */
static int failing_then(const struct grade_report *r, const struct grade_saved *saved, unsigned nth, struct err *e)
{
    unsigned found = 0;
    for (unsigned i = 0; i < saved->tests; i++) {
        if (!saved->test[i].failed || ++found < nth) continue;
        for (unsigned k = 0; k < r->of->tests; k++)
            if (!strcmp(r->of->test[k].is->name, saved->test[i].name)) return (int)k;
        return err_set(e, EXIT_INPUT, "--report: its test '%s' is not here; --hidden DIR, or another lab?", saved->test[i].name), -1;
    }
    return too_few(nth, found, e);
}

/* The nth test that fails. */
static int failing(const struct grade_report *r, unsigned nth, struct err *e)
{
    unsigned found = 0;
    for (unsigned i = 0; i < r->of->tests; i++) {
        if (!r->done[i] || r->out[i].status == GRADING_PASSED) continue;
        if (++found == nth) return (int)i;
    }
    return too_few(nth, found, e);
}

static void show(const struct options *o, struct grade_report *r, unsigned test, struct err *e)
{
    const struct grade_lab *g = r->of;
    struct machine *m;
    if (!grade_build(r, e)) return;
    if (r->unbuilt[0]) {
        err_set(e, EXIT_INPUT, "%s", r->unbuilt);
        return;
    }
    const struct grading_student who = grade_who(r, test);
    struct lesson *l = grading_stand(g->test[test].file, g->test[test].number, &who, &m, e);
    if (!l) return;
    command_screen(o, m, l, "fail:1", e);
    l->ops->free(l);
}

void grade_at_hint(const struct options *o, const struct grade_report *r)
{
    static const struct { enum option id; const char *name; } again[] = { { OPT_SUBMISSION, "submission" }, { OPT_HIDDEN, "hidden" }, { OPT_STUDENT, "student" },
                                                                          { OPT_SEED, "seed" } };
    struct text t = { 0 };
    unsigned found = 0, i = 0;
    for (; i < r->of->tests; i++) {
        if (!r->done[i] || r->out[i].status == GRADING_PASSED) continue;
        found++;
        if (r->out[i].cycles) break; /* there is a machine to look at */
    }
    if (i == r->of->tests || !isatty(STDERR_FILENO)) return;
    text_add(&t, "next: %s grade", command_program());
    if (o->operands) text_add(&t, " "), options_word(o->operand[0], &t);
    for (i = 0; i < sizeof again / sizeof *again; i++)
        if (o->value[again[i].id]) text_add(&t, " --%s ", again[i].name), options_word(o->value[again[i].id], &t);
    fprintf(stderr, "%s --at %s:%u   the machine where it failed\n", text_str(&t), o->value[OPT_ONLY] ? "test" : "fail", o->value[OPT_ONLY] ? i + 1 : found);
    text_free(&t);
}

int grade_at(const struct options *o, struct grade_report *r, struct grade_run run, const struct grade_saved *saved, struct err *e)
{
    unsigned nth = 0;
    int test;
    if (!read_place(o->value[OPT_GRADE_AT], r->of, &nth, &test, e)) return e->code;
    run.after = NULL;
    if (test < 0) run.only = -1;
    if (saved && saved->run[0] && strcmp(saved->run, r->id))
        fprintf(stderr, "note: that report is of run %s, this is %s: the submission, the tests, the student or the seed is another one\n", saved->run, r->id);
    if (test < 0 && saved) test = failing_then(r, saved, nth, e);
    else if (test < 0 && grade_all(r, 1, &run, e)) test = failing(r, nth, e);
    if (!e->code) show(o, r, (unsigned)test, e);
    return e->code;
}
