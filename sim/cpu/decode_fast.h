/* The two decoders behind insn_decode, and what they share.
 *
 * The fast one takes what programs and kernels are made of; the reference (Zydis) takes everything, and is what the fast
 * one is tested against: where both decode, every field of struct insn is equal. Both are pure. SDM vol. 2A ch. 2. */
#ifndef CPU_DECODE_FAST_H
#define CPU_DECODE_FAST_H

#include "sim/cpu/insn.h"

/* Decodes the instruction at bytes[0..n) if it is one of decode_table.def. False: not mine, or not whole, or not valid;
 * then *out means nothing. `cost` supplies base cycles, NULL: none. */
bool insn_decode_fast(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost, struct insn *out);

/* insn_decode's contract, by Zydis. */
enum decode insn_decode_reference(const uint8_t *bytes, unsigned n, struct insn_mode mode, const uint32_t *cost,
                                  struct insn *out);

/* For bytes that are no instruction: do those that the processor takes together reach beyond n all the same? Then fetching the
 * rest comes before #UD. SDM 3A table 6-2. */
bool insn_reaches_beyond(const uint8_t *bytes, unsigned n, struct insn_mode mode);

/* Of an instruction that begins with `opcode` and, if it has one, this ModRM byte: how many bytes tell it best from others, 1 to
 * 3, immediates and displacements of 32 bits apart. A guess, for hashing. */
unsigned insn_telling(uint8_t opcode, uint8_t modrm);
/* What the last 4 bytes of the valid instruction at `bytes`, at most 8 bytes long, are, and nothing but that. */
enum tail { TAIL_NONE, TAIL_IMM, TAIL_DISP };
enum tail insn_tail(const uint8_t *bytes, struct insn_mode mode);

/* Fills in what follows from the other fields: INSN_ENDS, cost, fn. */
void insn_finish(struct insn *i, const uint32_t *cost);

#endif
