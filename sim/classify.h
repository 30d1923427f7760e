/* Popek and Goldberg's classification, by experiment: what each instruction does in states that differ only in mode, only in
 * location, only in time.
 *
 * Idea 1: nothing is looked up. Every row of insn.def is executed, in every encoding that decodes to it and with every kind of
 * operand that could matter, on laboratory boards that differ in one thing; whatever the definitions ask is read off the
 * outcomes. So a processor with another bit set gives another answer.
 * Idea 2: every verdict has a witness: the bytes, the operands, the two states, and what differed.
 *
 * Definitions (Popek & Goldberg, CACM 17(7), 1974), with S = (E memory, M mode, P counter, R location):
 *   privileged           wherever the supervisor carries it out, the user traps
 *   control-sensitive    can change M or R without a trap. R: segment registers with their hidden parts, GDTR, IDTR, LDTR, TR,
 *                        CR0, CR3, CR4, IF and IOPL, the SYSENTER registers, debug registers; and stopping the processor
 *   mode-sensitive       two states that differ only in M, no trap in either: memory, registers or counter come out different
 *   location-sensitive   likewise, two that differ only in R: the tables and selectors lie elsewhere, the real IF differs
 * A trap is any exception, INT n included: the routine it goes to is the monitor's. I/O is outside the model, as there.
 * The environment is what a monitor would set up: IOPL 0, no I/O permissions, CR4.TSD set and PCE clear, SYSENTER_CS 0, and
 * whatever CR4 bit the processor has that makes more instructions trap. */
#ifndef SIM_CLASSIFY_H
#define SIM_CLASSIFY_H

#include "sim/core/cost.h"
#include "sim/core/err.h"
#include "sim/core/text.h"
#include "sim/cpu/insn.h"
#include "sim/say.h"

enum classify_kind {
    CLASSIFY_CONTROL, CLASSIFY_MODE, CLASSIFY_LOCATION, CLASSIFY_TIME, /* time: Theorem 2 only */
    CLASSIFY_UNTRAPPED, /* what keeps it from being privileged: the supervisor carries it out, and so does the user */
    CLASSIFY_TRAPPED,   /* one pair in which the user traps and the supervisor does not */
    CLASSIFY_KINDS
};

struct classify_witness {
    bool     there;
    uint8_t  ring[2];          /* of the two states */
    uint8_t  n, bytes[15];
    char     operands[80];     /* what the state was: selectors, words on the stack */
    char     what[120];        /* "EFLAGS.ZF 1, 0" */
};

struct classify_insn {
    uint32_t encodings, cases; /* executed */
    uint32_t done, trapped;    /* cases that the supervisor carried out; of them, those that trap in both user rings */
    bool     privileged;       /* done > 0 and trapped == done */
    bool     user_sensitive;   /* control- or location-sensitive in ring 3 */
    bool     user_time;        /* time shows outside ring 0 */
    struct classify_witness witness[CLASSIFY_KINDS];
};

struct classify {
    struct model model;
    uint32_t cases;
    struct classify_insn insn[MN_COUNT];
};

bool classify_sensitive(const struct classify_insn *i);
/* Runs everything. `model`: its extras and what it does not trap count, its costs do not. False: no memory. */
bool classify_run(struct classify *c, const struct model *model, struct err *e);

/* Theorem 1, 2 or 3: does its condition hold? */
enum { CLASSIFY_THEOREMS = 3 };
bool classify_theorem(const struct classify *c, unsigned theorem);
bool classify_breaks(const struct classify *c, unsigned theorem, unsigned id); /* does this instruction break it? */

/* classify_text.c */
void classify_text(const struct classify *c, struct say *out);
void classify_one_text(const struct classify *c, unsigned id, struct say *out);
void classify_json(const struct classify *c, struct text *out);
/* "lds", or where several rows have one word "mov (cr)". */
void classify_name(unsigned id, char *out, size_t room);
/* draw_decision.c: which technique, decided by the theorems; as Graphviz reads it. */
void classify_dot(const struct classify *c, struct text *out);

#endif
