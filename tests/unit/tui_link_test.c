/* A slow line: a terminal behind 300 ms of network, as over SSH. Keys and screens take 150 ms each way, and keys do not wait for screens.
 *
 * What must hold: keys typed ahead are all obeyed and make few screens, not one each; a screen is one write and holds only what changed;
 * there are at most 30 a second, however fast keys come. The program is ./ringside, or what RINGSIDE names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ONE_WAY = 150, APART = 8 /* ms of silence between two screens, at least */, QUIET = 450 /* then no more comes */, PATIENCE = 30000, SLACK = 6 /* screens: on a busy computer the first may be seen late */,
       BUFFER = (24 + 2) * (80 + 6) /* what curses collects before it writes: _nc_setupscreen */ };

struct line {
    int fd;
    pid_t pid;
    unsigned screens;
    unsigned long bytes;
    int64_t first, last;          /* when their first and last byte left the program */
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes what the program wrote, if it writes within so many ms; false: it did not. */
static bool take(struct line *l, int milliseconds)
{
    char buf[65536];
    struct pollfd p = { .fd = l->fd, .events = POLLIN };
    if (poll(&p, 1, milliseconds > 0 ? milliseconds : 0) <= 0) return false;
    ssize_t n = read(l->fd, buf, sizeof buf);
    if (n <= 0) return false;
    int64_t at = now();
    if (!l->bytes || at - l->last >= APART) l->screens++;
    if (!l->bytes) l->first = at;
    l->bytes += (unsigned long)n;
    l->last = at;
    return true;
}

static void open_line(struct line *l)
{
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    const char *p = getenv("RINGSIDE"), *program = p && *p ? p : "./ringside";
    *l = (struct line){ .fd = -1 };
    l->pid = forkpty(&l->fd, NULL, NULL, &size);
    assert_true(l->pid >= 0);
    if (!l->pid) {
        setenv("TERM", "xterm-256color", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        execl(program, program, "tui", "popf", (char *)NULL);
        _exit(127);
    }
    assert_true(take(l, PATIENCE));
    while (take(l, QUIET)) {}
}

/* `n` keys, `gap` ms apart, each ONE_WAY late; until the last screen has been seen, ONE_WAY after it was made. */
static void type(struct line *l, const char *key, unsigned n, int gap)
{
    int64_t begun = now() + ONE_WAY, seen = 0;
    l->screens = 0;
    l->bytes = 0;
    for (unsigned i = 0; i < n; ) {
        int64_t due = begun + (int64_t)i * gap;
        if (now() < due) {
            (void)take(l, (int)(due - now()));
            continue;
        }
        assert_int_equal(write(l->fd, key, 1), 1);
        i++;
    }
    for (seen = now(); now() - seen < ONE_WAY + QUIET; )
        if (take(l, 20)) seen = now();
}

static void close_line(struct line *l)
{
    int status = -1;
    assert_int_equal(write(l->fd, "q", 1), 1);
    while (take(l, QUIET)) {}
    for (int waited = 0; waited < PATIENCE && waitpid(l->pid, &status, WNOHANG) == 0; waited += 10) poll(NULL, 0, 10);
    close(l->fd);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void few_and_whole(const struct line *l)
{
    unsigned long lasted = (unsigned long)(l->last - l->first);
    unsigned long most = lasted * 30 / 1000 + SLACK;
    if (l->screens > most) fail_msg("%u screens in %lu ms: more than 30 a second", l->screens, lasted);
    if (l->bytes > most * BUFFER) fail_msg("%lu bytes in %lu ms: more than a write for each of %lu screens", l->bytes, lasted, most);
}

static void test_typed_ahead(void **state)
{
    struct line l;
    (void)state;
    open_line(&l);
    type(&l, "n", 1, 0);
    type(&l, "s", 200, 0);
    assert_in_range(l.screens, 1, 60); /* not 200 */
    few_and_whole(&l);
    type(&l, "r", 200, 0);
    assert_in_range(l.screens, 1, 60);
    few_and_whole(&l);
    close_line(&l);
}

static void test_held_key(void **state)
{
    struct line l;
    (void)state;
    open_line(&l);
    type(&l, "n", 1, 0);
    type(&l, "s", 100, 10); /* a hundred a second */
    assert_in_range(l.screens, 5, 60);
    few_and_whole(&l);
    close_line(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_typed_ahead), cmocka_unit_test(test_held_key) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
