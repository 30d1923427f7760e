/* See outlet.h. */
#include "tui/outlet.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static FILE *curses_end;   /* what curses has; its number is the terminal's or, while held, the file's */
static FILE *store;        /* NULL: nothing is held */
static int terminal = -1;
static sigset_t before;

FILE *outlet_open(void)
{
    int end = dup(STDOUT_FILENO);
    terminal = dup(STDOUT_FILENO);
    curses_end = end >= 0 ? fdopen(end, "w") : NULL;
    if (end >= 0 && !curses_end) close(end);
    store = curses_end && terminal >= 0 ? tmpfile() : NULL;
    if (!curses_end) outlet_close();
    return curses_end;
}

void outlet_close(void)
{
    if (curses_end) fclose(curses_end);
    if (store) fclose(store);
    if (terminal >= 0) close(terminal);
    curses_end = store = NULL;
    terminal = -1;
}

void outlet_hold(void)
{
    sigset_t stop;
    if (!store) return;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    sigprocmask(SIG_BLOCK, &stop, &before);
    lseek(fileno(store), 0, SEEK_SET);
    dup2(fileno(store), fileno(curses_end));
}

static void send_all(const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = write(terminal, bytes, n);
        if (sent < 0 && errno != EINTR && errno != EAGAIN) return; /* the terminal is gone; the loop will notice */
        if (sent > 0) bytes += sent, n -= (size_t)sent;
    }
}

void outlet_release(void)
{
    if (!store) return;
    off_t end = lseek(fileno(store), 0, SEEK_CUR);
    char *bytes = end > 0 ? malloc((size_t)end) : NULL;
    dup2(terminal, fileno(curses_end));
    if (bytes && pread(fileno(store), bytes, (size_t)end, 0) == end) send_all(bytes, (size_t)end);
    free(bytes);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
