/* Episodes: what happens between leaving the guest and resuming it, as one thing with its cost by cause.
 *
 * Idea 1: nobody announces an episode; it is read off the events as they pass. It begins with the first event of the chain
 * that leads to an EXIT (the fault or interrupt, then its gate; a VM exit), for the hardware's delivery belongs to what
 * leaving costs, and ends with the RETURN or VM entry that answers its RESUME (with the RESUME itself where no such event follows).
 * Idea 2: its cost is the difference of the clock's totals by cause at these two moments, so the episodes and what the
 * guest did between them add up to the run (design law 5).
 * Idea 3: what is known of an episode that has not ended lies in the machine's arena (struct episode_live) and so goes back
 * with time; the list of those that ended is history, cut where the events are cut.
 *
 * A guest that halts leaves for good: the hypervisor waits in its own idle loop, and the interrupt that ends the wait opens
 * the next episode. The one that ended in idling has `resumed` false, and the waiting is its CAUSE_IDLE.
 * TOUR trace.3: one visit to the hypervisor, with its price. */
#ifndef TRACE_EPISODE_H
#define TRACE_EPISODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim/core/clock.h"
#include "sim/core/text.h"
#include "sim/trace/cause.h"

struct event;
struct trace;

struct episode {
    uint64_t from, to;          /* cycles: the first event of the chain; the guest runs again */
    uint32_t first, exit, last; /* ids: that event, the EXIT (the episode's name), the last one */
    uint32_t cost[CAUSE_COUNT]; /* cycles; CAUSE_IDLE, which may be long, is what is left of to - from: episode_cost */
    uint32_t known;             /* id of the event by which it was known to be over: last, or the next one */
    uint8_t  reason;            /* ENUM(exit, reason) */
    bool     resumed;           /* false: it ended in the idle loop */
};

uint64_t episode_cost(const struct episode *p, unsigned cause); /* cycles, of idling, too */
uint64_t episode_cycles(const struct episode *p);              /* all causes but idling: what it cost */
/* The event of the visit that tells most about it: what was emulated, injected, filled. Never NULL for a kept history. */
const struct event *episode_telling(const struct trace *t, const struct episode *p);
unsigned episode_weight(unsigned kind);                        /* how much a kind of event tells; 0: nothing of its own */

/* Sums over episodes of one reason. */
struct episode_sum { uint64_t count, cycles, longest, by_cause[CAUSE_COUNT]; };
enum { EPISODE_REASONS = 256 };
/* Adds all episodes of `t` to sums[reason]; EPISODE_REASONS cleared rows. */
void episode_sums(const struct trace *t, struct episode_sum *sums);

/* One episode in one line, no newline; its JSON object on one line. */
void episode_line(const struct trace *t, const struct episode *p, struct text *out);
void episode_json(const struct trace *t, const struct episode *p, struct text *out);

/* --- for the trace itself --- */

struct episode_mark { uint32_t id, cause; uint64_t cycle, by_cause[CAUSE_COUNT]; };
enum { EPISODE_CHAIN = 3 };
struct episode_live {
    struct episode_mark chain[EPISODE_CHAIN]; /* the last events outside the hypervisor's C, from `newest` on, in a ring */
    uint8_t  newest;
    struct episode_mark open, left; /* where the open one began; its RESUME */
    uint32_t exit, last;            /* of the open one */
    uint8_t  reason, state;         /* enum episode_state */
};
enum episode_state { EPISODE_NONE, EPISODE_OPEN, EPISODE_LEAVING /* RESUME was seen, the guest does not run yet */ };

struct episodes { struct episode *list; size_t n, room; };
/* An event was emitted. True if it (or something before it) ended an episode: then *out is it. */
bool episode_event(struct episode_live *live, const struct clock *clock, const struct event *e, struct episode *out);

#endif
