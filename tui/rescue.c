/* See rescue.h. POSIX.1-2017 2.4.3: the functions a signal handler may call. */
#include "tui/rescue.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved;
static bool have_saved, registered;
static volatile sig_atomic_t armed, asked;
static char restore_bytes[128];
static size_t restore_length;
static void (*on_interrupt)(void *self);
static void *interrupt_self;

static const int polite[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static void restore_now(void)
{
    if (!armed) return;
    armed = 0;
    ssize_t n = write(STDOUT_FILENO, restore_bytes, restore_length);
    (void)n; /* there is nobody left to tell */
    if (have_saved) tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void on_polite(int sig)
{
    if (asked && asked != SIGINT && sig != SIGINT) { /* asked twice: the loop is stuck */
        restore_now();
        _exit(128 + sig);
    }
    asked = sig;
    if (on_interrupt) on_interrupt(interrupt_self);
}

static void on_crash(int sig)
{
    restore_now();
    signal(sig, SIG_DFL);
    raise(sig);
}

void rescue_save(void) { have_saved = tcgetattr(STDIN_FILENO, &saved) == 0; }

static void handle(int sig, void (*handler)(int))
{
    struct sigaction sa = { .sa_handler = handler };
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

static void handle_all(const int *sigs, size_t n, void (*handler)(int))
{
    for (size_t i = 0; i < n; i++) handle(sigs[i], handler);
}

void rescue_arm(const char *restore, void (*interrupt)(void *self), void *self)
{
    restore_length = strlen(restore) < sizeof restore_bytes ? strlen(restore) : sizeof restore_bytes - 1;
    memcpy(restore_bytes, restore, restore_length);
    on_interrupt = interrupt;
    interrupt_self = self;
    asked = 0;
    armed = 1;
    if (!registered) atexit(restore_now);
    registered = true;
    handle_all(polite, sizeof polite / sizeof polite[0], on_polite);
    handle_all(crashes, sizeof crashes / sizeof crashes[0], on_crash);
}

void rescue_disarm(void)
{
    armed = 0;
    on_interrupt = NULL;
    handle_all(polite, sizeof polite / sizeof polite[0], SIG_DFL);
    handle_all(crashes, sizeof crashes / sizeof crashes[0], SIG_DFL);
}

int rescue_asked(void) { return asked; }
void rescue_forget(void)
{
    if (asked == SIGINT) asked = 0;
}
