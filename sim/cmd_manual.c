/* `ringside manual [COMMAND]`: a manual page as mdoc, for man(1).
 *
 * Idea: synopsis, options and examples come from the tables that parse the command line and write --help, so they cannot be out of date.
 * What needs more words than a table has lies in docs/man/COMMAND.mdoc; `make` puts it behind the line that names it. Pages of file
 * formats are written by hand, docs/man/ringside-*.5.
 *
 * mdoc(7): a line that begins with `.` or `'` is a request, a backslash an escape, a `-` a hyphen unless escaped. */
#include "sim/cmd.h"
#include "sim/machine.h"

#include <stdio.h>
#include <string.h>

/* A line of words: no request at its beginning, no escapes. */
static void words(const char *s, struct text *out)
{
    for (bool start = true; *s; start = *s++ == '\n') {
        if (start && (*s == '.' || *s == '\'')) text_add(out, "\\&");
        if (*s == '\\') text_add(out, "\\e");
        else text_char(out, *s);
    }
}

/* A line with a macro. What mdoc could take for another macro's name or a delimiter among its arguments is not one. */
static void macro(struct text *out, const char *name, const char *argument)
{
    text_add(out, "%s", name);
    if (*argument) text_char(out, ' ');
    for (char before = ' '; *argument; before = *argument++) {
        if (before == ' ' && *argument != ' ') text_add(out, "\\&");
        if (*argument == '\\') text_add(out, "\\e");
        else if (*argument == '-') text_add(out, "\\-");
        else if (*argument == '"') text_add(out, "\\(dq");
        else text_char(out, *argument);
        if (!argument[1] && strchr(")].,:;", *argument)) text_add(out, "\\&");
    }
    text_char(out, '\n');
}

static void head(const char *name, const char *about, struct text *out)
{
    text_add(out, ".\\\" Made by `ringside manual` and from docs/man.\n.Dd %s\n.Dt ", RINGSIDE_DATE);
    for (const char *c = name; *c; c++) text_char(out, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    text_add(out, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd ", name);
    size_t n = strlen(about);
    text_bytes(out, about, n > 5 && !strcmp(about + n - 5, ", ...") ? n - 5 : n);
    text_add(out, "\n.Sh SYNOPSIS\n");
}

static void examples(const char *more, struct text *out)
{
    if (!more) return;
    text_add(out, ".Sh EXAMPLES\n.Bd -literal\n");
    words(more, out);
    text_add(out, ".Ed\n");
}

static void option_list(unsigned command, struct text *out)
{
    text_add(out, ".Sh OPTIONS\nA value is written\n.Fl -name Ar value\nor\n.Fl -name Ns = Ns Ar value .\n.Bl -tag -width Ds\n");
    for (unsigned i = 0; i < OPT_COUNT; i++) {
        struct option_about a;
        if (!options_about(i, command, &a)) continue;
        text_add(out, ".It ");
        if (a.letter) text_add(out, "Fl %c , ", a.letter);
        text_add(out, "Fl -%s", a.name);
        if (a.value && *a.value == '[') text_add(out, " Ns Op = Ns Ar %.*s", (int)strlen(a.value) - 2, a.value + 1);
        else if (a.value) macro(out, " Ar", a.value);
        if (!a.value || *a.value == '[') text_char(out, '\n');
        words(a.help, out);
        text_char(out, '\n');
    }
    text_add(out, ".El\n");
}

static void exit_status(struct text *out)
{
    text_add(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds -compact\n");
#define EXIT_ROW(code, about) text_add(out, ".It %d\n%s\n", code, about)
    EXIT_ROW(EXIT_GOOD, "All went well, the guest, too, and what was expected held.");
    EXIT_ROW(EXIT_FAILED, "An expectation or a test failed, or the guest reported failure.");
    EXIT_ROW(EXIT_USAGE, "Wrong usage, or an impossible combination of options.");
    EXIT_ROW(EXIT_INPUT, "An image, scenario or other file cannot be used.");
    EXIT_ROW(EXIT_GUEST_DIED, "The guest died.");
    EXIT_ROW(EXIT_LIMIT, "A limit was reached.");
    EXIT_ROW(EXIT_ENVIRONMENT, "Something cannot be written, or a program is missing.");
    EXIT_ROW(EXIT_BUG, "A bug of Ringside's.");
    EXIT_ROW(EXIT_INTERRUPTED, "Interrupted.");
#undef EXIT_ROW
    text_add(out, ".El\n");
}

/* By name, as mdoc wants them. */
static void see_commands(const char **after, struct text *out)
{
    for (const char *last = "", *next; ; last = next) {
        next = NULL;
        for (const struct command *c = commands; c->word; c++)
            if (c->run && strcmp(c->word, last) > 0 && (!next || strcmp(c->word, next) < 0)) next = c->word;
        if (!next) return;
        text_add(out, "%s.Xr ringside-%s 1", *after, next), *after = " ,\n";
    }
}

static void see_also(bool of_all, struct text *out)
{
    static const char *const formats[] = { "exec", "lab", "model", "report", "save", "scenario", "trace" };
    const char *after = "";
    text_add(out, ".Sh SEE ALSO\n");
    if (of_all) see_commands(&after, out);
    else text_add(out, ".Xr ringside 1"), after = " ,\n";
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) text_add(out, "%s.Xr ringside-%s 5", after, formats[i]), after = " ,\n";
    text_char(out, '\n');
}

static void page(const struct command *c, struct text *out)
{
    char name[64];
    snprintf(name, sizeof name, "ringside-%.40s", c->word);
    head(name, c->about, out);
    text_add(out, ".Nm ringside %s\n", c->word);
    if (!(c->bit & FOR_TALK)) text_add(out, ".Op Ar options\n");
    if (*c->form) macro(out, ".Ar", c->form);
    text_add(out, ".Sh DESCRIPTION\n.\\\" DESCRIPTION\n");
    option_list(c->bit, out);
    exit_status(out);
    examples(c->more, out);
    see_also(false, out);
}

static void overview(struct text *out)
{
    head("ringside", "an instructional virtualization simulator", out);
    text_add(out, ".Nm\n.Ar COMMAND\n.Op Ar options\n.Op Ar SCENARIO | IMAGE\n.Sh DESCRIPTION\n.\\\" DESCRIPTION\n.Sh COMMANDS\n"
                  ".Bl -tag -width Ds\n");
    for (const struct command *c = commands; c->word; c++) {
        if (!c->run) continue;
        struct text form = { 0 };
        text_add(&form, "%s%s%s", c->word, *c->form ? " " : "", c->form);
        macro(out, ".It Cm", text_str(&form));
        words(c->about, out);
        text_add(out, ":\n.Xr ringside-%s 1 .\n", c->word);
        text_free(&form);
    }
    text_add(out, ".El\n");
    exit_status(out);
    see_also(true, out);
}

int cmd_manual(const struct options *o, struct err *e)
{
    struct text out = { 0 };
    const struct command *c = NULL;
    if (o->operands > 1) return command_operand(o, 0, "", e), e->code;
    if (o->operands && !(c = command_find(o->operand[0], e))) return e->code;
    if (c) page(c, &out);
    else overview(&out);
    text_write(&out, "-", e);
    text_free(&out);
    return e->code;
}
