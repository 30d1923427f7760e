/* Interrupts and exceptions: the way in through the IDT, and the way back by IRET.
 *
 * Idea 1: one delivery routine serves exceptions, INT n and the interrupt pin; they differ in three facts only: whether
 * the gate's DPL is checked, whether there is an error code, and the EXT bit of whatever goes wrong on the way.
 * Idea 2: delivery decides everything before it stores anything (ring.h); a fault met on the way is simply the next
 * fault, and cpu_deliver_fault is the loop that knows when two make a double fault and three a shutdown.
 *
 * SDM vol. 3A ch. 6; vol. 2, INT n and IRET. Not modelled: task gates and IRET with NT set (hardware task switch):
 * refused as if the TSS descriptor were unusable, #GP(TSS selector + EXT) and #TS(link); IRET to virtual-8086 mode:
 * #GP(0).
 *
 * Conventions beside cpu.h's: struct fault.addr of a #DB holds the DR6 bits to set (DR6_BS: single step, a trap whose
 * return address is the next instruction; DR6_BD: DR7.GD, a fault).
 * c->cause: FAULT, INT or IRQ name what was there; GATE names them; RETURN names what was there; a return that stays
 * in its ring ends the story (0).
 * TOUR cpu.4: how rings change. */
#ifndef CPU_GATE_H
#define CPU_GATE_H

#include "sim/cpu/cpu.h"

/* INT n, INT3, INTO at EIP `at`, returning to `back`: cpu_deliver without touching c->eip first. STEP_JUMP or
 * STEP_FAULT. */
enum step gate_soft(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back);
/* The whole of IRET (operand size 2 or 4) at EIP `at`. STEP_JUMP or STEP_FAULT. */
enum step gate_return(struct cpu *c, unsigned size, uint32_t at);

#endif
