/* A policy: who answers exits in place of the hypervisor, in a laboratory. The data of it; sim/vmm/policy.h has the idea. */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum policy_answer {
    POLICY_OURS,                         /* not handled: the hypervisor does it */
    POLICY_DONE,                         /* the guest goes on where virt stands */
    POLICY_FAILED                        /* the policy itself is broken: the VM is ended */
};

/* The instruction that trapped, taken apart. */
struct policy_trap {
    const char *word;                    /* "cli", "in", ... */
    uint8_t  length, size;               /* of the instruction; of its operand, in bytes */
    bool     write;                      /* MOV to CR; OUT */
    bool     memory;                     /* rules: its operand is in memory */
    uint8_t  cr, reg;                    /* MOV CR: which, and the general register */
    uint16_t port;                       /* IN, OUT */
    uint16_t id;                         /* enum mnemonic */
};

struct policy_fault { uint32_t va; bool write, user, present; };

/* What shall become of a page fault, as the policy said while it was asked. */
enum policy_verdict { POLICY_AGAIN, POLICY_REFLECT, POLICY_EMULATE };
struct policy_ruling { enum policy_verdict verdict; uint8_t vector; uint32_t code, addr; };

struct policy_code;                      /* a translation that is being made; sim/vmm/bintrans_taught.c */

struct policy {
    enum policy_answer (*trap)(void *self, const struct policy_trap *t);   /* NULL: traps are ours */
    enum policy_answer (*fault)(void *self, const struct policy_fault *f, struct policy_ruling *r); /* NULL: page faults are ours */
    /* With `fault`: the guest is about to load CR3 (or to turn paging on); a store to a traced frame was carried out. NULL:
     * not wanted. */
    enum policy_answer (*cr3)(void *self, uint32_t value);
    enum policy_answer (*stored)(void *self, uint32_t at, unsigned size);
    /* What shall the translator make of this instruction? It says so by policy_emit_*. False: the rule itself is broken. */
    bool (*rule)(void *self, const struct policy_trap *t, struct policy_code *to);
    /* The machine is at its first instruction again, and will go through its history: what the policy remembers of it must
     * go. False: it cannot.
     * NULL: machines with this policy do not go back in time. */
    bool (*again)(void *self);
    void (*broken)(void *self, const char *why);                           /* a shadow entry does not follow from the guest's tables */
    void *self;
};

/* What it may do, each for its price. */
enum policy_call {
#define POLICY(e, name, cycles, about) POLICY_CALL_##e,
#include "sim/core/policy.def"
#undef POLICY
    POLICY_CALLS
};
struct policy_call_desc { const char *name, *about; uint32_t cycles; };
const struct policy_call_desc *policy_call(unsigned n); /* NULL behind the last */

/* Pieces of a translation. NULL: it was emitted; else why not, in a few words. */
const char *policy_emit_copy(struct policy_code *p);       /* the instruction as it is, and nothing else */
const char *policy_emit_callout(struct policy_code *p);    /* the hypervisor emulates it, and nothing else */
const char *policy_emit_save(struct policy_code *p, const char *reg);    /* a general register of the guest's, to have one */
const char *policy_emit_restore(struct policy_code *p, const char *reg);
const char *policy_emit_load(struct policy_code *p, const char *reg, const char *what); /* of the virtual CPU: "vif", "vrest" */
const char *policy_emit_store(struct policy_code *p, const char *what, const char *reg);
const char *policy_emit_set(struct policy_code *p, bool on);             /* the virtual IF; no register, no flags */
const char *policy_emit_bytes(struct policy_code *p, const uint8_t *b, unsigned n); /* one harmless instruction */
const char *policy_emit_callout_if_waiting(struct policy_code *p);       /* call if an interrupt waits; takes ECX */
/* call if any of these bits is set; takes the flags */
const char *policy_emit_callout_if(struct policy_code *p, const char *reg, uint32_t mask);
const char *policy_emit_done(struct policy_code *p);       /* with the last piece the guest's instruction is done */

#endif
