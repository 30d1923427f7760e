/* Hardware task switch: the state of one task into its TSS, that of another out of its own.
 *
 * Idea 1: JMP, CALL, IRET with NT set and a task gate in the IDT are one operation; they differ in which TSS is marked
 * busy, in NT and the back link, and in whose fault a bad selector is (struct task).
 * Idea 2: there is one point of no return. Before it all is decided and nothing stored, so faults belong to the old task,
 * unchanged; behind it the new task's registers are in place, segments unusable until each has passed its checks, and
 * what goes wrong is a fault of the new task, at its first instruction.
 *
 * SDM vol. 3A ch. 7 (fig. 7-2 and 7-11: the TSS; tables 7-1, 7-2). Not modelled: shadow stacks. */
#ifndef CPU_TASK_H
#define CPU_TASK_H

#include "sim/cpu/segment.h"

enum task_why { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };

struct task {
    uint16_t sel;          /* of the new TSS */
    enum task_why why;
    uint32_t ext;          /* EXT bit of its faults' codes */
    uint32_t at, back;     /* EIP of the instruction (trace), EIP to be saved */
    bool     rf;           /* save EFLAGS with RF set */
    bool     asked;        /* TASK_GATE: by an instruction, which is done */
    bool     has_code;     /* push this on the new task's stack */
    uint32_t code;
    bool     again;        /* an exception is being delivered: the new task's fault is the caller's to combine with it */
};

/* STEP_JUMP: the new task runs, perhaps in its handler of the fault that entering it met. STEP_FAULT: the old task's
 * fault, nothing changed; with `again` also the new task's. */
enum step task_enter(struct cpu *c, const struct task *t);

#endif
