/* `ringside list`: scenarios, guests, techniques, CPU models; `list model NAME`: one of these as a file, to copy and change. */
#include "sim/cmd.h"
#include "sim/grading.h"
#include "sim/machine.h"
#include "sim/core/cost.h"
#include "sim/core/text.h"
#include "sim/subject.h"

#include <stdio.h>
#include <string.h>

enum { ROOM = 64 };

static void scenarios(struct say *out, struct err *e)
{
    static struct lesson_entry list[ROOM];
    unsigned n = lesson_list(list, ROOM, e);
    say_role(out, ROLE_TITLE, "Scenarios");
    say_add(out, " (run, tui, draw ladder, trace)\n");
    for (unsigned i = 0; i < n; i++) {
        char first[64];
        snprintf(first, sizeof first, "  %-11s ", list[i].name);
        say_wrap(out, first, 14, list[i].title);
        if (!list[i].lecture[0]) continue;
        say_add(out, "%14s", "");
        say_role(out, ROLE_FAINT, "%s\n", list[i].lecture);
    }
    if (!n) say_add(out, "  none were found\n");
}

static void list_labs(struct say *out, struct err *e)
{
    static struct grading_lab list[ROOM];
    unsigned n = grading_labs(list, ROOM, e);
    if (n) say_role(out, ROLE_TITLE, "\nLabs");
    if (n) say_add(out, " (lab start, grade)\n");
    for (unsigned i = 0; i < n; i++) {
        char first[64];
        snprintf(first, sizeof first, "  %-11s ", list[i].name);
        say_wrap(out, first, 14, list[i].title);
        grading_lab_free(&list[i]);
    }
}

static void guests(struct say *out)
{
    static struct subject_guest list[ROOM];
    unsigned n = subject_guests(list, ROOM);
    say_role(out, ROLE_TITLE, "\nGuests");
    say_add(out, " (images that were built)\n");
    for (unsigned i = 0; i < n; i++) say_add(out, "  %-11s %s\n", list[i].name, list[i].path);
    if (!n) say_add(out, "  none yet; `make guests` builds them\n");
}

static void techniques(struct say *out)
{
    unsigned n;
    const struct machine_technique *t = machine_techniques(&n);
    say_role(out, ROLE_TITLE, "\nTechniques\n");
    for (unsigned i = 0; i < n; i++) {
        char first[64];
        snprintf(first, sizeof first, "  --%-4s %-18s ", t[i].option, t[i].name);
        say_wrap(out, first, (unsigned)strlen(first), t[i].about);
    }
}

static void models(struct say *out)
{
    say_role(out, ROLE_TITLE, "\nCPU models");
    say_add(out, " (`list model NAME` writes one as a file, to copy and change)\n");
    for (unsigned i = 0; model_name(i); i++) {
        char first[64];
        snprintf(first, sizeof first, "  %-11s ", model_name(i));
        say_wrap(out, first, (unsigned)strlen(first), model_about(i));
    }
}

static int one_model(const struct options *o, struct err *e)
{
    struct text text = { 0 };
    if (o->operands != 2) return err_set(e, EXIT_USAGE, "list model: which one? Write `ringside list model p4`"), e->code;
    if (model_text(o->operand[1], &text, e)) text_write(&text, "-", e);
    text_free(&text);
    return e->code;
}

int cmd_list(const struct options *o, struct err *e)
{
    struct say out;
    struct err scan = { 0 };
    static const char *const when[] = { "auto", "always", "never" };
    if (o->operands && !strcmp(o->operand[0], "model")) return one_model(o, e);
    if (o->operands)
        return err_set(e, EXIT_USAGE, "%s: `list` takes no name; `ringside run %s` runs it", o->operand[0],
                       o->operand[0]),
               e->code;
    if (o->value[OPT_COLOR] && options_choice(o, OPT_COLOR, when, 3, e) < 0) return e->code;
    say_init(&out, stdout, o->value[OPT_COLOR], o->value[OPT_ASCII] != NULL);
    scenarios(&out, &scan);
    list_labs(&out, &scan);
    guests(&out);
    techniques(&out);
    models(&out);
    say_flush(&out);
    say_check(&out, e);
    say_done(&out);
    if (scan.code) err_set(e, scan.code, "%s", scan.text); /* a broken one is reported after the others were listed */
    return e->code;
}
