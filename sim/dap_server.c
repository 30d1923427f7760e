/* The editor's bytes: a header "Content-Length: N", an empty line, N bytes of JSON, and so on both ways. See dap.h.
 *
 * Idea: messages are answered in the order in which they come. While the guest runs, a `pause` or a farewell among what has come by then
 * ends the run; anything else waits until it stops. Nobody but this computer is listened to unless an address says so. */
#include "sim/dap.h"
#include "sim/guard.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 100, FAREWELLS = 30 /* times WAIT_MS: how long it waits for `disconnect` when all has ended */, MOST = 4 << 20 };

struct server {
    struct dap dap;
    int in, out;
    struct text have;  /* received, not yet taken apart */
    size_t at;
    bool lost, tell;   /* tell: the editor knows our events */
    struct text line;  /* of the guest's serial output */
};
static struct server *speaking; /* whose editor the guest's output goes to */

static void send_all(void *self, const char *bytes, size_t n)
{
    struct server *s = self;
    while (n && !s->lost) {
        ssize_t k = write(s->out, bytes, n);
        if (k > 0) bytes += k, n -= (size_t)k;
        else if (errno != EINTR) s->lost = true;
    }
}

static void send_message(void *self, const char *json, size_t n)
{
    char head[48];
    int k = snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", n);
    send_all(self, head, (size_t)k);
    send_all(self, json, n);
}

static bool receive(struct server *s, int wait)
{
    struct pollfd p = { .fd = s->in, .events = POLLIN };
    char chunk[16384];
    if (poll(&p, 1, wait) <= 0) return false;
    ssize_t n = read(s->in, chunk, sizeof chunk);
    if (n > 0) text_bytes(&s->have, chunk, (size_t)n);
    else if (n == 0 || (errno != EINTR && errno != EAGAIN)) s->lost = true;
    if (s->have.len > MOST) s->lost = true;
    return n > 0;
}

/* The next whole message from `at` on: where it begins, its length; false: not all of it is here. */
static bool message(struct server *s, size_t at, size_t *begin, size_t *n)
{
    const char *head = at < s->have.len ? s->have.s + at : NULL, *end = head ? strstr(head, "\r\n\r\n") : NULL;
    const char *length = head ? strstr(head, "Content-Length:") : NULL;
    if (!end) return false;
    if (!length || length > end) return s->lost = true, false;
    *n = strtoull(length + 15, NULL, 10);
    *begin = (size_t)(end + 4 - s->have.s);
    if (*n > MOST) s->lost = true;
    return !s->lost && s->have.len - *begin >= *n;
}

/* During a run: is there a message that ends it? */
static bool interrupted(void *self)
{
    struct server *s = self;
    size_t begin, n;
    if (guard_stopped() || s->lost) return true;
    while (receive(s, 0)) { }
    for (size_t at = s->at; message(s, at, &begin, &n); at = begin + n) {
        json_t *m = json_loadb(s->have.s + begin, n, 0, NULL);
        const char *command = json_string_value(json_object_get(m, "command"));
        bool ends = command && (!strcmp(command, "pause") || !strcmp(command, "disconnect") || !strcmp(command, "terminate"));
        json_decref(m);
        if (ends) return true;
    }
    return s->lost;
}

static void flush_line(struct server *s)
{
    if (s->line.len) dap_output(&s->dap, "stdout", text_str(&s->line));
    text_clear(&s->line);
}

void dap_serial(void *self, unsigned vm, uint8_t byte)
{
    struct server *s = speaking;
    (void)self, (void)vm;
    if (!s) return;
    text_char(&s->line, byte == '\n' || (byte >= 0x20 && byte < 0x7F) ? (char)byte : byte == '\r' ? ' ' : '?');
    if (byte == '\n' || s->line.len > 200) flush_line(s);
}

static void converse(struct server *s)
{
    size_t begin, n;
    unsigned waited = 0;
    while (!s->dap.over && !s->lost && !guard_stopped()) {
        if (message(s, s->at, &begin, &n)) {
            s->at = begin + n;
            struct text one = { 0 };
            text_bytes(&one, s->have.s + begin, n);
            dap_message(&s->dap, text_str(&one), one.len);
            flush_line(s);
            text_free(&one);
            continue;
        }
        struct text rest = { 0 };
        if (s->have.len > s->at) text_bytes(&rest, s->have.s + s->at, s->have.len - s->at);
        text_free(&s->have);
        s->have = rest;
        s->at = 0;
        if (!receive(s, WAIT_MS) && s->dap.ended && ++waited == FAREWELLS) break;
    }
}

/* --- one editor, at a socket --- */

static bool wait_for(struct server *s, const char *where, struct err *e)
{
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    char host[128] = "127.0.0.1", shown[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    if (colon && colon > where) snprintf(host, sizeof host, "%.*s", (int)(colon - where) < 127 ? (int)(colon - where) : 127, where);
    if (!gdb_is_address(where) || atol(port) > 65535 || getaddrinfo(host, port, &hints, &list))
        return err_set(e, EXIT_USAGE, "--dap %.80s: no such address; write --dap, --dap=:PORT or --dap=HOST:PORT", where);
    int yes = 1, fd = socket(list->ai_family, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool ok = fd >= 0 && !bind(fd, list->ai_addr, list->ai_addrlen) && !listen(fd, 1);
    freeaddrinfo(list);
    if (!ok) {
        err_set(e, EXIT_ENVIRONMENT, "--dap: cannot listen at %s:%s: %s; --dap=:0 takes any port that is free", host, port, strerror(errno));
        if (fd >= 0) close(fd);
        return false;
    }
    struct sockaddr_storage a;
    socklen_t n = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &n);
    getnameinfo((struct sockaddr *)&a, n, NULL, 0, shown, sizeof shown, NI_NUMERICSERV);
    fprintf(stderr, "ringside: waiting for an editor (DAP) at %s:%s\n", host, shown);
    fflush(stderr);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, WAIT_MS) <= 0)
        if (guard_error(e)) return close(fd), false;
    s->in = s->out = accept(fd, NULL, NULL);
    close(fd);
    return s->in >= 0 || err_set(e, EXIT_ENVIRONMENT, "--dap: the editor went away");
}

bool dap_serve(struct machine *m, const char *image, const char *where, struct err *e)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, EXIT_ENVIRONMENT, "--dap: no memory");
    *s = (struct server){ .in = STDIN_FILENO, .out = STDOUT_FILENO };
    s->dap.send = send_message;
    s->dap.self = s;
    guard_quiet(true);
    guard_watch(m);
    bool ok = !*where || wait_for(s, where, e);
    if (ok) {
        speaking = s;
        dap_begin(&s->dap, m, image, interrupted, s);
        converse(s);
        speaking = NULL;
        dap_end(&s->dap);
    }
    if (*where && s->in > 2) close(s->in);
    guard_watch(NULL);
    guard_quiet(false);
    text_free(&s->have);
    text_free(&s->line);
    free(s);
    return ok && !guard_error(e);
}
