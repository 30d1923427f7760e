/* The moment at which a virtual machine can leave its machine.
 *
 * Idea: at a visit to the hypervisor nearly all of a guest is in its virtual CPU and in its virtual devices. It is at rest when the rest is,
 * too: no event is on its way into it by hardware, and no request of a virtual drive waits for the real one. Then what hardware
 * still holds is taken in, as for a world switch, and whoever wanted the VM gets it. If that one cannot use it, it goes on here: at
 * every moment exactly one copy of it runs, or is about to.
 * Idea 2: a ported kernel is told, and suspends itself (paravirt_suspend.c); until then it runs. */
#ifndef VMM_SUSPEND_H
#define VMM_SUSPEND_H

#include <stdbool.h>
#include <stdint.h>

struct vm;
struct vmm;

struct suspend {
    uint64_t at;                               /* cycle; 0: nobody wants one */
    unsigned vm;                               /* which one is wanted */
    bool   (*take)(void *self, struct vm *vm); /* true: it is elsewhere now, and over here; false: it goes on */
    void   (*vain)(void *self, const char *why); /* it never can: a ported kernel that does not do its part */
    void    *self;
    const char *why;                           /* what a ported kernel has not done yet; NULL */
};

/* The VM stands where it could go on or sleep. Is it wanted now, at rest, and was it taken? */
bool suspend_taken(struct vm *vm);
/* Does the hypervisor have to look before a cycle? TIMEQ_NEVER. */
uint64_t suspend_deadline(const struct vmm *h);

#endif
