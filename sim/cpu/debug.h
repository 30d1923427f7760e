/* Debug registers: breakpoints on instructions, data and ports, and what a debug exception tells about itself.
 *
 * Idea 1: a breakpoint costs nothing where it is not. Pages that hold watched bytes get no fast tag in the TLB, so only
 * accesses to them come by the slow path of mem.c, which asks debug_data; code goes instruction by instruction only
 * while an instruction breakpoint is enabled.
 * Idea 2: an instruction breakpoint is a fault, reported before anything happens (cpu_run); everything else is a trap: the
 * bits for DR6 gather in c->hits while the instruction runs, and are delivered at the boundary behind it.
 *
 * SDM vol. 3B 17.2 (registers), 17.3 (exceptions); 6.8.3 (after a load of SS). Lengths of 8 bytes as on family 15. LE and GE
 * do nothing: data breakpoints are always exact. B0-B3 are also set for breakpoints that match but are not enabled, if
 * an enabled one matches at the same time. Not modelled: LBR, BTS, the debug store. */
#ifndef CPU_DEBUG_H
#define CPU_DEBUG_H

#include "sim/cpu/cpu.h"

/* DR6 and DR7: what is used, and the bits that always read as one. SDM 3B fig. 17-1. */
enum {
    DR6_BREAKPOINTS = 0xF, DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR6_BT = 1 << 15,
    DR6_WRITABLE = DR6_BREAKPOINTS | DR6_BD | DR6_BS | DR6_BT,
    DR7_LOCAL = 0x155 /* L0-L3, LE */, DR7_FIXED = 1 << 10, DR7_GD = 1 << 13, DR7_ZERO = 0xD800,
    DEBUGCTL_BTF = 2 /* IA32_DEBUGCTL: single steps end at branches that are taken */
};
#define DR6_FIXED 0xFFFF0FF0u

/* DR0-DR3 or DR7 were changed by hand: works out anew what is watched. */
void debug_changed(struct cpu *c);
/* Writes one of DR0-DR3, DR6, DR7, minding fixed bits. No checks. */
void debug_set(struct cpu *c, unsigned n, uint32_t value);
/* DR6 bits of the instruction breakpoints that stop the instruction at linear address `lin`; 0: none does. */
uint32_t debug_exec(const struct cpu *c, uint32_t lin);
/* An access of `size` bytes succeeded: traps behind this instruction if it is watched. */
void debug_data(struct cpu *c, uint32_t lin, unsigned size, bool write);
void debug_port(struct cpu *c, uint32_t port, unsigned size);
/* Is there a breakpoint on ports (R/W 2) that debug_port could find hit? */
static inline bool debug_ports(const struct cpu *c) { return c->watch[2]; }
/* Is #AC possible in ring 3? */
static inline bool debug_aligned(const struct cpu *c) { return (c->cr0 & CR0_AM) && (c->eflags & FLAG_AC); }
/* Does anybody want to see data accesses: a breakpoint, alignment checks, a hypervisor those to an APIC? */
static inline bool debug_watches(const struct cpu *c) { return c->watch[1] || c->watch[3] || c->vmx.apic || debug_aligned(c); }
/* Takes the fast tags of the page of `lin` away, if breakpoints or alignment checks want to see its accesses. */
void debug_guard(struct cpu *c, uint32_t lin);
/* Alignment checks were switched on, or breakpoints set: fast tags given before then are taken away. */
void debug_untag(struct cpu *c);
/* A debug exception is delivered: DR6 gets `bits` (0: nothing that it could tell); DR7.GD and BTF are switched off. */
void debug_raised(struct cpu *c, uint32_t bits);
/* Does single-stepping trap behind this instruction, which ended with `s`? With BTF only behind a branch that was taken. */
bool debug_steps(const struct cpu *c, const struct insn *i, enum step s);
/* What a hardware task switch does: clears the local enables; `trap` (the new TSS's T bit): #DB with DR6.BT before the
 * new task's first instruction. SDM 3B 17.3.1.5 */
void debug_task(struct cpu *c, bool trap);
/* A load of SS retires: traps wait, like interrupts, until one instruction more is done. */
static inline void debug_hold(struct cpu *c) { c->hold = c->insns + 1; }
/* Is a trap due at this boundary? Moves what the last instruction hit to c->trap. */
static inline bool debug_due(struct cpu *c)
{
    c->trap |= c->hits;
    c->hits = 0;
    return c->trap && c->insns != c->hold;
}

#endif
