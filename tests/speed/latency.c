/* How long a key takes: from writing it to the terminal until the last byte of the screen it makes, in real time.
 *
 *   latency PROGRAM KEYS SCENARIO ...
 *
 * Each scenario is opened at 80x24 on a pseudo-terminal, taken to its first step, and given `s` KEYS times, one after the other, a
 * moment apart, as a person would; then `r`. The last byte is the one after which nothing comes for a while. Figures of a machine that does
 * other things, too, say little: they are reported, and nobody fails by them. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE = 30 /* ms without a byte: the screen is complete */, PAUSE = 40, KEYS_MOST = 2000, GIVE_UP = 20000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Reads until nothing comes for `silence` ms; when the last byte came, 0 if there was none within `patience`. */
static double drain(int fd, int silence, int patience)
{
    char buf[65536];
    double last = 0;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, last > 0 ? silence : patience) > 0) {
        if (read(fd, buf, sizeof buf) <= 0) break;
        last = now();
    }
    return last;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static unsigned press(int fd, char key, unsigned keys, double *took)
{
    unsigned n = 0;
    for (unsigned i = 0; i < keys; i++) {
        poll(NULL, 0, PAUSE);
        double begun = now();
        if (write(fd, &key, 1) != 1) break;
        double last = drain(fd, SILENCE, GIVE_UP);
        if (last > 0) took[n++] = last - begun;
    }
    qsort(took, n, sizeof *took, by_size);
    return n;
}

static void report(const char *scenario, char key, const double *took, unsigned n)
{
    if (n) printf("%-12s %c  %5.1f  %5.1f  %5.1f\n", scenario, key, took[n / 2], took[n * 95 / 100 < n ? n * 95 / 100 : n - 1], took[n - 1]);
    else printf("%-12s %c  no answer\n", scenario, key);
    fflush(stdout);
}

static void measure(const char *program, const char *scenario, unsigned keys)
{
    static double took[KEYS_MOST];
    struct winsize size = { .ws_row = 24, .ws_col = 80 };
    int fd, status;
    pid_t pid = forkpty(&fd, NULL, NULL, &size);
    if (pid < 0) {
        perror("latency: forkpty");
        exit(1);
    }
    if (!pid) {
        setenv("TERM", "xterm-256color", 1);
        execl(program, program, "tui", scenario, (char *)NULL);
        _exit(127);
    }
    drain(fd, 200, GIVE_UP);
    if (write(fd, "n", 1) == 1) drain(fd, 200, GIVE_UP);
    report(scenario, 's', took, press(fd, 's', keys, took));
    report(scenario, 'r', took, press(fd, 'r', keys / 2, took));
    if (write(fd, "q", 1) == 1) drain(fd, 200, 2000);
    close(fd);
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
    unsigned keys = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    if (argc < 4 || !keys || keys > KEYS_MOST) {
        fprintf(stderr, "usage: latency PROGRAM KEYS SCENARIO ...\n");
        return 2;
    }
    printf("milliseconds from a key to the last byte of its screen, 80x24\n%-12s key median   95 %%   worst\n", "scenario");
    for (int i = 3; i < argc; i++) measure(argv[1], argv[i], keys);
    return 0;
}
