/* Virtual-8086 mode: an 8086 inside protected mode, in ring 3, and the flag that stands in for its IF.
 *
 * Idea 1: an instruction that touches IF (CLI STI PUSHF POPF INT IRET) has three ways: IOPL lets it have the real flag;
 * CR4.VME (outside virtual-8086 mode CR4.PVI) gives it VIF instead; otherwise #GP(0), and the monitor emulates.
 * Idea 2: out of it leads one way, a gate to ring 0, whose frame holds the four data segments; into it two: the IRET of
 * such a frame, and a task whose EFLAGS image has VM set (task.c).
 *
 * SDM vol. 3B ch. 20; vol. 2, INT n, IRET, CLI, STI, PUSHF, POPF. */
#ifndef CPU_V86_H
#define CPU_V86_H

#include "sim/cpu/ring.h"

/* Which flag is IF for the program that runs now? */
enum v86_flag { V86_IF, V86_VIF, V86_REFUSED /* #GP(0) */ };
enum v86_flag v86_if_flag(const struct cpu *c);

/* FLAGS as a program with VIF is shown them, for 16-bit pushes: VIF in the place of IF, IOPL 3. */
uint32_t v86_flags(const struct cpu *c);
/* The same the other way, for POPF and IRET. #GP(0) if the image has TF set, or IF while VIP is. */
enum step v86_set_flags(struct cpu *c, uint32_t image);

/* INT n in virtual-8086 mode. STEP_OK: it is to go through the IDT; STEP_JUMP: the program's own handler was called by
 * the redirection bitmap. */
enum step v86_int(struct cpu *c, uint8_t vector, uint32_t at, uint32_t back);
/* IRET within virtual-8086 mode (may it be executed at all? else #GP(0)), and IRET from ring 0 into it, with the first words
 * (EIP, CS, EFLAGS) of the frame. */
bool v86_may_return(const struct cpu *c, unsigned size);
enum step v86_return(struct cpu *c, const uint32_t word[3], unsigned size);
enum step v86_resume(struct cpu *c, const uint32_t word[3], uint32_t at);

/* A program that enters ring 3 with VIF and VIP both set is stopped before its first instruction, by #GP(0). True: it is
 * due. v86_arrive delivers it; STEP_JUMP in any case. SDM vol. 3B 20.3.2. */
bool v86_pending(const struct cpu *c);
enum step v86_arrive(struct cpu *c);

/* What a gate does besides, coming from virtual-8086 mode: pushes GS, FS, DS, ES; then makes them null. */
bool v86_push_segments(const struct cpu *c, unsigned size, struct stack *s, struct stores *p);
void v86_drop_segments(struct cpu *c);

#endif
