/* Who has the processor: what each VM is doing, the account of its time, and the schedulers.
 *
 * Idea 1: at any moment a VM runs, is ready and waits for the processor, sleeps because its guest halted, is held back by its cap, or
 * is over. Every cycle of real time counts in one of these for each VM; what counts as ready the others have stolen.
 * Idea 2: the processor works for one VM or for the hypervisor itself (switching, idling). The clock's totals by cause are read when
 * that changes, so the accounts and the hypervisor's own add up to the run, cause by cause (design law 5).
 * Idea 3: a guest keeps the processor until the real timer, set to the end of its turn, interrupts it: nothing else takes it from one that
 * never halts. A VM alone on its machine has no turns, and costs nothing here.
 * TOUR vmm.14: whose turn it is, with several. */
#ifndef VMM_SCHEDULE_H
#define VMM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/clock.h"

struct vm;
struct vmm;

enum vm_state {
    VM_READY,    /* it could run, and somebody else does */
    VM_RUNNING,  /* it has the processor: its guest runs, or the hypervisor works for it */
    VM_ASLEEP,   /* its guest halted, and waits for an interrupt or event */
    VM_CAPPED,   /* it has had all that its cap allows */
    VM_OVER,     /* it ended */
    VM_STATES
};
const char *vm_state_name(unsigned state);

/* What the processor did for one VM, and how that VM spent real time. */
struct vm_account {
    uint64_t by_cause[CLOCK_CAUSES];
    uint64_t in[VM_STATES];      /* cycles in each state, but for the one it is in now */
    uint64_t since;              /* cycle since when it is in that */
    uint64_t turns;              /* how often it got the processor from another VM */
    uint8_t  state;              /* enum vm_state */
};

/* What a scheduler knows of a VM. */
struct vm_share {
    uint32_t weight;             /* its share beside the others' */
    uint32_t cap;                /* percent of the processor it may have at most; 0: no limit */
    int64_t  credit;             /* cycles it may still have, by right */
    uint64_t used;               /* cycles it has had since credit was given out last */
    uint64_t turn;               /* of in[VM_RUNNING], what scheduling has already seen */
    bool     boosted;            /* it woke with credit left: first in line, once */
};
enum { SHARE_WEIGHT = 256 /* unless told otherwise */, SHARE_WEIGHT_MOST = 65535 };

struct scheduler {
    const char *name, *about;
    void       (*begin)(struct vmm *h);                 /* all VMs are there */
    void       (*ran)(struct vm *vm, uint64_t cycles);  /* it has had the processor for that long */
    void       (*woke)(struct vm *vm);                  /* it was asleep, and is ready */
    /* Whose turn is it now? Sets schedule.until. NULL: nobody's. */
    struct vm *(*pick)(struct vmm *h);
};
extern const struct scheduler *const schedulers[];       /* null-terminated, in teaching order */
const struct scheduler *scheduler_find(const char *name); /* NULL if there is none */

struct schedule {
    const struct scheduler *ops;
    uint64_t slice, period;      /* cycles: a turn; between two distributions of credit */
    uint64_t until;              /* end of the running VM's turn */
    uint64_t wake_at;            /* the first timer of a sleeping VM; TIMEQ_NEVER */
    uint64_t give_at;            /* credit is given out next */
    bool     look;               /* something happened: look who sleeps, and decide anew */
    struct vm *paid;             /* whose account the clock runs on; NULL: the hypervisor's own */
    uint64_t own[CLOCK_CAUSES];  /* that */
    uint64_t seen[CLOCK_CAUSES]; /* the clock's totals when that changed last */
};

/* Why the processor went to another VM; the enum type "switch" of EV_SWITCH. */
enum switch_why { SWITCH_START, SWITCH_TURN, SWITCH_SLEEP, SWITCH_WOKE, SWITCH_CAP, SWITCH_OVER, SWITCH_WHYS };
void schedule_names(void);

void schedule_begin(struct vmm *h);
/* For schedulers, and in here: the VM is in another state from now on. */
void schedule_state(struct vm *vm, enum vm_state state);
/* The VM to go on with, whose turn it is: the processor is its. NULL: all sleep, or are over. */
struct vm *schedule_next(struct vmm *h);
/* What the running VM came to. */
void schedule_sleeps(struct vm *vm);
void schedule_over(struct vm *vm);
void schedule_yields(struct vmm *h); /* its turn is over, if somebody else wants one */
/* A real interrupt arrived while all slept. */
void schedule_woken(struct vmm *h);
/* Has that cycle come while a guest was interpreted, whom no interrupt stops? */
bool schedule_due(const struct vmm *h);
/* The cycle at which the hypervisor must have the processor again; TIMEQ_NEVER. */
uint64_t schedule_deadline(const struct vmm *h);
/* Nobody runs: from now on the clock runs on the hypervisor's own account. */
void schedule_idle(struct vmm *h);

/* The same for work in between; returns whose account it was, to be put back. */
struct vm *schedule_self(struct vmm *h);
void schedule_pays(struct vmm *h, struct vm *vm);

/* An account as of now. */
void schedule_account(const struct vm *vm, struct vm_account *now);
void schedule_own(const struct vmm *h, uint64_t by_cause[CLOCK_CAUSES]);

/* Gives the processor to `to`: what hardware holds of one VM's is saved, the other's loaded, and both charged. world.c */
void world_switch(struct vmm *h, struct vm *to, enum switch_why why);

#endif
