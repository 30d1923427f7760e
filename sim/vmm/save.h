/* A virtual machine as bytes, and back.
 *
 * Idea 1: what is saved is what the guest can see: memory by guest-physical page, its CPU as it believes it to be, its virtual devices. What
 * a technique builds from that (shadow tables, translations, a VMCS, descriptors) stays, and is built anew by whatever technique the
 * VM goes on under: saved under bt, it may go on under vtx.
 * Idea 2: time is the VM's. Both machines count cycles from the same moment: the target's clock stands at the cycle of saving when the VM
 * goes on, so that timers, counters and the calendar need no conversion, and the VM does not notice. So the target's processor must
 * have the same clock rate, and the features that the guest has seen.
 * Idea 3: where machine memory is managed (memory.h) a page travels as its bytes, be they on a shared frame or in the swap area, and the guest's
 * balloon as a list: what its driver gave it may ask back. Where they lie at the target is that machine's affair; it may have less memory.
 * Idea 4: a paravirtual guest's page tables name machine frames; they go as page numbers, and its kernel does its part (paravirt_suspend.c).
 * Refused, with the reason: passthrough (the state is in a real device). */
#ifndef VMM_SAVE_H
#define VMM_SAVE_H

#include "sim/core/err.h"
#include "sim/core/state.h"
#include "sim/vmm/save_file.h"

struct vm;

/* May a VM leave, or come to, a machine like this? Else EXIT_USAGE; `what` is the option that asks. */
struct cpu_strategy;
bool save_possible(const char *what, const struct cpu_strategy *cpu, const char *io, unsigned vms, struct err *e);
/* The number of all that the files' tables hold. */
uint32_t save_layout(void);
/* Adds the sections of a VM that is at rest (suspend.h); without `memory` all but that, which goes, and comes, by other ways. */
void save_vm(const struct vm *vm, bool memory, struct text *file);
/* Into a VM that has been made and not started, from a file that was checked; its machine's clock is to be at save_cycle by then.
 * EXIT_INPUT: something in it cannot be, or does not fit this VM, which is good for nothing then. */
bool save_restore(struct vm *vm, bool memory, const struct text *file, const char *name, struct err *e);
/* The cycle at which it was saved; 0: the file does not say. */
uint64_t save_cycle(const struct text *file);

#endif
