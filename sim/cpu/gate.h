/* Interrupts and exceptions: the way in through the IDT, and the way back by IRET.
 *
 * Idea 1: one delivery routine serves exceptions, INT n and the interrupt pin; they differ in three facts only: whether
 * the gate's DPL is checked, whether there is an error code, and the EXT bit of whatever goes wrong on the way.
 * Idea 2: delivery decides everything before it stores anything (ring.h); a fault met on the way is simply the next
 * fault, and cpu_deliver_fault is the loop that knows when two make a double fault and three a shutdown.
 *
 * SDM vol. 3A ch. 6; vol. 2, INT n and IRET. Task gates and the nested task's IRET end in task.c, virtual-8086 mode's
 * own ways in v86.c.
 *
 * Conventions beside cpu.h's: struct fault.addr of a #DB holds the DR6 bits to set (DR6_BS: single step, a trap whose
 * return address is the next instruction; DR6_BD: DR7.GD, a fault).
 * c->cause: FAULT, INT or IRQ name what was there; GATE names them; RETURN names what was there; a return that stays
 * in its ring ends the story (0).
 * TOUR cpu.4: how rings change. */
#ifndef CPU_GATE_H
#define CPU_GATE_H

#include "sim/cpu/cpu.h"

/* INT n at EIP `at`, returning to `back`: cpu_deliver without touching c->eip first. STEP_JUMP or
 * STEP_FAULT. */
enum step gate_soft(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back);
/* Likewise INT3 and INTO, which are exceptions to a hypervisor. */
enum step gate_trap(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back);
/* INT1 (F1): vector 1 as if from outside. */
enum step gate_icebp(struct cpu *c, uint32_t at, uint32_t back);
/* The whole of IRET (operand size 2 or 4) at EIP `at`; `back` is the EIP behind it, for the TSS of a task it leaves.
 * STEP_JUMP or STEP_FAULT. */
enum step gate_return(struct cpu *c, unsigned size, uint32_t at, uint32_t back);

/* VM entry delivers an event (VMX_EVENT_*) to the guest at c->eip; `length` of the instruction if it stands for one. What the
 * delivery meets is delivered, too, or makes the guest leave. True: an instruction of the guest's is done with it. */
bool gate_inject(struct cpu *c, uint32_t event, uint32_t code, uint32_t length);

/* Is an exception met while `first` was being delivered a double fault? Else it is handled after it. SDM 3A table 6-5 */
bool gate_doubles(uint8_t first, uint8_t second);

/* ---- for v86.c ---- */

/* INT n by the far pointers at linear address 0: pushes `flags`, clears `cleared`. */
enum step gate_redirected(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back, uint32_t flags, uint32_t cleared);
/* Returns to 16 * CS : EIP; the flags are left to do. */
enum step gate_return_8086(struct cpu *c, const uint32_t word[3], unsigned size);
/* The flags of IRET's image that may be changed from ring `cpl` with this `iopl`. */
void gate_return_flags(struct cpu *c, uint32_t image, unsigned size, unsigned cpl, unsigned iopl);

/* What SYSENTER does, in a CPU that some other has executed it for: faults, or STEP_JUMP. exec_fast_call.c */
enum step cpu_sysenter(struct cpu *c);

#endif
