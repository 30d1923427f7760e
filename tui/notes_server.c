/* The lecture's side of the notes: a socket, a few listeners, never a wait. See notes.h. unix(7). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "tui/notes.h"

static bool own_folder(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) && errno != EEXIST) return false;
    return !lstat(path, &st) && S_ISDIR(st.st_mode) && st.st_uid == getuid() && !(st.st_mode & 077);
}

bool notes_path(char *path, size_t room, long pid)
{
    const char *run = getenv("XDG_RUNTIME_DIR"), *tmp = getenv("TMPDIR");
    char dir[NOTES_PATH];
    int n = run && *run == '/' ? snprintf(dir, sizeof dir, "%s/ringside", run)
                               : snprintf(dir, sizeof dir, "%s/ringside-%u", tmp && *tmp == '/' ? tmp : "/tmp", (unsigned)getuid());
    if (n < 0 || (size_t)n >= sizeof dir || !own_folder(dir)) return false;
    n = pid ? snprintf(path, room, "%s/notes.%ld", dir, pid) : snprintf(path, room, "%s", dir);
    return n > 0 && (size_t)n < room;
}

static long long seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec;
}

static void no_wait(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void notes_open(struct notes *n)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    *n = (struct notes){ .socket = -1, .began = seconds() };
    for (unsigned i = 0; i < NOTES_LISTENERS; i++) n->listener[i] = -1;
    if (!notes_path(n->path, sizeof n->path, (long)getpid())) return;
    strcpy(at.sun_path, n->path);
    n->socket = socket(AF_UNIX, SOCK_STREAM, 0);
    if (n->socket < 0) return;
    no_wait(n->socket);
    unlink(n->path);
    mode_t before = umask(0177);
    bool good = !bind(n->socket, (struct sockaddr *)&at, sizeof at) && !chmod(n->path, 0600) && !listen(n->socket, NOTES_LISTENERS);
    umask(before);
    if (!good) notes_close(n);
}

static void drop(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void notes_close(struct notes *n)
{
    if (n->socket >= 0) unlink(n->path);
    drop(&n->socket);
    for (unsigned i = 0; i < NOTES_LISTENERS; i++) drop(&n->listener[i]);
    text_free(&n->page);
}

/* A page that does not fit into the listener's buffer is a listener that does not read. */
static void send_page(int *fd, const struct text *page)
{
    const char end = NOTES_END;
    if (*fd < 0) return;
    if (send(*fd, text_str(page), page->len, MSG_NOSIGNAL) != (ssize_t)page->len || send(*fd, &end, 1, MSG_NOSIGNAL) != 1) drop(fd);
}

static void let_in(struct notes *n)
{
    for (int fd; (fd = accept(n->socket, NULL, NULL)) >= 0;) {
        unsigned i = 0;
        while (i < NOTES_LISTENERS && n->listener[i] >= 0) i++;
        if (i == NOTES_LISTENERS) {
            close(fd);
            continue;
        }
        no_wait(fd);
        n->listener[i] = fd;
        send_page(&n->listener[i], &n->page);
    }
}

void notes_send(struct notes *n, const struct app *a)
{
    struct text page = { 0 };
    if (n->socket < 0) return;
    notes_page(a, (unsigned)((seconds() - n->began) / 60), &page);
    if (strcmp(text_str(&page), text_str(&n->page)) != 0) {
        text_free(&n->page);
        n->page = page;
        for (unsigned i = 0; i < NOTES_LISTENERS; i++) send_page(&n->listener[i], &n->page);
    } else {
        text_free(&page);
    }
    let_in(n);
}
