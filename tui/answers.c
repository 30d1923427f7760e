/* See answers.h. */
#include "tui/answers.h"

#include <stdio.h>
#include <string.h>
#include "sim/core/nature.h"
#include "tui/view.h"
#include "tui/words.h"

/* ---- which instruction ------------------------------------------------------------------------------------------- */

static bool has(const char *s, const char *word) { return strstr(s, word) != NULL; }

/* Forms of MOV, PUSH and POP are told apart by the register that makes them sensitive. */
static void name_form(const char *text, const char *word, char *to, size_t room)
{
    const char *operands = strchr(text, ' '), *control = operands ? strstr(operands, "cr") : NULL;
    bool moves = !strcmp(word, "mov");
    if (moves && control) snprintf(to, room, "%s %.3s", operands + 1 == control ? "mov" : "read", control);
    else if (moves && operands && has(operands, "dr")) snprintf(to, room, "mov dr");
    else if (moves || !strcmp(word, "push") || !strcmp(word, "pop")) snprintf(to, room, "%s seg", word);
    else snprintf(to, room, "%s", word);
}

static uint64_t busy(const struct machine *m)
{
    uint64_t by[CAUSE_COUNT];
    machine_causes(m, by);
    return machine_cycles(m) - by[CAUSE_IDLE] - by[CAUSE_TRANSLATE];
}

void answers_before(const struct lockstep *l, struct answers_since *since)
{
    struct machine_cpu c;
    struct machine_insn i;
    char text[96];
    *since = (struct answers_since){ .wanted = false };
    machine_guest(l->m[0], &c);
    since->eip = c.seg[1].base + c.eip;
    if (!machine_insn(l->m[0], gva(since->eip), &i) || (i.sensitivity != SENS_TRAPS && i.sensitivity != SENS_SILENT)) return;
    if (c.cpl && strcmp(i.word, "int")) return; /* a program's own affair */
    since->wanted = machine_disasm(l->m[0], gva(since->eip), text, sizeof text) != 0;
    name_form(text, i.word, since->word, sizeof since->word);
    since->interrupts = l->interrupts;
    for (unsigned k = 0; k < l->n && k < ANSWERS_MACHINES; k++) {
        machine_cpu(l->m[k], &c);
        since->ring[k] = c.cpl;
        since->event[k] = trace_last(machine_trace_of(l->m[k]));
        since->cycles[k] = busy(l->m[k]);
        since->retired[k] = machine_retired(l->m[k]);
        since->translates[k] = machine_translates(l->m[k]);
    }
}

/* ---- what became of it ------------------------------------------------------------------------------------------- */

/* Did this visit carry out the instruction, or hand it on? Others are for translating, or for an interrupt. */
static bool served(const struct trace *t, const struct event *exit, uint32_t eip)
{
    if (exit->eip != eip) return false;
    for (uint32_t id = exit->id + 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        if (e->episode != exit->id) break;
        if (e->kind == EV_EMULATE || e->kind == EV_PORT || e->kind == EV_INJECT || e->kind == EV_CR3) return true;
    }
    return false;
}

static void say_silent(const struct event *e, const struct machine *m, struct answer *a)
{
    struct text t = { 0 };
    words_say(e, m, &t);
    const char *behind = strstr(text_str(&t), ": ");
    a->how = ANSWER_SILENT;
    view_copy(a->what, sizeof a->what, behind ? behind + 2 : text_str(&t));
    text_free(&t);
}

static void say_exit(const struct event *e, const struct machine *m, struct answer *a)
{
    struct words w;
    words_visit(e, m, &w);
    a->how = ANSWER_EXIT;
    view_copy(a->word, sizeof a->word, strncmp(w.word, "trap ", 5) ? w.word : w.word + 5);
    view_copy(a->what, sizeof a->what, w.what);
}

static void answer_of(const struct machine *m, unsigned k, const struct answers_since *since, struct answer *a)
{
    const struct trace *t = machine_trace_of(m);
    uint64_t retired = machine_retired(m) - since->retired[k];
    *a = (struct answer){ .how = ANSWER_DIRECT, .ring = since->ring[k], .cycles = busy(m) - since->cycles[k] };
    if (since->translates[k]) a->how = ANSWER_TRANSLATED, a->insns = (uint16_t)(retired < UINT16_MAX ? retired : UINT16_MAX);
    for (uint32_t id = since->event[k] + 1; id <= trace_last(t); id++) {
        const struct event *e = trace_by_id(t, id);
        if (e->kind == EV_SILENT && e->eip == since->eip) say_silent(e, m, a);
        if (e->kind == EV_EXIT && a->how != ANSWER_EXIT && served(t, e, since->eip)) say_exit(e, m, a);
    }
}

void answers_after(struct answers *a, const struct lockstep *l, const struct answers_since *since)
{
    unsigned i = 0;
    if (!since->wanted || l->eip != since->eip || l->before || l->interrupts != since->interrupts) return;
    while (i < a->n && strcmp(a->row[i].word, since->word)) i++;
    if (i == ANSWERS) i--; /* the oldest goes */
    else if (i == a->n) a->n++;
    memmove(&a->row[1], &a->row[0], i * sizeof a->row[0]);
    struct answer_row *r = &a->row[0];
    *r = (struct answer_row){ .eip = since->eip };
    view_copy(r->word, sizeof r->word, since->word);
    for (unsigned k = 0; k < l->n && k < ANSWERS_MACHINES; k++) answer_of(l->m[k], k, since, &r->by[k]);
}

/* ---- told -------------------------------------------------------------------------------------------------------- */

void answers_cell(const struct answer *a, bool first, char to[ANSWER_ROOM])
{
    struct text t = { 0 };
    if (a->how == ANSWER_SILENT) text_add(&t, "! silent ");
    else if (a->how == ANSWER_EXIT) text_add(&t, "%.7s ", a->word);
    else if (a->how == ANSWER_TRANSLATED) text_add(&t, "%u insn%s ", a->insns, a->insns == 1 ? "" : "s");
    else if (!first) text_add(&t, "no exit ");
    text_number(&t, a->cycles);
    snprintf(to, ANSWER_ROOM, "%s", text_str(&t));
    text_free(&t);
}

void answers_sentence(const struct answer *a, bool first, struct text *out)
{
    switch (a->how) {
    case ANSWER_SILENT: text_add(out, "! no trap, and wrong: %s", a->what); break;
    case ANSWER_EXIT: text_add(out, "leaves (%s); the hypervisor: %s", a->word, a->what); break;
    case ANSWER_TRANSLATED:
        if (a->insns > 1) text_add(out, "%u instructions of the translation cache stand for it, no exit", a->insns);
        else text_add(out, "one instruction of the translation cache stands for it, no exit");
        break;
    default: text_add(out, first ? "the CPU executes it" : "the CPU executes it, no exit");
    }
}

const char *answers_ported(const char *word, bool in_short)
{
    static const struct { const char *word, *in_short, *words; } rows[] = {
#define PORTED(WORD, SHORT, WORDS) { WORD, SHORT, WORDS },
#include "tui/ported.def"
#undef PORTED
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!strcmp(rows[i].word, word)) return in_short ? rows[i].in_short : rows[i].words;
    return NULL;
}
