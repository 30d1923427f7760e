/* See explain.h. Idea: a table is a function that gives its i-th word, and one that says its page; adding one is a row below. */
#include "sim/explain.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "sim/cpu/insn.h"
#include "sim/machine.h"
#include "sim/vmm/exit.h"
#include "sim/vmm/paravirt.h"
#include "sim/vmm/setting.h"

struct table {
    const char *title, *about;
    const char *(*word)(unsigned i); /* NULL: there are no more */
    void (*page)(unsigned i, const struct model *model, struct say *out);
    bool (*is)(unsigned i, const char *asked); /* NULL: the word, whatever its capitals */
};

static void plain(const char *about, struct say *out) { say_wrap(out, "  ", 2, about); }

/* Where a model has a figure from. */
static void source(const struct model *model, enum cost c, struct say *out)
{
    char text[400];
    model_source(model, c, text, sizeof text);
    say_wrap(out, "  source: ", 10, text);
}

/* --- instructions --- */

static const char *insn_word(unsigned i) { return i + 1 < MN_COUNT ? insn_desc(i + 1)->word : NULL; }

/* The faults that a whole group of insn.def has; SDM vol. 3A 2.5, CR0. */
static const char *floating(unsigned id)
{
    if (id >= MN_FLD && id <= MN_FFREE) return "#NM if CR0.EM or CR0.TS is set";
    if (id >= MN_MOVD && id <= MN_EMMS) return "#UD if CR0.EM is set, #NM if CR0.TS is";
    return "";
}

static void insn_page(unsigned i, const struct model *model, struct say *out)
{
    static const char *const privileges[] = { "any ring may execute it", "#GP(0) unless CPL = 0", "#GP(0) if CPL > IOPL" };
    static const char *const sensitivities[SENSITIVITIES] = {
        [SENS_NONE] = "innocuous", [SENS_TRAPS] = "sensitive, and traps below ring 0",
        [SENS_SILENT] = "sensitive, and does not always trap: on Robin and Irvine's list, or IRET",
        [SENS_LEAKS] = "sensitive, does not trap, and is on nobody's list",
    };
    const struct insn_desc *d = insn_desc(i + 1);
    plain(d->rule, out);
    if (*floating(i + 1)) say_add(out, "  %s\n", floating(i + 1));
    say_add(out, "  %s\n  %s\n", privileges[d->privilege], sensitivities[d->sensitivity]);
    say_add(out, "  costs %s: %u cycle%s (row %s)\n", cost_name(d->cost), model->cost[d->cost], model->cost[d->cost] == 1 ? "" : "s", insn_row_name(i + 1));
    source(model, (enum cost)d->cost, out);
    if (d->sensitivity != SENS_NONE) say_add(out, "  seen by executing it: ringside classify %s\n", d->word);
}

static bool insn_is(unsigned i, const char *asked) { return !strcasecmp(asked, insn_desc(i + 1)->word) || !strcasecmp(asked, insn_row_name(i + 1)); }

/* --- words with one sentence --- */

static const char *exit_word(unsigned i) { return i < EXIT_REASONS ? exit_name(i) : NULL; }
static void exit_page(unsigned i, const struct model *model, struct say *out) { (void)model, plain(exit_about(i), out); }
static const char *cause_word(unsigned i) { return i < CAUSE_COUNT ? cause_name(i) : NULL; }
static void cause_page(unsigned i, const struct model *model, struct say *out) { (void)model, plain(cause_about(i), out); }
static const char *death_word(unsigned i) { return i < DEATHS ? death_name(i) : NULL; }
static void death_page(unsigned i, const struct model *model, struct say *out) { (void)model, plain(death_about(i), out); }

static const char *technique_word(unsigned i)
{
    unsigned n;
    const struct machine_technique *t = machine_techniques(&n);
    return i < n ? t[i].name : NULL;
}

static void technique_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    unsigned n;
    const struct machine_technique *t = machine_techniques(&n);
    say_add(out, "  --%s %s\n", t[i].option, t[i].name);
    plain(t[i].about, out);
}

/* --- events --- */

static const char *event_word(unsigned i) { return i < EV_COUNT ? event_desc(i)->word : NULL; }

static void event_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    const struct event_desc *d = event_desc(i);
    struct text words = { 0 };
    plain(d->about, out);
    if (!d->fields) return;
    for (unsigned f = 0; f < d->fields; f++)
        text_add(&words, "%s%s%s%s", f ? ", " : "", d->field[f].name, d->field[f].type ? " by name of " : "",
                 d->field[f].type ? d->field[f].type : "");
    say_wrap(out, "  fields: ", 10, text_str(&words));
    text_free(&words);
}

/* --- figures --- */

static const char *cost_word(unsigned i) { return i < COST_COUNT ? cost_name((enum cost)i) : NULL; }

static void cost_page(unsigned i, const struct model *model, struct say *out)
{
    const char *name = cost_name((enum cost)i);
    const char *unit = cost_unit((enum cost)i);
    plain(cost_about((enum cost)i), out);
    if (!strcmp(unit, "cycles") || !strcmp(unit, "nanoseconds")) say_add(out, "  %u %s", model->cost[i], unit);
    else say_add(out, "  %u (%s)", model->cost[i], unit);
    say_add(out, " in the model %s; --set cost.%s=N changes it\n", model->name, name);
    source(model, (enum cost)i, out);
}

static const char *setting_word(unsigned i)
{
    static struct setting_row row;
    return setting_row(i, &row) ? row.key : NULL;
}

static void setting_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    struct setting_row row;
    if (!setting_row(i, &row)) return;
    plain(row.about, out);
    say_add(out, "  --set %s=N, from %u to %u; %u if nobody says\n", row.key, row.least, row.most, row.value);
}

/* --- hypercalls --- */

static const char *call_word(unsigned i)
{
    for (uint32_t n = 0; n < XEN_CALLS; n++)
        if (pv_call_row(n) && i-- == 0) return pv_call_row(n)->name;
    return NULL;
}

static void call_page(unsigned i, const struct model *model, struct say *out)
{
    (void)model;
    for (uint32_t n = 0; n < XEN_CALLS; n++) {
        const struct pv_call_row *row = pv_call_row(n);
        if (!row || i--) continue;
        plain(row->about, out);
        say_add(out, "  number %u in EAX, %u argument%s in EBX, ECX, EDX, ESI, EDI; INT 82h\n", n, row->args, row->args == 1 ? "" : "s");
        return;
    }
}

static const struct table tables[] = {
    { "instruction", "instructions", insn_word, insn_page, insn_is },
    { "exit reason", "why a guest left to the hypervisor", exit_word, exit_page, NULL },
    { "cause", "what cycles are spent on", cause_word, cause_page, NULL },
    { "event", "what a trace tells", event_word, event_page, NULL },
    { "death", "why a VM was ended", death_word, death_page, NULL },
    { "technique", "ways to virtualize", technique_word, technique_page, NULL },
    { "cost", "figures of the cycle model", cost_word, cost_page, NULL },
    { "hypercall", "what a ported kernel asks of the hypervisor (--cpu pv)", call_word, call_page, NULL },
    { "setting", "switches of the techniques", setting_word, setting_page, NULL },
    { "VMX exit reason", "why a processor with VMX left its guest", explain_reason_word, explain_reason_page, NULL },
    { "term", "words of the subject; `explain terms` has all of them", explain_term_word, explain_term_page, explain_term_is },
};
enum { TABLES = sizeof tables / sizeof tables[0] };

static void say_page(const struct table *t, unsigned i, const struct model *model, struct say *out)
{
    say_role(out, ROLE_TITLE, "%s", t->word(i));
    say_add(out, ": %s\n", t->title);
    t->page(i, model, out);
}

/* Of the rows of one word, that which is named like it comes first: MOV before MOV_SEG. */
static bool comes_later(const struct table *t, unsigned i, const char *word) { return t->page == insn_page && strcasecmp(word, insn_row_name(i + 1)); }

unsigned explain_word(const char *word, const struct model *model, struct say *out)
{
    unsigned found = 0, spelled;
    for (const struct table *t = tables; t < tables + TABLES; t++)
        for (unsigned later = 0; later < 2; later++)
            for (unsigned i = 0; t->word(i); i++) {
                if (t->is ? !t->is(i, word) : strcasecmp(word, t->word(i)) != 0) continue;
                if (comes_later(t, i, word) != later) continue;
                say_page(t, i, model, out);
                found++;
            }
    if (!found && (spelled = explain_spelled(word))) {
        say_add(out, "%s is an instruction of the row\n", word);
        say_page(tables, spelled - 1, model, out);
        if (explain_condition(word)) say_add(out, "  the condition of %s: %s\n", word, explain_condition(word));
        found++;
    }
    return found;
}

void explain_glossary(struct say *out)
{
    for (unsigned i = 0; explain_term_word(i); i++) {
        say_role(out, ROLE_TITLE, "%s", explain_term_word(i));
        say_add(out, "\n");
        explain_term_page(i, NULL, out);
    }
}

unsigned explain_words(const char **words, unsigned room)
{
    unsigned n = 0;
    for (unsigned t = 0; t < TABLES; t++)
        for (unsigned i = 0; n < room && tables[t].word(i); i++) words[n++] = tables[t].word(i);
    return n;
}

void explain_tables(struct say *out)
{
    for (unsigned t = 0; t < TABLES; t++) {
        struct text words = { 0 };
        const char *last = "";
        for (unsigned i = 0; tables[t].word(i); i++) {
            if (strcmp(last, tables[t].word(i))) text_add(&words, "%s%s", i ? " " : "", tables[t].word(i));
            last = tables[t].word(i);
        }
        say_role(out, ROLE_TITLE, "%s", tables[t].title);
        say_add(out, ": %s\n", tables[t].about);
        say_wrap(out, "  ", 2, text_str(&words));
        text_free(&words);
    }
    say_role(out, ROLE_TITLE, "port");
    say_add(out, ": what it takes to port a kernel to a paravirtual interface, counted\n");
    say_role(out, ROLE_TITLE, "keys");
    say_add(out, ": what the keys of the terminal do; `explain F7` says what one does\n");
}
