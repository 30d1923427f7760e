/* The boards of the classifier: laboratory boards that differ in one thing. See classify.h; shared by classify*.c.
 *
 * All of a kind have the same memory: both copies of the GDT and the IDT, both page directories, both TSSs lie in each, and
 * what differs is which of them the registers name. Only the ring cannot be changed without memory: the stack segment must be
 * of the ring's DPL, so its descriptor and that of the code segment differ in these two bits, as under a monitor that rewrites
 * a guest's descriptors. What differs from the start is not compared afterwards. */
#ifndef SIM_CLASSIFY_BOARD_H
#define SIM_CLASSIFY_BOARD_H

#include "sim/lab_board.h"

enum classify_place { CLASSIFY_HERE, CLASSIFY_THERE, CLASSIFY_LATER, CLASSIFY_BUSY /* CR0.TS set, IF clear: for what sets and clears */, CLASSIFY_PLACES };

/* Selectors. Those of CS and SS have the ring as RPL. */
enum {
    CSEL_CODE = 0x180, CSEL_STACK = 0x188, CSEL_DATA0 = 0x190, CSEL_BASED3 = 0x198, CSEL_CONFORMING = 0x1A0,
    CSEL_CODE3 = 0x1A8, CSEL_DATA3 = 0x1B0, CSEL_GATE3 = 0x1B8, CSEL_CODE0 = 0x1C0, CSEL_LDT2 = 0x1C8, CSEL_CODE1 = 0x1D0,
    CSEL_TSS2 = 0x1D8, CSEL_TSS_FREE = 0x1E0, CSEL_DATA1 = 0x1E8, CSEL_CODE3_BASED = 0x1F0, CSEL_END = 0x1F8
};
enum { CLASSIFY_DATA = LAB_DATA + 0x400, CLASSIFY_STACK = LAB_DATA + 0x1800, CLASSIFY_AT = LAB_CODE + 0x100,
       CLASSIFY_TARGET = LAB_CODE + 0x180 };

/* One state's outcome. */
struct classify_outcome {
    bool        trapped, halted;
    uint8_t     vector;
    const struct cpu *before, *after; /* only what lies in front of their TLBs */
};

struct classify_case {
    uint8_t  bytes[15];
    unsigned n;
    uint16_t sel;          /* in EAX, in memory, on the stack */
    uint8_t  stack;        /* which of the frames in classify_board.c lies on the stack */
    uint32_t ecx, flags;   /* MSR number; the flags image in a frame */
};

struct classify_board {
    struct lab *lab;
    uint8_t     ring;
    struct cpu  before;                 /* as the case found it */
    struct classify_outcome outcome;    /* of the last case */
};

bool classify_board_new(struct classify_board *b, unsigned ring, enum classify_place place, const struct model *model,
                        struct err *e);
void classify_board_free(struct classify_board *b);
/* Executes the case; b->outcome is what came of it, until the next one. */
void classify_execute(struct classify_board *b, const struct classify_case *k);
/* Has anything come out different that did not go in different? Says what. */
bool classify_differ(const struct classify_board *a, const struct classify_board *b, char *what, size_t room);
/* Has the mode or the location changed? Says what. */
bool classify_controls(const struct classify_outcome *x, char *what, size_t room);

#endif
