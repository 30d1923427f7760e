/* The short way through a gate and back: decides what gate.c and ring.c would decide where nothing is out of the ordinary.
 *
 * Idea: nearly every crossing is a present 32-bit gate of the IDT, flat or not, to a present code segment of the GDT, with the
 * inner stack of a 32-bit TSS, all descriptors accessed before, every table and stack at hand
 * (mem.h). Then the words are read from the host's memory, judged by a few masks, and nothing was touched. Whatever is not so
 * (faults above all) is refused here and goes the general way, which knows the reasons.
 * SDM vol. 3A 5.8, 6.12; vol. 2, INT n and IRET. */
#ifndef CPU_GATE_SHORT_H
#define CPU_GATE_SHORT_H

#include "sim/cpu/ring.h"

/* Where a crossing leads: nothing of it has happened yet. */
struct short_way {
    struct seg_reg cs;
    struct stack stack; /* its ESP: below the frame that is to be stored, or above the one that is released */
    uint32_t eip;
    uint32_t flags;     /* out: the frame's image of EFLAGS */
    uint8_t *frame;     /* in: host byte of the frame's lowest word, which may be stored to */
    uint8_t  ring;
    bool     masks;     /* in: an interrupt gate */
};

/* Through the IDT with a frame of five words (three within a ring), and one more with `has_code`. `soft`: the gate's DPL counts. */
bool gate_short_in(struct cpu *c, uint8_t vector, bool soft, bool has_code, struct short_way *w);
/* IRET with 32-bit words, in protected mode; NT clear. */
bool gate_short_out(struct cpu *c, struct short_way *w);

#endif
