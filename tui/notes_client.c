/* `ringside notes`: shows each page as it comes, broken for this terminal. See notes.h.
 *
 * On a terminal a page takes the place of the one before; elsewhere they follow each other, which is also what a screen reader wants. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "tui/frame.h"
#include "tui/notes.h"
#include "tui/tui.h"

enum { COLUMNS = 78, LEAST = 20 };

static int connected(const char *dir, const char *name)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int n = snprintf(at.sun_path, sizeof at.sun_path, "%s/%s", dir, name);
    struct stat st;
    if (n < 0 || (size_t)n >= sizeof at.sun_path || lstat(at.sun_path, &st) || !S_ISSOCK(st.st_mode) || st.st_uid != getuid()) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || !connect(fd, (struct sockaddr *)&at, sizeof at)) return fd;
    close(fd);
    unlink(at.sun_path); /* its lecture ended badly: nobody listens there any more */
    return -1;
}

/* The newest lecture that answers; -1: none does. */
static int find_lecture(void)
{
    char dir[NOTES_PATH], path[NOTES_PATH + 256], best[64]; /* names have 255 bytes */
    int fd = -1;
    if (!notes_path(dir, sizeof dir, 0)) return -1;
    for (;;) {
        struct timespec newest = { 0 };
        struct dirent *entry;
        DIR *d = opendir(dir);
        *best = 0;
        while (d && (entry = readdir(d)) != NULL) {
            struct stat st;
            if (strncmp(entry->d_name, "notes.", 6) || strlen(entry->d_name) >= sizeof best) continue;
            snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
            if (stat(path, &st)) continue;
            bool newer = st.st_mtim.tv_sec > newest.tv_sec || (st.st_mtim.tv_sec == newest.tv_sec && st.st_mtim.tv_nsec >= newest.tv_nsec);
            if (!newer && *best) continue;
            newest = st.st_mtim;
            strcpy(best, entry->d_name);
        }
        if (d) closedir(d);
        if (!*best || (fd = connected(dir, best)) >= 0) return fd;
        snprintf(path, sizeof path, "%s/%s", dir, best);
        if (!access(path, F_OK)) return -1; /* it is not ours to remove */
    }
}

static int columns(void)
{
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || w.ws_col < LEAST) return COLUMNS;
    return w.ws_col - 1;
}

static void put_line(void *self, int i, const char *s, int n)
{
    (void)self, (void)i;
    for (const char *end = s + n; s < end;) { /* nothing in a page may steer this terminal */
        const char *at = s;
        uint32_t ch = frame_next(&s);
        if (ch == '?' || ch == ' ') putchar((int)ch);
        else fwrite(at, 1, (size_t)(s - at), stdout);
    }
    putchar('\n');
}

static void show(const char *page, bool screen, bool first)
{
    if (screen) fputs("\033[H\033[2J\033[3J", stdout);
    else if (!first) fputs("\n----------------------------------------\n\n", stdout);
    frame_wrap(page, columns(), put_line, NULL);
    fflush(stdout);
}

/* Until the lecture closes its end. */
static void follow(int fd, bool screen)
{
    struct text page = { 0 };
    char buf[4096];
    bool first = true;
    for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;)
        for (ssize_t i = 0; i < n; i++) {
            if (buf[i] != NOTES_END) {
                if (buf[i]) text_char(&page, buf[i]);
                continue;
            }
            show(text_str(&page), screen, first);
            text_clear(&page);
            first = false;
        }
    text_free(&page);
    fputs("\nThe lecture has ended.\n", stdout);
}

int tui_notes(bool wait, struct err *e)
{
    const char *term = getenv("TERM");
    bool screen = isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb") != 0;
    int fd = find_lecture();
    if (fd < 0 && wait) fputs("Waiting for a lecture: ringside tui SCENARIO --lecture\n", stderr);
    while (fd < 0 && wait) {
        nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL);
        fd = find_lecture();
    }
    if (fd < 0) {
        err_set(e, EXIT_ENVIRONMENT, "notes: no lecture runs; begin one in another terminal: ringside tui popf --lecture");
        return e->code;
    }
    follow(fd, screen);
    close(fd);
    return EXIT_GOOD;
}
