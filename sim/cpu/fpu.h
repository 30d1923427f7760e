/* The x87 unit's state, and what every x87 and MMX handler shares.
 *
 * Idea 1: registers are kept by their physical number, as the tags are; ST(i) is physical (TOP + i) mod 8, MMi is physical i.
 * Idea 2: the soft-float (fpu_soft.h) is pure: it says what it raised; fpu_settle puts that into the status word and says
 * whether there is a result to store. So an unmasked exception cannot leave half an instruction.
 * Idea 3: an unmasked exception is only noted (ES). The next waiting instruction finds it in fpu_ready: #MF with CR0.NE;
 * without it FERR is asserted and the CPU stands still before that instruction until an interrupt comes (or IGNNE).
 *
 * SDM vol. 1 ch. 8, 9, app. D; vol. 2. The last pointers are updated by every non-control instruction, as on P6; the P4's
 * "fopcode compatibility" switch is not modelled. */
#ifndef CPU_FPU_H
#define CPU_FPU_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/outcome.h"

struct cpu;
struct insn;
struct num;

/* An 80-bit register: value (-1)^sign * mantissa * 2^(exponent - 16383 - 63). */
struct fpu_reg {
    uint64_t mantissa;
    uint16_t sign_exp; /* bit 15: sign; 14..0: biased exponent */
};

enum { /* status word; the low six are also the mask bits of the control word and #MF's causes */
    FPU_IE = 1, FPU_DE = 2, FPU_ZE = 4, FPU_OE = 8, FPU_UE = 16, FPU_PE = 32, FPU_SF = 64, FPU_ES = 128,
    FPU_C0 = 0x100, FPU_C1 = 0x200, FPU_C2 = 0x400, FPU_C3 = 0x4000, FPU_B = 0x8000, FPU_TOP = 0x3800,
    FPU_CC = FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3, FPU_EXCEPTIONS = 0x3F
};
enum { FPU_CONTROL_INIT = 0x37F, FPU_CONTROL_KNOWN = 0x1F3F, FPU_CONTROL_ONE = 0x40 };
enum { FPU_RC_NEAREST, FPU_RC_DOWN, FPU_RC_UP, FPU_RC_ZERO };

struct fpu {
    struct fpu_reg r[8];
    uint16_t control, status; /* status holds TOP in bits 13..11 */
    uint8_t  used;            /* bit n: physical register n is not empty */
    uint16_t op;              /* low 11 bits of the last opcode */
    uint16_t cs, ds;          /* selectors of the last instruction and its memory operand */
    uint32_t ip, dp;          /* their offsets */
};

extern const struct fpu_reg fpu_indefinite; /* the default NaN */

void fpu_reset(struct fpu *f); /* power-on: registers +0, as FNINIT besides. SDM 3A table 9-1 */
void fpu_init(struct fpu *f);  /* FNINIT: registers keep their contents */

static inline unsigned fpu_top(const struct fpu *f) { return f->status >> 11 & 7u; }
static inline unsigned fpu_phys(const struct fpu *f, unsigned i) { return (fpu_top(f) + i) & 7; }
static inline struct fpu_reg *fpu_st(struct fpu *f, unsigned i) { return &f->r[fpu_phys(f, i)]; }
static inline bool fpu_empty(const struct fpu *f, unsigned i) { return !(f->used >> fpu_phys(f, i) & 1); }
/* Sets TOP relative to where it is. */
void fpu_rotate(struct fpu *f, int by);
void fpu_pop(struct fpu *f);
/* Writes ST(i) and tags it valid. */
void fpu_put(struct fpu *f, unsigned i, struct fpu_reg v);
/* ES and B from the exceptions and masks; call after either changed. */
void fpu_summary(struct fpu *f);
/* An instruction raised `raised` and rounded up or not: status word, C1. True: store the result (no unmasked
 * invalid-operation, denormal or zero-divide among them). */
bool fpu_settle(struct fpu *f, unsigned raised, bool up);
/* Stack fault: C1 says overflow. True: masked, so the indefinite is the result. */
bool fpu_stack_fault(struct fpu *f, bool overflow);
/* Pushes, or raises a stack overflow (and pushes the indefinite if that is masked). */
void fpu_push(struct fpu *f, struct fpu_reg v);
/* The full tag word: 0 valid, 1 zero, 2 special, 3 empty, by physical register. */
unsigned fpu_tag_word(const struct fpu *f);

/* May an x87 or MMX instruction start? #NM with CR0.EM or TS (x87); waiting: a pending exception is reported. STEP_OK, or what
 * the handler must return. */
enum step fpu_ready(struct cpu *c, const struct insn *i);         /* waiting */
enum step fpu_present(struct cpu *c);                             /* non-waiting: #NM only */
/* A pending unmasked exception comes out: #MF, or FERR and standing still. STEP_OK: nothing is pending. */
enum step fpu_report(struct cpu *c, const struct insn *i);
/* MMX: #UD with EM, #NM with TS, then as a waiting instruction. */
enum step fpu_mmx_ready(struct cpu *c, const struct insn *i);
/* Remembers the last instruction and operand. */
void fpu_note(struct cpu *c, const struct insn *i);
/* The exceptions may be gone: lets FERR fall. */
void fpu_ferr_update(struct cpu *c);
/* The IGNNE# pin: with CR0.NE clear, waiting instructions go on in spite of a pending exception. */
void cpu_ignne(struct cpu *c, bool level);

/* Which row of insn.def an x87 opcode (D8..DF) with this ModRM is; 0 (MN_NONE): no instruction. */
unsigned fpu_identify(uint8_t opcode, uint8_t modrm);

/* Memory operands of more than four bytes. Nothing is written unless all of it can be. */
enum step fpu_read(struct cpu *c, const struct insn *i, uint32_t skip, void *to, unsigned n);
enum step fpu_write(struct cpu *c, const struct insn *i, const void *from, unsigned n);
/* The memory operand of D8 (m32), DA (i32), DC (m64) and DE (i16) instructions. */
enum step fpu_operand(struct cpu *c, const struct insn *i, struct num *n);

#endif
