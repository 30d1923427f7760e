/* The GDB server's network: one listening socket, one debugger at a time. See gdb.h.
 *
 * Idea: everything is done between two slices of the run, by poll(2). A debugger that detaches or gets lost leaves a guest
 * that runs on; another one may come until it has ended, and stops it where it is. While one is connected others are turned
 * away. POSIX sockets; ^C and --limit-wall are guard.h's, which end a waiting server, too. */
#include "sim/gdb.h"
#include "sim/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 100, SLICE = 1000000, ROOM = 4096 };

struct server {
    int listening, client;      /* -1: none */
    char host[128], port[8];
    struct gdb gdb;
    struct gdb_reader reader;
    uint8_t in[ROOM];           /* received, not yet taken apart */
    size_t have, at;
    size_t sent;                /* bytes of gdb.out that were sent */
    bool lost, stop;            /* the connection; the debugger wants the guest to stop */
};

/* --- addresses --- */

bool gdb_is_address(const char *word)
{
    const char *colon = strrchr(word, ':'), *port = colon ? colon + 1 : word;
    return *port && !port[strspn(port, "0123456789")] && !strchr(word, '/');
}

static bool split(struct server *s, const char *where, struct err *e)
{
    static const char help[] = "write --gdb, --gdb :PORT or --gdb HOST:PORT";
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    size_t n = colon ? (size_t)(colon - where) : 0;
    if (!*where) port = "1234";
    if (n >= 2 && where[0] == '[' && where[n - 1] == ']') where++, n -= 2; /* [::1]:1234 */
    if (!*port || port[strspn(port, "0123456789")] || strlen(port) > 5 || atol(port) > 65535 || n >= sizeof s->host)
        return err_set(e, EXIT_USAGE, "--gdb %.80s: no such address; %s", where, help);
    snprintf(s->host, sizeof s->host, "%.*s", n ? (int)n : 9, n ? where : "127.0.0.1");
    snprintf(s->port, sizeof s->port, "%s", port);
    return true;
}

static bool nonblocking(int fd) { return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0; }

static int listen_at(const struct addrinfo *a)
{
    int yes = 1, fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 4) == 0 && nonblocking(fd)) return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Port 0 is any that is free: says which. */
static void announce(const struct server *s)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    char port[8];
    const char *shown = s->port;
    if (getsockname(s->listening, (struct sockaddr *)&a, &n) == 0 &&
        getnameinfo((struct sockaddr *)&a, n, NULL, 0, port, sizeof port, NI_NUMERICSERV) == 0)
        shown = port;
    bool six = strchr(s->host, ':') != NULL;
    fprintf(stderr, "ringside: waiting for gdb at %s%s%s:%s (target remote %s:%s)\n", six ? "[" : "", s->host, six ? "]" : "",
            shown, strcmp(s->host, "127.0.0.1") ? s->host : "", shown);
    fflush(stderr);
}

static bool open_server(struct server *s, const char *where, struct err *e)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    s->listening = s->client = -1;
    if (!split(s, where, e)) return false;
    int failed = getaddrinfo(s->host, s->port, &hints, &list);
    if (failed)
        return err_set(e, EXIT_USAGE, "--gdb: %s: %s; a host of this computer is needed", s->host, gai_strerror(failed));
    errno = 0;
    for (const struct addrinfo *a = list; a && s->listening < 0; a = a->ai_next) s->listening = listen_at(a);
    freeaddrinfo(list);
    if (s->listening < 0)
        return err_set(e, EXIT_ENVIRONMENT, "--gdb: cannot listen at %s:%s: %s; --gdb :0 takes any port that is free",
                       s->host, s->port, strerror(errno));
    announce(s);
    return true;
}

/* --- bytes --- */

static void hang_up(struct server *s)
{
    if (s->client >= 0) close(s->client);
    s->client = -1;
}

/* Takes what has arrived. With the buffer full a debugger talks without waiting for answers: what is there comes first. */
static void receive(struct server *s)
{
    if (s->at == s->have) s->at = s->have = 0;
    while (s->have < ROOM) {
        ssize_t n = recv(s->client, s->in + s->have, ROOM - s->have, 0);
        if (n > 0) {
            s->have += (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) s->lost = true;
        return;
    }
}

static void flush(struct server *s)
{
    while (s->sent < s->gdb.out.len && !s->lost) {
        ssize_t n = send(s->client, s->gdb.out.s + s->sent, s->gdb.out.len - s->sent, MSG_NOSIGNAL);
        if (n > 0) s->sent += (size_t)n;
        else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd p = { .fd = s->client, .events = POLLOUT };
            if (poll(&p, 1, WAIT_MS) == 0 && guard_stopped()) return;
        } else if (errno != EINTR) s->lost = true;
    }
}

/* One debugger at a time. */
static void turn_away(const struct server *s)
{
    int other = accept(s->listening, NULL, NULL);
    if (other >= 0) close(other);
}

/* While the guest runs: has something come that ends the run? Bytes of a packet wait, an interrupt does not. */
static bool interrupted(void *self)
{
    struct server *s = self;
    struct pollfd p[2] = { { .fd = s->client, .events = POLLIN }, { .fd = s->listening, .events = POLLIN } };
    if (guard_stopped()) return true;
    if (poll(p, 2, 0) <= 0) return false;
    if (p[1].revents) turn_away(s);
    if (p[0].revents) receive(s);
    size_t kept = s->at;
    for (size_t i = s->at; i < s->have; i++)
        if (s->in[i] == 0x03) s->stop = true;
        else s->in[kept++] = s->in[i];
    s->have = kept;
    return s->stop || s->lost;
}

/* --- a session --- */

static void answer(struct server *s, uint8_t byte)
{
    struct gdb *g = &s->gdb;
    switch (gdb_read_byte(&s->reader, byte)) {
    case GDB_COMMAND:
        if (!g->no_ack) text_char(&g->out, '+');
        flush(s); /* before a long run */
        text_clear(&g->out);
        s->sent = 0;
        s->stop = false;
        gdb_command(g, s->reader.body, s->reader.length);
        break;
    case GDB_TOO_LONG:
        if (!g->no_ack) text_char(&g->out, '+');
        gdb_send(g, "E07"); /* E2BIG */
        break;
    case GDB_DAMAGED:
        if (!g->no_ack) text_char(&g->out, '-');
        break;
    case GDB_NAK: s->sent = 0; break;
    case GDB_BREAK: gdb_stopped(g); break; /* it stands already */
    case GDB_NOTHING: break;
    }
    flush(s);
}

/* An extended debugger may begin again after its guest has ended or was killed. */
static bool finished(const struct server *s)
{
    return s->lost || s->gdb.over == GDB_DETACHED || (s->gdb.over != GDB_ON && !s->gdb.extended);
}

static bool session(struct server *s, struct machine *m, struct err *e)
{
    int yes = 1;
    setsockopt(s->client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    s->have = s->at = s->sent = 0;
    s->lost = s->stop = false;
    s->reader = (struct gdb_reader){ 0 };
    gdb_begin(&s->gdb, m, interrupted, s);
    while (!finished(s) && !guard_stopped()) {
        while (s->at < s->have && !finished(s)) answer(s, s->in[s->at++]);
        if (finished(s)) break;
        struct pollfd p[2] = { { .fd = s->client, .events = POLLIN }, { .fd = s->listening, .events = POLLIN } };
        if (poll(p, 2, WAIT_MS) <= 0) continue;
        if (p[1].revents) turn_away(s);
        if (p[0].revents) receive(s);
    }
    enum gdb_over over = s->gdb.over;
    gdb_end(&s->gdb);
    hang_up(s);
    if (over == GDB_KILLED)
        return err_set(e, EXIT_INTERRUPTED, "killed by the debugger; what is shown is what there was until then");
    return !guard_error(e);
}

/* --- without a debugger --- */

static bool newcomer(struct server *s, int wait)
{
    struct pollfd p = { .fd = s->listening, .events = POLLIN };
    if (poll(&p, 1, wait) <= 0) return false;
    s->client = accept(s->listening, NULL, NULL);
    if (s->client >= 0 && !nonblocking(s->client)) hang_up(s);
    return s->client >= 0;
}

static bool serve(struct server *s, struct machine *m, struct err *e)
{
    while (!newcomer(s, WAIT_MS))
        if (guard_error(e)) return false;
    for (;;) {
        if (!session(s, m, e)) return false;
        do { /* to the guest's end, unless another debugger comes */
            if (guard_error(e)) return false;
            enum machine_stop stop = machine_run(m, NULL, SLICE);
            if (stop == MACHINE_ENDED) return true;
        } while (!newcomer(s, 0));
    }
}

bool gdb_serve(struct machine *m, const char *where, struct err *e)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, EXIT_ENVIRONMENT, "--gdb: no memory for the server");
    guard_quiet(true);
    guard_watch(m);
    bool ok = open_server(s, where, e) && serve(s, m, e);
    guard_watch(NULL);
    guard_quiet(false);
    hang_up(s);
    if (s->listening >= 0) close(s->listening);
    free(s);
    return ok;
}
