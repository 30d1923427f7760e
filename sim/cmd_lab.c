/* `ringside lab start|pack|selftest NAME`: a lab to work on; one for a grader; a lab to be tried before it is given out. docs/lab.md is the manual. */
#include "sim/cmd.h"
#include "sim/lab_kit.h"

#include <stdlib.h>
#include <string.h>

static int start(const struct options *o, struct err *e)
{
    struct grading_lab lab;
    struct text t = { 0 };
    if (o->operands > 3) return err_set(e, EXIT_USAGE, "%s: one word too many; lab start NAME [FOLDER]", o->operand[3]), e->code;
    if (!grading_lab(o->operand[1], &lab, e)) return e->code;
    const char *to = o->operands > 2 ? o->operand[2] : lab.name;
    if (lab_start(&lab, to, e)) {
        text_add(&t, "%s: %s\n  read %s/README.md, edit %s/%s, then in %s: %s grade\n", to, lab.title, to, to, lab.file, to, command_program());
        text_write(&t, "-", e);
    }
    text_free(&t);
    grading_lab_free(&lab);
    return e->code;
}

static int selftest(const struct options *o, struct err *e)
{
    struct text t = { 0 };
    const char *jobs = o->value[OPT_LAB_JOBS];
    char *end = NULL;
    long n = jobs ? strtol(jobs, &end, 10) : 1;
    if (jobs && (end == jobs || *end || n < 1 || n > 64)) return err_set(e, EXIT_USAGE, "--jobs %s: a number from 1 to 64", jobs), e->code;
    if (o->operands > 2) return err_set(e, EXIT_USAGE, "%s: one word too many; lab selftest NAME", o->operand[2]), e->code;
    bool good = lab_selftest(o->operand[1], (unsigned)n, &t, e);
    if (!e->code) text_write(&t, "-", e);
    text_free(&t);
    return e->code ? e->code : good ? EXIT_GOOD : EXIT_FAILED;
}

static int pack(const struct options *o, struct err *e)
{
    struct grading_lab lab;
    const char *target = o->value[OPT_LAB_FOR], *path = o->value[OPT_LAB_OUTPUT];
    if (o->operands > 2) return err_set(e, EXIT_USAGE, "%s: one word too many; lab pack NAME --for PLATFORM -o FILE.zip", o->operand[2]), e->code;
    if (!target) return err_set(e, EXIT_USAGE, "lab pack: for what? --for gradescope, prairielearn, classroom, coderunner or make"), e->code;
    if (!path) return err_set(e, EXIT_USAGE, "lab pack: where to? -o FILE.zip"), e->code;
    if (!grading_lab(o->operand[1], &lab, e)) return e->code;
    lab_pack(&lab, target, path, e);
    grading_lab_free(&lab);
    return e->code;
}

static const struct verb { const char *word; int (*run)(const struct options *o, struct err *e); } verbs[] = {
    { "start", start }, { "selftest", selftest }, { "pack", pack },
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* Is an option given that another verb has? */
static bool strange(const struct options *o, const char *verb, struct err *e)
{
    static const struct { unsigned option; const char *word, *verb; } owners[] = {
        { OPT_LAB_FOR, "--for", "pack" }, { OPT_LAB_OUTPUT, "-o", "pack" }, { OPT_LAB_JOBS, "--jobs", "selftest" },
    };
    for (unsigned i = 0; i < sizeof owners / sizeof *owners; i++) {
        const char *value = o->value[owners[i].option];
        if (!value || !strcmp(verb, owners[i].verb)) continue;
        if (owners[i].option == OPT_LAB_OUTPUT && !strcmp(verb, "start") && o->operands == 2)
            err_set(e, EXIT_USAGE, "-o %s: lab start takes the folder as a word; ringside lab start %s %s", value, o->operand[1], value);
        else err_set(e, EXIT_USAGE, "%s %s: lab %s does not take it, only lab %s does; leave it out", owners[i].word, value, verb, owners[i].verb);
        return true;
    }
    return false;
}

int cmd_lab(const struct options *o, struct err *e)
{
    const char *words[VERBS], *verb = o->operands ? o->operand[0] : NULL;
    for (unsigned i = 0; i < VERBS; i++) words[i] = verbs[i].word;
    if (!verb) return err_set(e, EXIT_USAGE, "lab what? lab start NAME, lab pack NAME, or lab selftest NAME; `ringside list` names the labs"), e->code;
    for (unsigned i = 0; i < VERBS; i++) {
        if (strcmp(words[i], verb) != 0) continue;
        if (o->operands < 2) return err_set(e, EXIT_USAGE, "lab %s: which lab? `ringside list` names them", verb), e->code;
        return strange(o, verb, e) ? e->code : verbs[i].run(o, e);
    }
    const char *near = config_suggest(verb, words, VERBS);
    if (near) err_set(e, EXIT_USAGE, "lab %s: no such thing; did you mean lab %s?", verb, near);
    else err_set(e, EXIT_USAGE, "lab %s: no such thing; lab start NAME, lab pack NAME, or lab selftest NAME", verb);
    return e->code;
}
