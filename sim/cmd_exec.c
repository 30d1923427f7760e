/* `ringside exec`: lines in, lines out. The format is lab.h's; docs/exec.md is its manual.
 *
 * Idea: all complete lines that have arrived are answered before more are waited for, so that it serves as well at the
 * end of a pipe, line by line, as for a file of a million cases. */
#include "sim/cmd.h"
#include "sim/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, OUTPUT = 1 << 16, LINE_MOST = 1 << 18 };

struct reading {
    const char *name;  /* for messages */
    int         fd;
    struct lab *lab;
    unsigned long line;
    struct text in, out;
};

static bool flush(struct reading *r, struct err *e)
{
    bool good = fwrite(text_str(&r->out), 1, r->out.len, stdout) == r->out.len && !fflush(stdout);
    text_clear(&r->out);
    return good || err_set(e, EXIT_ENVIRONMENT, "stdout: cannot write: %s; is the disk full?", strerror(errno));
}

static bool one_line(struct reading *r, const char *line, size_t n, struct err *e)
{
    char where[160];
    struct err bad = { 0 };
    r->line++;
    snprintf(where, sizeof where, "%.120s:%lu", r->name, r->line);
    if (!lab_line(r->lab, line, n, where, &r->out, &bad)) {
        flush(r, e); /* what came before it is good */
        return err_set(e, bad.code, "%s", bad.text);
    }
    return r->out.len < OUTPUT || flush(r, e);
}

/* Answers the complete lines of r->in and keeps the rest. */
static bool lines(struct reading *r, struct err *e)
{
    char *at = r->in.s, *end = at + r->in.len, *stop;
    for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1)
        if (!one_line(r, at, (size_t)(stop - at), e)) return false;
    r->in.len = (size_t)(end - at);
    memmove(r->in.s, at, r->in.len);
    if (r->in.len > LINE_MOST)
        return flush(r, e), err_set(e, EXIT_INPUT, "%.120s:%lu: a line of more than %d letters; give a text file with one instruction a line", r->name, r->line + 1, (int)LINE_MOST);
    return flush(r, e);
}

static bool all(struct reading *r, struct err *e)
{
    static char chunk[CHUNK];
    for (;;) {
        ssize_t n = read(r->fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_set(e, EXIT_INPUT, "%s: cannot read: %s; give a text file", r->name, strerror(errno));
        if (!n) break;
        text_bytes(&r->in, chunk, (size_t)n);
        if (!lines(r, e)) return false;
    }
    return (!r->in.len || one_line(r, r->in.s, r->in.len, e)) && flush(r, e);
}

int cmd_exec(const struct options *o, struct err *e)
{
    struct reading r = { .name = "stdin", .fd = STDIN_FILENO };
    if (o->operands > 1)
        return err_set(e, EXIT_USAGE, "%s: one file at a time; `cat A B | ringside exec` reads two", o->operand[1]), e->code;
    if (o->operands && strcmp(o->operand[0], "-")) {
        r.name = o->operand[0];
        r.fd = open(r.name, O_RDONLY | O_CLOEXEC);
        if (r.fd < 0)
            return err_set(e, EXIT_INPUT, "%s: %s; without a file, lines are read from standard input", r.name,
                           strerror(errno)), e->code;
    }
    r.lab = lab_new(e);
    if (r.lab && (!o->value[OPT_BLOCKS] || lab_use_blocks(r.lab, e))) all(&r, e);
    lab_free(r.lab);
    text_free(&r.in);
    text_free(&r.out);
    if (r.fd != STDIN_FILENO) close(r.fd);
    return e->code;
}
