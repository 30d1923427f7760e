/* The same instruction, several answers: what became of each sensitive instruction on each of the machines that go in step.
 *
 * Idea 1: nothing is looked up. Of an instruction that the guest's kernel has just executed everywhere it is noted whether the processor
 * executed it, whether the guest left, how many instructions of a translation stood for it, whether the detector spoke, and the cycles, without
 * those in which nothing was done or code was translated.
 * Idea 2: the newest execution of each counts: what the room has just seen is in the table.
 * Idea 3: a ported kernel has other instructions and cannot go in step; its column says what is in its contract (ported.def), and that it does. */
#ifndef TUI_ANSWERS_H
#define TUI_ANSWERS_H

#include "sim/lockstep.h"

enum { ANSWERS = 24, ANSWERS_MACHINES = 4, ANSWER_CELL = 14, ANSWER_ROOM = 48 /* bytes */ };
enum answer_how { ANSWER_DIRECT, ANSWER_TRANSLATED, ANSWER_EXIT, ANSWER_SILENT };

struct answer {
    uint8_t  how, ring;   /* enum answer_how; the real ring it was executed in */
    uint16_t insns;       /* ANSWER_TRANSLATED: of the translation */
    uint64_t cycles;
    char word[12];        /* ANSWER_EXIT: "#GP", "callout" */
    char what[80];        /* what the hypervisor did, or what was wrong */
};
struct answer_row {
    char word[12];        /* "popf", "mov cr3", "read cr3" (MOV from it), "push seg" */
    uint32_t eip;         /* linear, of the newest one */
    struct answer by[ANSWERS_MACHINES];
};
struct answers {
    unsigned n;
    struct answer_row row[ANSWERS]; /* the newest first */
};

/* Around one lockstep_step: before it, and after it. */
struct answers_since {
    bool wanted;
    char word[12];
    uint32_t eip, event[ANSWERS_MACHINES];
    uint64_t cycles[ANSWERS_MACHINES], retired[ANSWERS_MACHINES], interrupts;
    bool translates[ANSWERS_MACHINES];
    uint8_t ring[ANSWERS_MACHINES];
};
void answers_before(const struct lockstep *l, struct answers_since *since);
void answers_after(struct answers *a, const struct lockstep *l, const struct answers_since *since);

/* One cell of the table, as a rule at most ANSWER_CELL columns: "#GP 2,030". `first`: of the bare machine. */
void answers_cell(const struct answer *a, bool first, char to[ANSWER_ROOM]);
/* One answer in a sentence. */
void answers_sentence(const struct answer *a, bool first, struct text *out);
/* What a ported kernel does: in short and in words, or NULL. */
const char *answers_ported(const char *word, bool in_short);

#endif
