/* `ringside doctor`: is everything here that Ringside can use, and what is lost without it?
 *
 * Idea: one table of questions; each answers with what it found. Only what a lesson cannot do without decides the exit code. It runs
 * no program: it looks for it where a shell would.
 *
 * terminfo(5); environ(7); POSIX nl_langinfo. */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <Zydis/Zydis.h>
#include "sim/cmd.h"
#include "sim/lesson.h"
#include "sim/subject.h"
#include "tui/tui.h"

enum { FOUND = 512, ENTRIES = 64, LEFT = 16 };
/* What became of a question: FINE; LESS: it works, with something missing; LOST: lessons do not work. */
enum health { FINE, LESS, LOST };
static const char *const health_words[] = { "fine", "less", "lost" };

/* --- the terminal ------------------------------------------------------------------------------------------------ */

static enum health terminal(const char *arg, char *found)
{
    (void)arg;
    if (!isatty(STDOUT_FILENO)) return (void)strcpy(found, "stdout is no terminal, so nothing is known of it"), FINE;
    return tui_terminal(found, FOUND) ? FINE : LESS;
}

static enum health size(const char *arg, char *found)
{
    (void)arg;
    struct winsize w;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col) return (void)strcpy(found, "not known"), FINE;
    snprintf(found, FOUND, "%u columns, %u lines%s", w.ws_col, w.ws_row, w.ws_col < 80 || w.ws_row < 24 ? ": views want 80 by 24" : "");
    return w.ws_col < 80 || w.ws_row < 24 ? LESS : FINE;
}

static enum health letters(const char *arg, char *found)
{
    (void)arg;
    const char *codeset = nl_langinfo(CODESET);
    bool utf8 = !strcmp(codeset, "UTF-8");
    snprintf(found, FOUND, "%s%s", codeset, utf8 ? "" : ": frames and marks are drawn in ASCII; try LC_ALL=C.UTF-8");
    return utf8 ? FINE : LESS;
}

/* --- programs ---------------------------------------------------------------------------------------------------- */

/* The first of the words of `names` that a shell would find. */
static enum health program(const char *names, char *found)
{
    const char *path = getenv("PATH");
    char name[64];
    for (; *names; names += strspn(names, " ")) {
        size_t n = strcspn(names, " ");
        snprintf(name, sizeof name, "%.*s", (int)n, names);
        names += n;
        for (const char *dir = path ? path : ""; *dir; dir += strspn(dir, ":")) {
            n = strcspn(dir, ":");
            snprintf(found, FOUND, "%.*s/%s", (int)(n < 256 ? n : 256), dir, name);
            dir += n;
            if (!access(found, X_OK)) return FINE;
        }
    }
    strcpy(found, "not found");
    return LESS;
}

/* --- what it brings ---------------------------------------------------------------------------------------------- */

static enum health scenarios(const char *arg, char *found)
{
    (void)arg;
    static struct lesson_entry list[ENTRIES];
    struct err e = { 0 };
    unsigned n = lesson_list(list, ENTRIES, &e);
    if (e.code) return (void)snprintf(found, FOUND, "%s", e.text), LOST;
    if (!n) return (void)strcpy(found, "none"), LOST;
    char *slash = strrchr(list[0].path, '/');
    snprintf(found, FOUND, "%u in %.*s", n, slash ? (int)(slash - list[0].path) : 1, slash ? list[0].path : ".");
    return FINE;
}

static enum health guests(const char *arg, char *found)
{
    (void)arg;
    static struct subject_guest list[ENTRIES];
    unsigned n = subject_guests(list, ENTRIES);
    snprintf(found, FOUND, n ? "%u, the first of them %s" : "none", n, n ? list[0].path : "");
    return n ? FINE : LOST;
}

static enum health folder(const char *arg, char *found)
{
    (void)arg;
    char *here = getcwd(NULL, 0);
    bool writable = !access(".", W_OK);
    snprintf(found, FOUND, "%.400s%s", here ? here : ".", writable ? "" : ": cannot be written");
    free(here);
    return writable ? FINE : LESS;
}

static enum health libraries(const char *arg, char *found)
{
    (void)arg;
    ZyanU64 zydis = ZydisGetVersion();
    snprintf(found, FOUND, "Zydis %u.%u.%u, %s", (unsigned)ZYDIS_VERSION_MAJOR(zydis), (unsigned)ZYDIS_VERSION_MINOR(zydis),
             (unsigned)ZYDIS_VERSION_PATCH(zydis), lesson_language);
    return FINE;
}

static const struct question {
    const char *name;
    enum health (*ask)(const char *arg, char *found);
    const char *arg, *without; /* without: what is lost if it is not fine */
} questions[] = {
    { "terminal", terminal, NULL, "`tui` may draw badly; `run` needs none" },
    { "size", size, NULL, "panes are left out" },
    { "letters", letters, NULL, "" },
    { "scenarios", scenarios, NULL, "no lesson by its name: run from the source's folder, or install" },
    { "guests", guests, NULL, "no lesson has a guest: `make guests` builds them" },
    { "folder", folder, NULL, "diagrams and reports want -o elsewhere" },
    { "dot", program, "dot", "draw decision, blocks, vmx (Debian: graphviz)" },
    { "pictures", program, "rsvg-convert neato", "diagrams as PNG and PDF (Debian: librsvg2-bin)" },
    { "gdb", program, "gdb gdb-multiarch", "source lines of a guest, through run --gdb (Debian: gdb)" },
    { "compiler", program, "gcc cc clang", "guests of your own (Debian: gcc, with -m32)" },
    { "libraries", libraries, NULL, "" },
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static void json(char found[QUESTIONS][FOUND], const enum health *h, struct text *out)
{
    text_add(out, "{\n  \"version\": \"%s\",\n  \"checks\": [", RINGSIDE_VERSION);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        text_add(out, "%s\n    { \"name\": \"%s\", \"health\": \"%s\", \"found\": ", i ? "," : "", questions[i].name, health_words[h[i]]);
        text_json(out, found[i]);
        text_add(out, " }");
    }
    text_add(out, "\n  ]\n}\n");
}

static void table(char found[QUESTIONS][FOUND], const enum health *h, struct say *out)
{
    for (unsigned i = 0; i < QUESTIONS; i++) {
        char first[48];
        const char *mark = h[i] == LESS ? "-" : say_mark(out, h[i] == FINE);
        snprintf(first, sizeof first, "%s%*s%-10s ", mark, 5 - (int)say_columns(mark, strlen(mark)), "", questions[i].name);
        say_wrap(out, first, LEFT, found[i]);
        if (h[i] != FINE && *questions[i].without) say_wrap(out, "                without it: ", LEFT + 12, questions[i].without);
    }
}

int cmd_doctor(const struct options *o, struct err *e)
{
    static char found[QUESTIONS][FOUND];
    enum health h[QUESTIONS], worst = FINE;
    struct say out;
    if (o->operands) return err_set(e, EXIT_USAGE, "%s: `doctor` takes no name", o->operand[0]), e->code;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        h[i] = questions[i].ask(questions[i].arg, found[i]);
        if (h[i] > worst) worst = h[i];
    }
    if (o->value[OPT_JSON]) {
        struct text t = { 0 };
        json(found, h, &t);
        text_write(&t, o->value[OPT_JSON], e);
        text_free(&t);
    } else {
        say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
        table(found, h, &out);
        say_flush(&out);
        say_check(&out, e);
        say_done(&out);
    }
    if (worst == LOST && !e->code) err_set(e, EXIT_ENVIRONMENT, "lessons cannot run here; see the lines that say what is lost");
    return e->code;
}
