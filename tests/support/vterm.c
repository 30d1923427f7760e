/* See vterm.h. */
#include "tests/support/vterm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

struct vt {
    VTerm *vterm;
    VTermScreen *screen;
    int master, slave; /* our own end of the slave keeps the settings readable after the program has ended */
    pid_t pid;         /* of the session's leader */
    int cols, rows;
    bool ended, alternate, cursor;
    int status;
    struct termios before;
};

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_property(VTermProp property, VTermValue *value, void *self)
{
    struct vt *t = self;
    if (property == VTERM_PROP_ALTSCREEN) t->alternate = value->boolean;
    if (property == VTERM_PROP_CURSORVISIBLE) t->cursor = value->boolean;
    return 1;
}

static void settings(const char *const *env)
{
    setenv("TERM", "screen-256color", 1); /* unlike xterm, asks for nothing that libvterm 0.1 does not know (REP) */
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("NO_COLOR");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    for (; env && *env; env++) {
        char *copy = strdup(*env), *equals = strchr(copy, '=');
        if (equals)
            *equals = 0, setenv(copy, equals + 1, 1);
        else
            unsetenv(copy);
        free(copy);
    }
}

static void become(const char *const *argv, const char *const *env)
{
    signal(SIGTTOU, SIG_IGN); /* a background process may not name the foreground one, unless it does not listen */
    setpgid(0, 0);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    settings(env);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* What a shell does: owns the session, runs the program as a job, stops and goes on with it, ends as it does. Without
 * it Ctrl-Z would do nothing, because a process group that nobody could wake is not stopped. */
static void lead(int master, int slave, const char *const *argv, const char *const *env)
{
    int status = 0;
    close(master); /* or the window could never close */
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    signal(SIGHUP, SIG_IGN);
    for (int fd = 0; fd < 3; fd++) dup2(slave, fd);
    if (slave > 2) close(slave);
    pid_t pid = fork();
    if (pid == 0) become(argv, env);
    while (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status)) {
        raise(SIGSTOP);
        kill(-pid, SIGCONT);
    }
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

struct vt *vt_start(const char *const *argv, const char *const *env, int cols, int rows)
{
    static const VTermScreenCallbacks callbacks = { .settermprop = on_property };
    struct winsize size = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };
    struct vt *t = calloc(1, sizeof *t);
    if (!t || openpty(&t->master, &t->slave, NULL, NULL, &size) != 0) abort();
    fcntl(t->master, F_SETFD, FD_CLOEXEC);
    fcntl(t->slave, F_SETFD, FD_CLOEXEC);
    tcgetattr(t->slave, &t->before);
    t->cols = cols, t->rows = rows, t->cursor = true;
    t->vterm = vterm_new(rows, cols);
    vterm_set_utf8(t->vterm, 1);
    t->screen = vterm_obtain_screen(t->vterm);
    vterm_screen_enable_altscreen(t->screen, 1);
    vterm_screen_set_callbacks(t->screen, &callbacks, t);
    vterm_screen_reset(t->screen, 1);
    t->pid = fork();
    if (t->pid == 0) lead(t->master, t->slave, argv, env);
    return t;
}

void vt_free(struct vt *t)
{
    if (!t->ended) {
        if (t->master >= 0) vt_signal(t, SIGKILL);
        kill(t->pid, SIGKILL);
        waitpid(t->pid, &t->status, 0);
    }
    if (t->master >= 0) close(t->master);
    if (t->slave >= 0) close(t->slave);
    vterm_free(t->vterm);
    free(t);
}

/* Takes what the program has written, waiting at most so long for it; false if there was nothing. */
static bool take(struct vt *t, int milliseconds)
{
    char buf[4096];
    struct pollfd p = { .fd = t->master, .events = POLLIN };
    if (t->master < 0 || poll(&p, 1, milliseconds) <= 0 || !(p.revents & POLLIN)) return false;
    ssize_t n = read(t->master, buf, sizeof buf);
    if (n <= 0) return false;
    vterm_input_write(t->vterm, buf, (size_t)n);
    return true;
}

static void add_cell(const VTermScreenCell *c, struct text *out)
{
    if (!c->chars[0]) text_char(out, ' ');
    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c->chars[i]; i++) {
        uint32_t ch = c->chars[i];
        if (ch < 0x80)
            text_char(out, (char)ch);
        else if (ch < 0x800)
            text_add(out, "%c%c", (int)(0xC0 | ch >> 6), (int)(0x80 | (ch & 0x3F)));
        else
            text_add(out, "%c%c%c", (int)(0xE0 | ch >> 12), (int)(0x80 | (ch >> 6 & 0x3F)), (int)(0x80 | (ch & 0x3F)));
    }
}

void vt_screen(struct vt *t, struct text *out)
{
    for (int y = 0; y < t->rows; y++) {
        struct text line = { 0 };
        for (int x = 0; x < t->cols; x++) {
            VTermScreenCell c;
            vterm_screen_get_cell(t->screen, (VTermPos){ .row = y, .col = x }, &c);
            add_cell(&c, &line);
        }
        while (line.len && line.s[line.len - 1] == ' ') line.len--;
        text_bytes(out, text_str(&line), line.len);
        text_char(out, '\n');
        text_free(&line);
    }
}

static bool shows(struct vt *t, const char *text)
{
    struct text s = { 0 };
    vt_screen(t, &s);
    bool found = strstr(text_str(&s), text) != NULL;
    text_free(&s);
    return found;
}

static bool wait_for(struct vt *t, const char *text, bool wanted, int milliseconds)
{
    int64_t end = now() + milliseconds;
    while (shows(t, text) != wanted) {
        if (now() >= end) return false;
        take(t, 20);
    }
    return true;
}

bool vt_wait(struct vt *t, const char *text, int milliseconds) { return wait_for(t, text, true, milliseconds); }
bool vt_wait_gone(struct vt *t, const char *text, int milliseconds) { return wait_for(t, text, false, milliseconds); }

void vt_quiet(struct vt *t, int milliseconds)
{
    while (take(t, milliseconds)) {
    }
}

void vt_type(struct vt *t, const char *bytes)
{
    size_t n = strlen(bytes);
    while (n) {
        ssize_t done = write(t->master, bytes, n);
        if (done < 0 && errno != EINTR) return;
        if (done > 0) bytes += done, n -= (size_t)done;
        take(t, 0); /* or both ends wait for the other to read */
    }
}

void vt_resize(struct vt *t, int cols, int rows)
{
    struct winsize size = { .ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows };
    t->cols = cols, t->rows = rows;
    vterm_set_size(t->vterm, rows, cols);
    ioctl(t->master, TIOCSWINSZ, &size);
}

void vt_signal(struct vt *t, int sig)
{
    pid_t job = tcgetpgrp(t->master);
    if (sig == SIGCONT)
        kill(t->pid, sig); /* the shell wakes its job */
    else if (job > 1 && job != t->pid)
        kill(job, sig);
}

void vt_hang_up(struct vt *t)
{
    close(t->slave);
    close(t->master);
    t->slave = t->master = -1;
}

/* The cell where `text` (ASCII) begins on the screen. */
static bool find_cell(struct vt *t, const char *text, VTermPos *at)
{
    int n = (int)strlen(text);
    for (at->row = 0; at->row < t->rows; at->row++)
        for (at->col = 0; at->col + n <= t->cols; at->col++) {
            int i = 0;
            for (; i < n; i++) {
                VTermScreenCell c;
                vterm_screen_get_cell(t->screen, (VTermPos){ .row = at->row, .col = at->col + i }, &c);
                if (c.chars[0] != (uint32_t)(unsigned char)text[i]) break;
            }
            if (i == n) return true;
        }
    return false;
}

struct vt_look vt_look(struct vt *t, const char *text)
{
    VTermPos at;
    VTermScreenCell c;
    if (!find_cell(t, text, &at)) return (struct vt_look){ 0 };
    vterm_screen_get_cell(t->screen, at, &c);
    return (struct vt_look){ true, c.attrs.bold, c.attrs.underline != 0, c.attrs.reverse,
                             VTERM_COLOR_IS_DEFAULT_FG(&c.fg) && VTERM_COLOR_IS_DEFAULT_BG(&c.bg) };
}

static bool reap(struct vt *t, int options, int milliseconds)
{
    int64_t end = now() + milliseconds;
    for (;;) {
        take(t, 10); /* it may be waiting for us to read */
        if (t->master < 0) poll(NULL, 0, 10);
        if (waitpid(t->pid, &t->status, options | WNOHANG) == t->pid) return true;
        if (now() >= end) return false;
    }
}

int vt_end(struct vt *t, int milliseconds)
{
    if (!t->ended && !reap(t, 0, milliseconds)) return -1;
    t->ended = true;
    vt_quiet(t, 20);
    return WIFSIGNALED(t->status) ? 128 + WTERMSIG(t->status) : WEXITSTATUS(t->status);
}

bool vt_stopped(struct vt *t, int milliseconds)
{
    if (!reap(t, WUNTRACED, milliseconds)) return false;
    t->ended = !WIFSTOPPED(t->status);
    vt_quiet(t, 20);
    return !t->ended;
}

bool vt_restored(struct vt *t)
{
    struct termios after;
    if (tcgetattr(t->slave, &after) != 0) return false;
    return !t->alternate && t->cursor && after.c_lflag == t->before.c_lflag && after.c_iflag == t->before.c_iflag &&
           after.c_oflag == t->before.c_oflag;
}
