/* The compact decoded instruction, and the list of all instructions as facts.
 *
 * An instruction is decoded once, into the form its handler wants, and run many times from a block. insn.def has one
 * row per mnemonic: handler, cost class, privilege rule, sensitivity, and the rule in words. Sensitivity explains and
 * feeds the silent-failure detector; it never steers execution. SDM vol. 2A ch. 2 (instruction format). */
#ifndef CPU_INSN_H
#define CPU_INSN_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/cost.h"
#include "sim/core/nature.h"
#include "sim/core/outcome.h"

struct cpu;
struct insn;

/* Every handler: does the whole instruction or nothing (STEP_FAULT leaves all architectural state as it was). On
 * STEP_OK the run loop goes on behind the instruction; a handler that returns STEP_JUMP has set c->eip itself. */
typedef enum step exec_fn(struct cpu *c, const struct insn *i);

enum insn_flag {
    INSN_LOCK = 1, INSN_REP = 2, INSN_REPNE = 4,
    INSN_ADDR16 = 8,    /* 16-bit addressing */
    INSN_MEM = 16,      /* the r/m operand is memory (base, index, scale, disp, seg are valid) */
    INSN_ENDS = 32,     /* last of its block */
    INSN_OPERAND16 = 64 /* operand size is 16 bits (size tells, too; here for instructions without operands) */
};

/* Where the operands are. R: the register `rm`; M: memory; I: `imm`. Of two, the first is the destination:
 * RR: rm <- reg; RI: rm <- imm; RM: reg <- memory; MR: memory <- reg; MI: memory <- imm.
 * Instructions whose destination can only be a register (MOVZX, IMUL, BSF, CMOVcc, LAR, ...) are RM, or GE when the source
 * is the register rm: reg <- rm. */
enum insn_form { FORM_NONE, FORM_R, FORM_M, FORM_I, FORM_RR, FORM_RI, FORM_RM, FORM_MR, FORM_MI, FORM_GE, FORM_COUNT };

#define REG_NONE 8 /* base or index register that is always zero: cpu->reg[8] */

struct insn {
    exec_fn *fn;
    uint32_t imm;     /* immediate, sign-extended to 32 bits; branch displacement; far offset */
    uint32_t disp;    /* memory displacement */
    uint16_t imm2;    /* far selector; ENTER level */
    uint16_t at;      /* bytes from the start of its block to the start of the instruction */
    uint16_t cost;    /* base cycles in the model at hand */
    uint16_t id;      /* enum mnemonic */
    uint8_t  base, index, scale, seg; /* memory operand; scale is a shift count; seg is enum seg */
    uint8_t  reg, rm; /* register operands: ModRM.reg (or opcode register) and ModRM.rm when it is a register */
    uint8_t  size;    /* operand size in bytes: 1, 2, 4 */
    uint8_t  len;     /* bytes of the instruction, 1..15 */
    uint8_t  flags;   /* enum insn_flag */
    uint8_t  sub;     /* small operand for the handler: condition code, /digit, control-register number, source size */
    uint8_t  bytes[2];/* first opcode bytes after prefixes, for people */
    uint8_t  form;    /* enum insn_form */
    uint8_t  refs;    /* references to memory that its operands make, for statistics; 0 with REP, which counts its own */
    uint16_t waits;   /* stall_mark (stall.h) */
};

enum mnemonic {
    MN_NONE,
#define INSN(mn, word, handler, cost, privilege, sensitivity, rule) MN_##mn,
#include "sim/cpu/insn.def"
#undef INSN
    MN_COUNT
};

/* A row of insn.def as data. */
struct insn_desc {
    const char *word; /* "popf" */
    exec_fn    *fn;
    enum cost   cost;
    uint8_t     privilege, sensitivity;
    const char *rule; /* what it does, and what below ring 0: two or three sentences in the manual's terms; "" for MN_NONE only */
};
const struct insn_desc *insn_desc(unsigned id); /* of enum mnemonic */
const char *insn_row_name(unsigned id);              /* "MOV_CR": which of several rows of one word */
void insn_names(void);                          /* registers "mnemonic" with trace_names */

/* What decoding depends on besides the bytes. */
struct insn_mode { bool code32; };

enum decode { DECODE_OK, DECODE_SHORT, DECODE_BAD };
/* Decodes the instruction at bytes[0..n). Pure. DECODE_SHORT: it is longer than n (ask for more, at most 15 bytes);
 * DECODE_BAD: no valid encoding or longer than 15 bytes (the CPU raises #UD or #GP); `cost` supplies base cycles. */
enum decode insn_decode(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost, struct insn *out);

/* Text of the instruction at bytes[0..n) located at `eip`, Intel syntax ("mov eax, [ebx+4]"; branch targets absolute).
 * Returns its length, or 0 and "(bad)" if it does not decode. */
unsigned insn_text(const uint8_t *bytes, unsigned n, struct insn_mode mode, uint32_t eip, char *text, unsigned room);

#endif
