/* One write for each screen. The terminal is opened on a pseudo-terminal; then every descriptor that leads there is given to a socket that
 * keeps messages apart, so that a message is a write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tui/frame.h"
#include "tui/paint.h"
#include "tui/theme.h"

enum { DESCRIPTORS = 64, CANNOT_OPEN = 100 };

/* All but 0 and 1, which lead to the terminal by themselves, and the pty's other end. */
static void divert(int socket, int master)
{
    for (int fd = 3; fd < DESCRIPTORS; fd++)
        if (fd != master && isatty(fd)) dup2(socket, fd);
}

static int messages(int socket)
{
    static char bytes[1 << 20];
    int n = 0;
    while (recv(socket, bytes, sizeof bytes, MSG_DONTWAIT) > 0) n++;
    return n;
}

/* Different in every cell, so that curses has to move and to change colours a lot. */
static void fill(struct frame *f, unsigned seed)
{
    for (int i = 0; i < f->cols * f->rows; i++) {
        seed = seed * 1664525u + 1013904223u;
        f->cell[i] = (struct cell){ .ch = seed >> 30 ? 'a' + (seed >> 24) % 26 : 0x2588, .role = (uint8_t)((seed >> 16) % ROLE_COUNT) };
    }
}

/* In a process of its own, for the terminal is one's own. How many writes the worst screen took. */
static int worst(unsigned short cols, unsigned short rows)
{
    int sock[2], most = 0;
    struct winsize size = { .ws_col = cols, .ws_row = rows };
    struct frame f = { 0 };
    struct err e = { 0 };
    setenv("TERM", "xterm-256color", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("LINES"), unsetenv("COLUMNS"), unsetenv("NO_COLOR");
    int master, slave;
    if (openpty(&master, &slave, NULL, NULL, &size) || socketpair(AF_UNIX, SOCK_DGRAM, 0, sock)) return CANNOT_OPEN;
    dup2(slave, STDIN_FILENO), dup2(slave, STDOUT_FILENO);
    close(slave);
    int room = 1 << 20;
    setsockopt(sock[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    paint_utf8();
    if (!paint_open(NULL, NULL, &e)) return CANNOT_OPEN;
    frame_size(&f, cols, rows);
    divert(sock[0], master);
    for (unsigned i = 0; i < 4; i++) {
        fill(&f, i / 2);
        paint_show(&f, THEME_DARK, i == 1);
        int n = messages(sock[1]);
        if (n > most) most = n;
    }
    return most;
}

static void one_write(unsigned short cols, unsigned short rows)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) _exit(worst(cols, rows));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
}

static void test_one_write(void **state)
{
    (void)state;
    one_write(80, 24);
    one_write(160, 45);
    one_write(300, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_write) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
