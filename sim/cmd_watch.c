/* `--watch`: a scenario runs (or is shown) again whenever one of its files changes, until somebody interrupts it.
 *
 * Idea: each run is one like any other, in a process of its own, so nothing is left of the one before, whatever it did. The watcher only
 * loads the file to know what it includes. The screen (tui) stays one process, and looks for changes while it waits for keys. */
#include "sim/cmd.h"
#include "sim/subject.h"
#include "sim/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

static void renew(struct watch *w, const char *word)
{
    struct err ignored = { 0 };
    struct lesson *l = lesson_open(word, &ignored);
    watch_lesson(w, l, word);
    if (l) l->ops->free(l);
}

/* A run in a process of its own. */
static bool once(const struct options *o, struct err *e)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return err_set(e, EXIT_ENVIRONMENT, "--watch: no process: %s", strerror(errno));
    if (!pid) {
        struct options one = *o;
        struct err mine = { 0 };
        one.value[OPT_WATCH] = NULL;
        int code = cmd_run(&one, &mine);
        fflush(stdout);
        if (mine.code) fprintf(stderr, "ringside: %s\n", mine.text);
        fflush(NULL);
        _exit(code);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return true;
}

int cmd_watch(const struct options *o, struct err *e)
{
    static struct watch w;
    const struct timespec pause = { 0, WATCH_EVERY_MS * 1000000L };
    const char *word = command_subject(o, 0, e);
    struct subject s;
    if (!word) return e->code;
    if (subject_find(&s, word, o, e)) { /* it may be broken now, and mended while we watch; but it must be a scenario */
        bool lesson = s.lesson != NULL;
        watch_lesson(&w, s.lesson, word);
        subject_close(&s);
        if (!lesson) return err_set(e, EXIT_USAGE, "--watch: is for scenarios; %s is an image", word), e->code;
    } else if (access(word, R_OK)) return e->code;
    else watch_lesson(&w, NULL, word);
    *e = (struct err){ 0 };
    struct sigaction act = { .sa_handler = on_interrupt };
    sigaction(SIGINT, &act, NULL);
    while (!interrupted && once(o, e)) {
        fprintf(stderr, "--watch: waiting for a change of %s; Ctrl-C ends\n", word);
        while (!interrupted && !watch_changed(&w)) nanosleep(&pause, NULL);
        renew(&w, word); /* before the run: what changes during it counts */
    }
    return e->code ? e->code : EXIT_GOOD;
}
