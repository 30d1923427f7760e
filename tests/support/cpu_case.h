/* One instruction, before and after, as a row of a table.
 *
 * A case says only what matters: registers start as small distinct values, everything that `after` does not mention must
 * stay as it was, EIP must move behind the instruction, and after a fault nothing at all may have changed. Each case is run
 * twice: by cpu_execute_one, and by cpu_run out of a block. */
#ifndef TESTS_CPU_CASE_H
#define TESTS_CPU_CASE_H

#include <stddef.h>
#include "tests/support/fake_env.h"

enum cpu_what { WHAT_END, WHAT_REG, WHAT_FLAGS, WHAT_MEM, WHAT_EIP, WHAT_PAGE, WHAT_LIMIT, WHAT_B16, WHAT_CR0, WHAT_CPL,
                WHAT_FAULT, WHAT_ADDRESS };
struct cpu_value { enum cpu_what what; uint32_t at, value; };
#define R(reg, value) { WHAT_REG, reg, value }
#define F(flags) { WHAT_FLAGS, 0, flags }            /* the six arithmetic flags and DF */
#define M(at, value) { WHAT_MEM, at, value }         /* 32 bits */
#define IP(value) { WHAT_EIP, 0, value }             /* after: if not simply the next instruction */
#define PAGE(at, rights) { WHAT_PAGE, at, rights }   /* before: FAKE_* rights of a page */
#define LIMIT(seg, limit) { WHAT_LIMIT, seg, limit } /* before: an expand-up limit */
#define SEG16(seg) { WHAT_B16, seg, 0 }              /* before: clears D/B */
#define CR0(bits) { WHAT_CR0, 0, bits }              /* before: sets bits */
#define CPL(ring) { WHAT_CPL, 0, ring }              /* before */

#define FAULT(vector) { WHAT_FAULT, vector, NO_CODE }           /* after: in place of all changes */
#define FAULT_CODE(vector, code) { WHAT_FAULT, vector, code }
#define PAGE_FAULT(code, address) { WHAT_FAULT, VEC_PF, code }, { WHAT_ADDRESS, 0, address }
#define NO_CODE 0xFFFFFFFFu

enum { CASE_VALUES = 14 };
struct cpu_case {
    const char *name, *bytes;             /* hexadecimal */
    struct cpu_value before[CASE_VALUES], after[CASE_VALUES];
};

void cpu_case_run(const struct cpu_case *c);
void cpu_cases_run(const struct cpu_case *c, size_t n);
/* Hexadecimal text to bytes; returns how many. */
unsigned cpu_case_bytes(const char *hex, uint8_t bytes[64]);

#endif
