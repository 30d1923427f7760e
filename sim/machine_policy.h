/* A policy's way into the machine: what instructions of the guest that trapped, and page faults, shall mean is asked of somebody
 * else, a student's Lua for one (sim/vmm/policy.h has the idea).
 *
 * Idea: all but machine_policy itself is for whoever is being asked, while that lasts, and about the virtual CPU of the VM that has the
 * processor. Each call is charged by what it does (enum policy_call). Addresses: `va` is the guest's virtual, `at` guest-physical, both in
 * bytes; `page` is a guest-physical page number, `frame` a machine frame number. */
#ifndef SIM_MACHINE_POLICY_H
#define SIM_MACHINE_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"
#include "sim/core/policy.h"

struct machine;

/* From now on; the struct stays the caller's. EXIT_USAGE unless the machine's technique is the one that asks: te (traps), bt (rules), or vtx
 * with shadows that are a TLB in memory (page faults). What a policy does is in no snapshot: only one that can begin again (`again`)
 * lets the machine go back in time, by way of its first instruction. */
bool     machine_policy(struct machine *m, const struct policy *p, struct err *e);

/* Charges what the caller carries out itself. */
void     machine_policy_pay(struct machine *m, enum policy_call what);
/* Registers: EAX .. EDI are 0..7, EIP 8, EFLAGS 9; these two can only be read, and setting them does nothing. */
uint32_t machine_policy_reg(struct machine *m, unsigned reg);
void     machine_policy_set_reg(struct machine *m, unsigned reg, uint32_t value);
uint8_t  machine_policy_ring(struct machine *m);         /* the ring that the guest believes to be in */
void     machine_policy_set_if(struct machine *m, bool on); /* the virtual interrupt flag */
uint32_t machine_policy_cr(struct machine *m, unsigned n);  /* a control register as the guest sees it: 0, 2, 3, 4 */
/* As the guest's MOV CR would, with all that follows. False, and nothing done: that value, or that register, cannot be. */
bool     machine_policy_set_cr(struct machine *m, unsigned n, uint32_t value);
uint32_t machine_policy_in(struct machine *m, uint16_t port, unsigned size);   /* of the virtual board; `size` in bytes */
void     machine_policy_out(struct machine *m, uint16_t port, unsigned size, uint32_t value);
void     machine_policy_halt(struct machine *m);         /* until the next virtual interrupt */
/* The guest goes on behind the instruction that trapped. */
void     machine_policy_skip(struct machine *m, const struct policy_trap *t);
/* The guest takes this exception by its own IDT; `addr` becomes its CR2 if it is a page fault. */
void     machine_policy_inject(struct machine *m, uint8_t vector, bool has_code, uint32_t code, uint32_t addr);
/* `size` bytes (1, 2 or 4) of the guest's memory through its own tables. False: nothing is mapped there. */
bool     machine_policy_read(struct machine *m, uint32_t va, unsigned size, uint32_t *value);

/* --- for page faults ------------------------------------------------------------------------------------------------ */
/* An entry of the guest's own tables. False: there is no RAM. */
bool     machine_policy_table(struct machine *m, uint32_t at, uint32_t *entry);
/* Sets its accessed bit, its dirty bit. False: no table of the guest's is there. */
bool     machine_policy_mark(struct machine *m, uint32_t at, bool accessed, bool dirty);
/* The machine frame behind a guest page. False: there is no RAM. */
bool     machine_policy_p2m(struct machine *m, uint32_t page, uint32_t *frame);
/* Must the emulator carry out such an access, of a page whose stores are traced? False: an entry would do. */
bool     machine_policy_emulate(struct machine *m, uint32_t va, bool write);
/* Makes an entry of the shadow tables. False: that frame is not the guest's. `traced`: it cannot be stored to yet. */
bool     machine_policy_map(struct machine *m, uint32_t va, uint32_t frame, bool write, bool user, bool *traced);
void     machine_policy_unmap(struct machine *m, uint32_t va, int space); /* drops one; `space` -1: the one in use */
void     machine_policy_space(struct machine *m, uint8_t space);          /* which shadow tables the next load of CR3 means */
void     machine_policy_flush(struct machine *m);                         /* drops all of all spaces */
/* Stores to that page trap from now on, or no longer. False: there is no RAM. */
bool     machine_policy_trace(struct machine *m, uint32_t page, bool on);

#endif
