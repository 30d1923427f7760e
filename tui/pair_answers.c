/* The table of the lockstep dashboard: one instruction, what became of it on each machine. See answers.h; pair.c notes, this draws. */
#include <stdio.h>
#include <string.h>
#include "tui/app.h"

enum { WORD = 9, BARE = 8, CELL = ANSWER_CELL + 1 };

static int column(unsigned k) { return k ? CELL : BARE; }

static void cell(struct text *out, const char *s, int w) { text_add(out, "%s%*s", s, w - frame_width(s) > 0 ? w - frame_width(s) : 0, ""); }

static void machines(const struct pair *p, struct text *out)
{
    cell(out, "", WORD);
    for (unsigned k = 0; k < p->n; k++) cell(out, p->cpu[k], column(k));
    text_add(out, "pv (ported)\n");
}

static void add_row(const struct pair *p, const struct answer_row *r, struct text *out)
{
    const char *ported = answers_ported(r->word, true);
    char s[ANSWER_ROOM];
    cell(out, r->word, WORD);
    for (unsigned k = 0; k < p->n; k++) {
        answers_cell(&r->by[k], !k, s);
        cell(out, s, column(k));
    }
    text_add(out, "%s\n", ported ? ported : "-");
}

/* The newest one in sentences, a line or two for each machine, and its rule. */
static void add_newest(struct app *a, const struct answer_row *r, struct text *out)
{
    const struct pair *p = a->pair;
    const char *ported = answers_ported(r->word, false);
    struct machine_insn insn;
    char where[64];
    text_add(out, "%s at %s, the newest:\n", r->word, machine_symbol(p->step.m[0], r->eip, where, sizeof where));
    for (unsigned k = 0; k < p->n; k++) {
        text_add(out, "%-8sring %u  ", p->cpu[k], r->by[k].ring);
        answers_sentence(&r->by[k], !k, out);
        text_add(out, ". ");
        text_number(out, r->by[k].cycles);
        text_add(out, " cycles.\n");
    }
    text_add(out, "%-8sring 1  %s.\n", "pv", ported ? ported : "nothing is said of it in the contract");
    if (machine_insn(p->step.m[0], gva(r->eip), &insn)) text_add(out, "The rule: %s\n\n", insn.rule);
}

void pair_rows(struct app *a, unsigned most, struct text *out)
{
    const struct answers *t = &pair_now(a->pair)->answers;
    machines(a->pair, out);
    for (unsigned i = 0; i < t->n && i < most; i++) add_row(a->pair, &t->row[i], out);
}

void pair_table(struct app *a, struct text *out)
{
    const struct answers *t = &pair_now(a->pair)->answers;
    if (!t->n) {
        text_add(out, "The kernel has executed no sensitive instruction yet: s, x or c go on.\n");
        return;
    }
    add_newest(a, &t->row[0], out);
    pair_rows(a, ANSWERS, out);
    text_add(out, "\nHow each was answered when it was last executed, and its cycles (idle time and\ntranslating left out). pv: by its contract, not a run.\n");
    if (a->pair->n < PAIR_MACHINES) text_add(out, "+ brings one more machine in step, and into this table.\n");
}
