/* A small world with four rings for the tests of segments, gates and privilege: GDT, LDT, IDT, TSS and a stack per
 * ring.
 *
 * Outcomes are short texts ("ok", "jump", "#GP(18)", "#PF(3)", "#UD", "halt"), so that a table of cases reads like the
 * manual. rings_step also demands that a fault changed nothing: no register, no byte of memory. */
#ifndef TESTS_RINGS_H
#define TESTS_RINGS_H

#include "tests/support/fake_env.h"

enum { /* linear addresses */
    AT_GDT = 0x2000, AT_IDT = 0x3000, AT_TSS = 0x4000, AT_IOMAP = 0x68 /* within the TSS */, AT_LDT = 0x7000,
    AT_TASK = 0x8000, AT_TASK16 = 0x8800 /* TSSs of tasks that wait, all zero */,
    AT_HANDLER = 0x9000 /* of vector n: + 16 n */, AT_STACK = 0x11000 /* top of ring n's: + 0x1000 n */, AT_SCRATCH = 0x20000
};
enum { /* selectors, RPL 0. Code and data of ring n: CODE(n), DATA(n) */
    SEL_CODE0 = 0x08, SEL_DATA0 = 0x10,
    SEL_CONFORMING = 0x48,   /* DPL 0, readable */
    SEL_CONFORMING2 = 0x50,  /* DPL 2 */
    SEL_ABSENT_CODE = 0x58,  /* DPL 0, not present */
    SEL_ABSENT_DATA = 0x60,  /* DPL 3, not present */
    SEL_READ_ONLY = 0x68,    /* data, DPL 3 */
    SEL_EXEC_ONLY = 0x70,    /* code, DPL 3 */
    SEL_DOWN = 0x78,         /* expand-down data, DPL 3, 32 bits, valid from 1000 */
    SEL_SMALL = 0x80,        /* data, DPL 3, 16 bits, limit FFF, base 20000 */
    SEL_TSS = 0x88, SEL_LDT = 0x90, SEL_TSS16 = 0x98 /* available */, SEL_TSS_FREE = 0xA0 /* available, 32 bits */,
    SEL_SCRATCH = 0xA8,      /* for the case at hand; not present */
    SEL_SCRATCH2 = 0xB0,
    SEL_LAST = 0xB8,         /* last in the GDT: data, DPL 3 */
    SEL_BEYOND = 0xC0,
    SEL_LDT_DATA = 0x04,     /* in the LDT: data, DPL 3 */
    SEL_LDT_BEYOND = 0x0C
};
#define CODE(n) ((uint16_t)(0x08 + 0x10 * (n)))
#define DATA(n) ((uint16_t)(0x10 + 0x10 * (n)))

/* fake_init, the tables, ring 0, IOPL 0, IF clear. IDT: every vector a 32-bit interrupt gate with DPL 0 to CODE(0),
 * except 80h (DPL 3) and 81h (trap gate, DPL 3). */
void rings_init(struct fake *f);
/* Puts the CPU into that ring, with its CS, SS, DS, ES and a fresh stack. */
void rings_enter(struct fake *f, unsigned ring);
/* Writes descriptors. `ar`: AR_* bits. */
void rings_desc(struct fake *f, uint16_t sel, uint32_t base, uint32_t limit, unsigned ar);
void rings_gate(struct fake *f, uint32_t at, unsigned ar, uint16_t sel, uint32_t offset, unsigned params);
static inline void rings_idt(struct fake *f, unsigned vector, unsigned ar, uint16_t sel, uint32_t offset)
{
    rings_gate(f, AT_IDT + 8 * vector, ar, sel, offset, 0);
}
/* An IA-32 TSS's stack for a ring below 3. */
void rings_tss_stack(struct fake *f, unsigned ring, uint16_t ss, uint32_t esp);

/* Executes one instruction at CS:EIP (cpu_execute_one); the bytes are put there first. */
enum step rings_step(struct fake *f, const void *bytes, size_t n);
#define STEP(f, ...) rings_step((f), (const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ })
/* The text of an outcome; static storage, good until the next call. */
const char *rings_outcome(const struct fake *f, enum step s);

/* Runs `fn` (anything that ends in an enum step) and fails the test if it faults and has changed anything. */
enum step rings_checked(struct fake *f, enum step (*fn)(struct fake *f, void *arg), void *arg);

#endif
