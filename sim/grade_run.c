/* Running tests, each in a child process, as many at once as was asked for. See grade.h.
 *
 * A child inherits the tests already read, goes into its jail, runs one test and writes one struct into a pipe. The parent believes
 * nothing else: a child that ends without it has crashed, one that takes too long by the wall clock is ended (that is the grader's
 * problem, not an answer: cycles and Lua instructions are what a test is bounded by). */
#include "sim/grade.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, MAGIC = 0x52494E47 };

struct wire { uint32_t magic; struct grading_outcome out; };

struct child {
    pid_t    pid;
    int      fd;
    unsigned report, test;
    size_t   got;
    struct wire wire;
    double   until;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct grading_student grade_who(const struct grade_report *r, unsigned test)
{
    const struct grade_lab *g = r->of;
    return (struct grading_student){ r->dir, g->lab.file, r->has_seed ? r->seed : grading_seed(g->key, r->student, g->test[test].is->name),
                                     g->lab.build[0] ? r->image : NULL };
}

static void run_child(const struct grade_report *r, unsigned test, int fd, double wall)
{
    const struct grade_lab *g = r->of;
    static struct wire w;
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3 && null >= 0; i++) dup2(null, i);
    for (int i = 3; i < 64; i++)
        if (i != fd) close(i);
    (void)grade_jail(wall);
    struct grading_student who = grade_who(r, test);
    grading_run(g->test[test].file, g->test[test].number, &who, &w.out);
    w.magic = MAGIC;
    const char *p = (const char *)&w;
    for (size_t n = 0; n < sizeof w;) {
        ssize_t k = write(fd, p + n, sizeof w - n);
        if (k <= 0) break;
        n += (size_t)k;
    }
    _exit(0);
}

/* Text for people: it ends, and holds nothing that a terminal would obey. */
static void clean(char *s, size_t room)
{
    s[room - 1] = 0;
    text_clean(s, true);
}

/* What could not be built has no test to run. */
static void not_built(struct grade_report *r, unsigned test)
{
    struct grading_outcome *out = &r->out[test];
    *out = (struct grading_outcome){ .status = r->unbuilt_limit ? GRADING_LIMIT : GRADING_ERROR };
    snprintf(out->message, sizeof out->message, "%s", r->unbuilt);
    clean(out->message, sizeof out->message);
    r->done[test] = true;
}

static bool start(struct child *c, const struct grade_report *r, unsigned test, double wall, struct err *e)
{
    int fd[2];
    if (pipe2(fd, O_CLOEXEC)) return err_set(e, EXIT_ENVIRONMENT, "grade: no pipe: %s", strerror(errno));
    fflush(NULL);
    c->pid = fork();
    if (c->pid == 0) {
        close(fd[0]);
        run_child(r, test, fd[1], wall);
    }
    close(fd[1]);
    c->fd = fd[0];
    c->got = 0;
    c->until = now() + wall;
    if (c->pid > 0) return true;
    close(fd[0]);
    return err_set(e, EXIT_ENVIRONMENT, "grade: no process: %s", strerror(errno));
}

static void crashed(struct grading_outcome *out, const char *why)
{
    *out = (struct grading_outcome){ .status = GRADING_CRASHED };
    snprintf(out->message, sizeof out->message, "%s; tell the course staff", why);
}

/* The child is over, by itself or by us. */
static void take(struct child *c, struct grade_report *r, bool late)
{
    int status = 0;
    struct grading_outcome *out = &r->out[c->test];
    if (late) kill(c->pid, SIGKILL);
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) continue;
    close(c->fd);
    c->pid = 0;
    if (late) crashed(out, "the grader gave the test up: it ran for too long by the wall clock");
    else if (c->got != sizeof c->wire || c->wire.magic != MAGIC || c->wire.out.status >= GRADING_STATUSES || c->wire.out.credit > GRADING_WHOLE)
        crashed(out, WIFSIGNALED(status) ? "the process that ran the test was ended by a signal" : "the process that ran the test ended without a result");
    else *out = c->wire.out;
    clean(out->message, sizeof out->message);
    clean(out->printed, sizeof out->printed);
    r->done[c->test] = true;
}

/* Waits until some child has ended; its slot, or -1. */
static int wait_any(struct child *child, unsigned n, struct grade_report *r)
{
    struct pollfd p[MOST];
    double soonest = 1e300;
    for (unsigned i = 0; i < n; i++) {
        p[i] = (struct pollfd){ child[i].pid ? child[i].fd : -1, POLLIN, 0 };
        if (child[i].pid && child[i].until < soonest) soonest = child[i].until;
    }
    double left = soonest - now();
    if (poll(p, n, left < 0 ? 0 : (int)(left * 1000) + 1) < 0 && errno != EINTR) return -1;
    for (unsigned i = 0; i < n; i++) {
        struct child *c = &child[i];
        if (!c->pid) continue;
        bool late = now() > c->until;
        if (p[i].revents) {
            ssize_t k = c->got < sizeof c->wire ? read(c->fd, (char *)&c->wire + c->got, sizeof c->wire - c->got) : 0;
            if (k > 0) c->got += (size_t)k;
            if (k > 0 || (k < 0 && errno == EINTR)) continue;
            late = false;
        } else if (!late) continue;
        take(c, &r[c->report], late);
        return (int)i;
    }
    return -1;
}

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void end_all(struct child *child, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (child[i].pid) {
            kill(child[i].pid, SIGKILL);
            waitpid(child[i].pid, NULL, 0);
            close(child[i].fd);
        }
}

/* The next test to run, by number over all reports; false: there is none. All tests before a failing one have begun when it is known
 * to fail, so which is the first does not depend on how many run at once. */
static bool next(const struct grade_report *r, unsigned reports, const struct grade_run *run, unsigned *report, unsigned *test)
{
    for (; *report < reports; ++*report, *test = 0) {
        if (run->whole && *report >= run->whole && grade_first_failing(&r[*report]) >= 0) continue;
        for (; *test < r[*report].of->tests; ++*test)
            if (run->only < 0 || *test == (unsigned)run->only) return true;
    }
    return false;
}

bool grade_all(struct grade_report *r, unsigned reports, const struct grade_run *run, struct err *e)
{
    unsigned jobs = run->jobs < 1 ? 1 : run->jobs > MOST ? MOST : run->jobs, running = 0, report = 0, test = 0;
    struct child *child = calloc(jobs, sizeof *child);
    if (!child) return err_set(e, EXIT_ENVIRONMENT, "out of memory; close other programs");
    struct sigaction act = { .sa_handler = on_interrupt }, was;
    sigaction(SIGINT, &act, &was);
    bool more = true;
    while (!interrupted && !e->code) {
        while (running < jobs && (more = next(r, reports, run, &report, &test)) != false) {
            struct child *c = child;
            while (c->pid) c++;
            if (!grade_build(&r[report], e)) break;
            if (r[report].unbuilt[0]) {
                not_built(&r[report], test);
                if (run->after) run->after(run->self, &r[report], test);
                test++;
                continue;
            }
            c->report = report;
            c->test = test;
            if (!start(c, &r[report], test, run->wall, e)) break;
            running++;
            test++;
        }
        if (!running) break;
        int i = wait_any(child, jobs, r);
        if (i < 0) continue;
        running--;
        if (run->after) run->after(run->self, &r[child[i].report], child[i].test);
    }
    end_all(child, jobs);
    free(child);
    sigaction(SIGINT, &was, NULL);
    if (interrupted) return err_set(e, EXIT_INTERRUPTED, "grade: interrupted; what was graded is written");
    return !e->code;
}
