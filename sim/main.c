/* The program: find the command, parse its options, run it, print its error, return its exit code.
 *
 * Idea: an error is one line on stderr, "ringside: WHAT; SUGGESTION", and is printed here and nowhere else. */
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "sim/cmd.h"
#include "sim/guard.h"

/* Has whoever read our output gone away (`| head`)? Nobody needs to be told then. */
static bool reader_gone(void)
{
    struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return ferror(stdout) && poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/* Names on the command line are other people's text: no control bytes on the terminal. */
static void print_error(const struct err *e)
{
    if (!e->text[0] || (e->code == EXIT_ENVIRONMENT && reader_gone())) return;
    guard_quiet(true);
    fflush(stdout);
    fputs("ringside: ", stderr);
    for (const char *c = e->text; *c; c++) fputc((unsigned char)*c < 0x20 || *c == 0x7F ? '?' : *c, stderr);
    fputc('\n', stderr);
}

static int dispatch(int argc, char **argv, struct err *e);

/* No command: on a terminal one picks a scenario. */
static int bare(struct err *e)
{
    struct text t = { 0 };
    char called[] = "ringside", word[] = "tui", picked[256];
    if (isatty(STDOUT_FILENO)) {
        int code = command_picker(picked, sizeof picked, e);
        return *picked ? dispatch(3, (char *[]){ called, word, picked, NULL }, e) : code;
    }
    command_short(&t);
    fputs(text_str(&t), stderr);
    text_free(&t);
    return EXIT_USAGE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

static int help(const struct command *c, struct err *e)
{
    struct text t = { 0 };
    command_help(c, &t);
    text_write(&t, "-", e);
    text_free(&t);
    return e->code;
}

static int dispatch(int argc, char **argv, struct err *e)
{
    static struct options o; /* large */
    if (argc < 2) return bare(e);
    const char *word = argv[1];
    if (!strcmp(word, "--help") || !strcmp(word, "-h")) word = "help";
    if (!strcmp(word, "--version") || !strcmp(word, "-V")) word = "version";
    if (word[0] == '-')
        return err_set(e, EXIT_USAGE, "%s: a command comes first, such as `ringside run popf`", word), e->code;
    const struct command *c = command_find(word, e);
    if (!c) return e->code;
    if (wants_help(argc - 2, argv + 2)) return help(c, e); /* whatever else is wrong with the line */
    if (!options_parse(&o, c->bit, argc - 2, argv + 2, e)) return e->code;
    int code = c->run(&o, e);
    return e->code ? e->code : code;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* a reader that went away is a failed write, and a quiet one */
    command_called(argc ? argv[0] : NULL);
    int code = dispatch(argc, argv, &e);
    guard_end();
    if ((fflush(stdout) || ferror(stdout)) && !e.code && !code) code = EXIT_ENVIRONMENT;
    print_error(&e);
    return code;
}
