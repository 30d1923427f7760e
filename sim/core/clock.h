/* The one cycle counter, who is paying for it, and what happens when.
 *
 * Attribution: at any moment exactly one cause is current and owns every cycle that passes, so cycles == sum over
 * causes by construction; clock_check proves it. Costs of a different cause are charged with clock_charge.
 * At any moment one lane is current, too: in which ring, of which VM, the CPU is; the same cycles are counted by lane and cause,
 * so that sums over lanes are the causes.
 * Events: caller-owned timer nodes in a queue ordered by (cycle, priority, order of arming); arming allocates nothing.
 * TOUR core.3: one counter, and each of its cycles has a cause. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_CAUSES = 32 }; /* room for trace/cause.def; cause 0 is whoever has not said otherwise */
/* A lane is 8 x owner + 4 x (VMX non-root operation) + ring. Owners: 0 the machine's only guest, or its first VM; then the
 * others. */
enum { CLOCK_OWNERS = 128, CLOCK_LANES = 8 * CLOCK_OWNERS };

struct clock {
    uint64_t now;                    /* cycles since reset */
    uint64_t hz;                     /* cycles per second of the chosen model */
    uint64_t since;                  /* cycle up to which by_cause is settled */
    uint8_t  cause;                  /* current owner of passing cycles */
    uint8_t  owners;                 /* the highest that ever was current */
    uint16_t lane;                   /* where the CPU is */
    uint64_t by_cause[CLOCK_CAUSES];
    uint64_t by_lane[CLOCK_LANES][CLOCK_CAUSES];
};

static inline void clock_settle(struct clock *c)
{
    uint64_t passed = c->now - c->since;
    c->by_cause[c->cause] += passed;
    c->by_lane[c->lane][c->cause] += passed;
    c->since = c->now;
}

/* Makes `cause` the current owner; returns the previous one (to put back). */
static inline uint8_t clock_cause(struct clock *c, uint8_t cause)
{
    uint8_t old = c->cause;
    clock_settle(c);
    c->cause = cause;
    return old;
}

/* The CPU is in this ring from now on, in non-root operation or not, and `cause` pays. The owner stays. */
static inline void clock_ring(struct clock *c, uint8_t cause, bool nonroot, uint8_t ring)
{
    clock_settle(c);
    c->cause = cause;
    c->lane = (uint16_t)((c->lane & ~7u) | (nonroot ? 4u : 0u) | ring);
}

/* From now on what passes is on account of this VM. */
static inline void clock_owner(struct clock *c, unsigned owner)
{
    clock_settle(c);
    if (owner >= CLOCK_OWNERS) owner = CLOCK_OWNERS - 1;
    if (owner > c->owners) c->owners = (uint8_t)owner;
    c->lane = (uint16_t)((c->lane & 7) | owner << 3);
}

/* Lets `cycles` pass on account of `cause`; the current owner stays, and so does what it still has to be charged. */
static inline void clock_charge(struct clock *c, uint8_t cause, uint64_t cycles)
{
    c->by_cause[cause] += cycles;
    c->by_lane[c->lane][cause] += cycles;
    c->since += cycles;
    c->now += cycles;
}

/* Says that `cycles` which passed in a lane on account of one cause were another's. */
static inline void clock_move(struct clock *c, unsigned lane, uint8_t from, uint8_t to, uint64_t cycles)
{
    c->by_cause[from] -= cycles; /* what is current may not be settled yet, and then wraps until it is */
    c->by_cause[to] += cycles;
    c->by_lane[lane][from] -= cycles;
    c->by_lane[lane][to] += cycles;
}

uint64_t clock_of_cause(const struct clock *c, uint8_t cause); /* cycles so far, unsettled ones included */
uint64_t clock_of_lane(const struct clock *c, unsigned lane, uint8_t cause);
bool     clock_check(const struct clock *c);                   /* law 5: the sum over causes equals now */
/* and each cause is the sum over the lanes of all owners there were */
bool     clock_check_lanes(const struct clock *c);
uint64_t clock_from_ns(const struct clock *c, uint64_t ns);    /* nanoseconds to cycles, rounded up */

/* A crystal beside the CPU's clock, `rate` pulses a second and exact for ever: how many pulses have come by `cycle`, and
 * the first cycle at which the n-th has come. No product overflows for any hz and rate below 4 GHz. */
uint64_t clock_pulses(const struct clock *c, uint32_t rate, uint64_t cycle);
uint64_t clock_of_pulse(const struct clock *c, uint32_t rate, uint64_t n);

struct timer {
    uint64_t when;                     /* cycle */
    uint8_t  priority;                 /* lower first among equal cycles */
    bool     armed;
    struct timer *next;
    void   (*fire)(void *self, uint64_t when); /* `when` is the cycle asked for; now may be a few cycles later */
    void    *self;
};

/* A queue of timers. The board has one over the machine's clock; a VM's virtual devices have one of their own, which
 * the hypervisor runs when it has control. */
struct timeq {
    struct clock *clock;
    struct timer *head;
    void (*changed)(void *self); /* the head moved: the CPU must look at its deadline again; may be NULL */
    void *self;
};

#define TIMEQ_NEVER UINT64_MAX
void     timeq_arm(struct timeq *q, struct timer *t, uint64_t when); /* re-arms if armed */
void     timeq_cancel(struct timeq *q, struct timer *t);
uint64_t timeq_next(const struct timeq *q);                          /* TIMEQ_NEVER if empty */
void     timeq_run(struct timeq *q);                                 /* fires everything due at clock->now */

#endif
