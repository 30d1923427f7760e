/* The recorder: the last instructions the CPU began, each with what it found. For people; it never changes a run.
 *
 * Idea 1: a ring of records of one size. While it is on, blocks are built with an op before each op that notes it (op.c);
 * switched off, nothing asks whether it is on. Idea 2: the arithmetic flags are kept as lazily as the CPU keeps them, and
 * text is made when somebody looks. An instruction that faults, or that a hypervisor then takes over, is in the ring: it was begun.
 *
 * Not recorded: what a hypervisor's emulator executes on its virtual CPU (cpu_execute_one); a repeated string instruction's
 * iterations one by one. No state of the machine: going back in time forgets what has not happened yet. */
#ifndef CPU_RECORDER_H
#define CPU_RECORDER_H

#include <string.h>
#include "sim/cpu/block.h"

enum { RECORDER_ROOM = 1 << 16, RECORDER_MOST = 1 << 22 };

struct record {
    uint64_t cycle, moment; /* before it: the clock, once it was fetched; cpu.insns */
    uint8_t  code[16];      /* its bytes; [15]: how many */
    uint32_t reg[8];
    uint32_t eip, cs_base;
    uint32_t eflags, res, aux;
    uint16_t cs_ar;
    uint8_t  cpl;
    bool     rf;            /* does EFLAGS.RF count? */
};

struct recorder {
    struct record *list; /* NULL: off */
    size_t   room;       /* a power of two */
    struct record *next, *end; /* where the next one goes, list[count % room]; behind the last */
    uint64_t count;      /* ever recorded, less what was forgotten */
    uint64_t first;      /* the oldest that is still known */
};

/* Begins with an empty ring of at least `records` (RECORDER_MOST at most), or ends with 0. False: no memory; it is off then. */
bool recorder_start(struct recorder *r, size_t records);
/* The past ends at boundary `moment`: what was begun there or later has not happened. */
void recorder_forget(struct recorder *r, uint64_t moment);
/* How many records there are; the i-th of them, oldest first; its EFLAGS. */
size_t recorder_count(const struct recorder *r);
const struct record *recorder_at(const struct recorder *r, size_t i);
uint32_t record_flags(const struct record *r);

static inline bool recorder_on(const struct cpu *c) { return c->recorder && c->recorder->list; }

/* The instruction whose bytes lie at `bytes`, n of them readable. */
static inline void record_code(uint8_t code[16], const uint8_t *bytes, unsigned n, const struct insn *i)
{
    unsigned len = i->len < n ? i->len : n;
    memcpy(code, bytes, len < 15 ? len : 15);
    code[15] = (uint8_t)len;
}

/* An instruction is about to run. Registers are read one by one (volatile): wider reads would wait for the handlers' narrower
 * stores. */
static inline void recorder_note(const struct cpu *c, const uint8_t code[16], uint32_t eip, uint64_t cycle, uint64_t moment,
                                 uint32_t res, uint32_t aux)
{
    const volatile uint32_t *reg = c->reg;
    struct recorder *r = c->recorder;
    struct record *to = r->next;
    volatile uint32_t *kept = to->reg;
    r->next = to + 1 == r->end ? r->list : to + 1;
    r->count++;
    to->cycle = cycle;
    to->moment = moment;
    memcpy(to->code, code, sizeof to->code);
    kept[0] = reg[0], kept[1] = reg[1], kept[2] = reg[2], kept[3] = reg[3];
    kept[4] = reg[4], kept[5] = reg[5], kept[6] = reg[6], kept[7] = reg[7];
    to->eip = eip;
    to->res = res;
    to->aux = aux;
    to->cs_base = c->seg[SEG_CS].base;
    to->eflags = c->eflags;
    to->rf = moment == c->rf_at;
    to->cs_ar = c->seg[SEG_CS].ar;
    to->cpl = c->cpl;
}

#endif
