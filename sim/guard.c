/* See guard.h. POSIX: signal-safety(7). Handlers use write(2), clock_gettime(2) and machine.h's reading functions. */
#include "sim/guard.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { TICK_US = 100000, PROGRESS_TICKS = 5, PATIENCE = 5 };

static struct machine *volatile watched;
static volatile sig_atomic_t interrupted, wall_over, cancelled, silent, shown, ticks;
static struct timespec begun;
static double limit;
static bool terminal;

static double elapsed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

static void put(const char *s, size_t n)
{
    ssize_t ignored = write(STDERR_FILENO, s, n);
    (void)ignored;
}

/* Decimal digits with separators, backwards into the end of `buf`; no library, for we are in a handler. */
static char *digits(uint64_t n, char *end)
{
    for (unsigned k = 0; !k || n; k++, n /= 10) {
        if (k && k % 3 == 0) *--end = ',';
        *--end = (char)('0' + n % 10);
    }
    return end;
}

static void show_progress(const struct machine *m)
{
    char line[96] = "\r  ", number[32];
    char *d = digits(machine_insns(m), number + sizeof number);
    size_t n = 3, width = (size_t)(number + sizeof number - d);
    memcpy(line + n, d, width);
    n += width;
    memcpy(line + n, " instructions", 13);
    n += 13;
    const struct machine_cfg *c = machine_config(m);
    double share = c->limit_cycles ? (double)machine_cycles(m) / (double)c->limit_cycles
                 : c->limit_insns  ? (double)machine_insns(m) / (double)c->limit_insns
                 : limit > 0       ? elapsed() / limit : 0;
    if (share > 0 && share <= 1) {
        d = digits((uint64_t)(share * 100), number + sizeof number);
        width = (size_t)(number + sizeof number - d);
        memcpy(line + n, ", ", 2);
        memcpy(line + n + 2, d, width);
        memcpy(line + n + 2 + width, "% of the limit", 14);
        n += 16 + width;
    }
    memcpy(line + n, "\033[K", 3);
    put(line, n + 3);
    shown = 1;
}

bool guard_stopped(void) { return interrupted || wall_over || cancelled; }

/* A machine that has not paused for so long never will: our bug, but the limit holds. */
static _Noreturn void give_up(void)
{
    static const char words[] =
        "\nringside: limit reached: --limit-wall, and the machine does not stop: our bug; please report it\n";
    put(words + (shown ? 0 : 1), sizeof words - 1 - (shown ? 0 : 1));
    _exit(EXIT_LIMIT);
}

static void on_tick(int sig)
{
    (void)sig;
    int saved = errno;
    struct machine *m = watched;
    if (limit > 0 && elapsed() >= limit) wall_over = 1;
    if (m && limit > 0 && elapsed() >= limit + PATIENCE) give_up();
    if (m && guard_stopped()) machine_pause(m);
    else if (m && terminal && !silent && ++ticks % PROGRESS_TICKS == 0 && elapsed() > 1) show_progress(m);
    errno = saved;
}

static void on_interrupt(int sig)
{
    int saved = errno;
    struct machine *m = watched;
    interrupted = 1;
    signal(sig, SIG_DFL);
    if (m) machine_pause(m);
    errno = saved;
}

void guard_start(double wall)
{
    struct sigaction tick = { .sa_handler = on_tick, .sa_flags = SA_RESTART };
    struct sigaction stop = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };
    struct itimerval every = { { 0, TICK_US }, { 0, TICK_US } };
    limit = wall;
    terminal = isatty(STDERR_FILENO);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    sigaction(SIGALRM, &tick, NULL);
    sigaction(SIGINT, &stop, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
}

void guard_watch(struct machine *m) { watched = m; }
void guard_cancel(void)
{
    struct machine *m = watched;
    cancelled = 1;
    if (m) machine_pause(m);
}

bool guard_error(struct err *e)
{
    if (!guard_stopped()) return false;
    *e = (struct err){ 0 };
    if (cancelled) {
        e->code = EXIT_ENVIRONMENT;
        return true;
    }
    if (interrupted) err_set(e, EXIT_INTERRUPTED, "interrupted; what is shown is what there was until then");
    else
        err_set(e, EXIT_LIMIT,
                "limit reached: --limit-wall %g seconds; give it more, or a --limit-cycles that repeats exactly",
                limit);
    return true;
}

void guard_quiet(bool quiet)
{
    silent = quiet;
    if (quiet && shown) put("\r\033[K", 4);
    shown = 0;
}

void guard_end(void)
{
    struct itimerval off = { { 0, 0 }, { 0, 0 } };
    setitimer(ITIMER_REAL, &off, NULL);
    guard_quiet(true);
    watched = NULL;
}
