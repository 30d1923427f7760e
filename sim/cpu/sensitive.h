/* What if the ISA had been virtualizable: bits of CR4 that make sensitive instructions trap.
 *
 * Popek and Goldberg ask that whatever shows or changes the machine's state traps outside the most privileged mode. Real
 * processors got a part of it in 2017: CR4.UMIP, for the five instructions that store system registers. CR4.SEN is the rest,
 * which none has: with it every instruction that insn.def calls SILENT or LEAKS raises #GP(0) outside ring 0 in protected
 * mode, before it does or checks anything but the validity of its encoding. Both are off after reset, and who sets them is
 * none of the CPU's business. SDM vol. 3A 2.5 (CR4.UMIP); Popek & Goldberg 1974, theorem 1.
 * Virtual-8086 mode has its own rules (v86.h): there SEN counts for the instructions UMIP knows, and for no others. */
#ifndef CPU_SENSITIVE_H
#define CPU_SENSITIVE_H

#include "sim/cpu/mem.h"

/* Raises #GP(0) and returns true if one of `bits` of CR4 is set and the CPU is outside ring 0. */
static inline bool sensitive_trap(struct cpu *c, uint32_t bits)
{
    bool traps = (c->cr4 & bits) && c->cpl;
    if (traps) (void)cpu_raise_code(c, VEC_GP, 0);
    return traps;
}

/* The same for an instruction that only SEN makes trap. */
static inline bool sensitive_refused(struct cpu *c) { return !(c->eflags & FLAG_VM) && sensitive_trap(c, CR4_SEN); }

#endif
