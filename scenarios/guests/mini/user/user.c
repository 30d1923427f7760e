// See user.h.
#include "mini/user/user.h"

void exit(int status)
{
    syscall(SYS_EXIT, status, 0, 0);
    for (;;) {}
}

struct output { // a system call for every piece, not for every character
    int fd;
    uint32_t size;
    char text[128];
};

static void flush(struct output *o)
{
    if (o->size) write(o->fd, o->text, o->size);
    o->size = 0;
}

static void put(void *to, char c)
{
    struct output *o = to;
    o->text[o->size++] = c;
    if (o->size == sizeof o->text) flush(o);
}

static void print_to(int fd, const char *format, va_list arguments)
{
    struct output o = { .fd = fd };
    text_format(put, &o, format, arguments);
    flush(&o);
}

void printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_to(1, format, arguments);
    va_end(arguments);
}

void eprintf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_to(2, format, arguments);
    va_end(arguments);
}

void *allocate(uint32_t size)
{
    void *at = sbrk((int)((size + 7) & ~7u));
    if ((int)at < 0 && (int)at > -100) {
        eprintf("out of memory\n");
        exit(1);
    }
    return at;
}

const char *error_text(int error)
{
    static const struct { int error; const char *text; } known[] = {
        { E_NOENT, "not found" }, { E_SRCH, "no such process" }, { E_IO, "device failed" }, { E_NOEXEC, "not a program" },
        { E_BADF, "not open for that" }, { E_CHILD, "no children" }, { E_NOMEM, "out of memory" },
        { E_FAULT, "bad address" }, { E_EXIST, "not empty" }, { E_NOTDIR, "not a directory" }, { E_ISDIR, "a directory" },
        { E_INVAL, "not possible" }, { E_MFILE, "too many open files" }, { E_NOSPC, "no room" }, { E_PIPE, "nobody reads" },
        { E_PERM, "not allowed" }, { E_BUSY, "in use" }, { E_NODEV, "no such device" }, { E_NOSYS, "no such system call" },
    };
    for (uint32_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error) return known[i].text;
    return "unknown error";
}

int read_line(int fd, char *line, uint32_t room)
{
    uint32_t n = 0;
    char c;
    for (;;) {
        if (read(fd, &c, 1) != 1) {
            if (!n) return -1;
            break;
        }
        if (c == '\n') break;
        if (n + 1 < room) line[n++] = c;
    }
    line[n] = 0;
    return (int)n;
}

int open_or_complain(const char *program, const char *path)
{
    int fd = open(path, O_READ);
    if (fd < 0) eprintf("%s: %s: %s\n", program, path, error_text(fd));
    return fd;
}
