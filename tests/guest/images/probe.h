// What the test images share beyond the guests' runtime: acts that may fault, and printing what became of them.
//
// Idea: an *act* is a naked function of a few instructions. `attempt` runs it in ring 0, `attempt_user` in ring 3; either
// it comes back, or an exception ends it, and `caught` holds what the processor said. Acts are assembler because what
// is printed (offset of the faulting instruction) must not depend on a compiler.
// Not here: nesting; an act that is being run may not call attempt.
#ifndef PROBE_H
#define PROBE_H

#include "lib/guest.h"

struct caught {
    uint32_t vector, code, eip, cs, eflags, esp, ss, cr2; // esp, ss: only if it came from ring 3
    uint32_t eax, ecx, edx, ebx, esi, edi, ebp;
};
extern struct caught caught;

typedef void act(void);
// An act in assembler: ACT(name, "instructions"). It must end with ret (ring 0) or USER_END (ring 3).
#define ACT(name, code) \
    void name(void); \
    __asm__(".pushsection .text.acts, \"ax\"\n.intel_syntax noprefix\n.global " #name "\n" \
            ".type " #name ", @function\n" #name ":\n" code "\n.size " #name ", . - " #name "\n.popsection\n")
#define USER_END "int 0x80\n"

void probe_init(void);      // tables, handlers that catch, stack for traps from ring 3; call first
bool attempt(act *body);                          // true: it came back. Interrupts are off afterwards
bool attempt_user(act *body, uint32_t eflags);    // the same in ring 3, with these flags
bool attempt_on(act *body, uint32_t cs, uint32_t ss, uint32_t esp, uint32_t eflags); // the same anywhere, by IRET

void probe_arm(void);       // exceptions without a handler of their own are caught (again)
void fact(const char *name, uint32_t value);
void fact2(const char *name, uint32_t a, uint32_t b);
void outcome(const char *name, act *body);        // attempt, and one line of what became of it
void outcome_user(const char *name, act *body, uint32_t eflags);
void told(const char *name, act *body, bool back); // that line, for an attempt already made
const char *vector_name(uint32_t vector);

extern uint8_t user_stack_top[], trap_stack_top[];

#endif
