/* See perf.h. */
#include "sim/cpu/perf.h"

#include "sim/trace/cause.h"

enum { ESCR_OS_OR_USR = 0xC, ESCR_EVENT = 25 /* first bit, of 6 */ };
enum { CCCR_ENABLE = 1 << 12, CCCR_SELECT = 13 /* first bit, of 3 */ };
enum { CCCR_ALWAYS = 1 << 18 | 1 << 19 | 15 << 20 /* compare, complement, threshold 15: at most 15 events a cycle */ };
#define COUNTER_MASK 0xFFFFFFFFFFull

enum source { SOURCE_NONE, SOURCE_CYCLES, SOURCE_INSNS };

/* Which event selector each group of counters can be given, by CCCR.SELECT, and what is counted of it. */
static const struct { uint8_t counter, select, event, source; uint16_t escr; } events[] = {
    { 0, 6, 0x13, SOURCE_CYCLES, 0x3A2 }, { 1, 6, 0x13, SOURCE_CYCLES, 0x3A2 },   /* BPU: FSB_ESCR0, GLOBAL_POWER_EVENTS */
    { 2, 6, 0x13, SOURCE_CYCLES, 0x3A3 }, { 3, 6, 0x13, SOURCE_CYCLES, 0x3A3 },
    { 12, 4, 0x02, SOURCE_INSNS, 0x3B8 }, { 13, 4, 0x02, SOURCE_INSNS, 0x3B8 },   /* IQ: CRU_ESCR0, INSTR_RETIRED */
    { 16, 4, 0x02, SOURCE_INSNS, 0x3B8 },
    { 14, 4, 0x02, SOURCE_INSNS, 0x3B9 }, { 15, 4, 0x02, SOURCE_INSNS, 0x3B9 }, { 17, 4, 0x02, SOURCE_INSNS, 0x3B9 }
};

static enum source source_of(const struct cpu *c, unsigned n)
{
    uint64_t cccr = c->msr[MSR_CCCR + n];
    if (!(cccr & CCCR_ENABLE)) return SOURCE_NONE;
    for (unsigned k = 0; k < sizeof events / sizeof events[0]; k++) {
        uint64_t escr = c->msr[MSR_ESCR + events[k].escr - 0x3A0u];
        if (events[k].counter != n || events[k].select != (cccr >> CCCR_SELECT & 7) || !(escr & ESCR_OS_OR_USR)) continue;
        if ((cccr & CCCR_ALWAYS) == CCCR_ALWAYS) return SOURCE_CYCLES;
        return (escr >> ESCR_EVENT & 0x3F) == events[k].event ? events[k].source : SOURCE_NONE;
    }
    return SOURCE_NONE;
}

/* Cycles in which the processor was not halted. The instruction that asks is counted, too. */
static uint64_t source_now(const struct cpu *c, enum source s)
{
    switch (s) {
    case SOURCE_CYCLES: return c->clock->now - c->clock->by_cause[CAUSE_IDLE];
    case SOURCE_INSNS: return c->insns - c->extra;
    default: return 0;
    }
}

uint64_t perf_read(const struct cpu *c, unsigned n)
{
    return (c->msr[MSR_COUNTER + n] + source_now(c, source_of(c, n)) - c->perf_since[n]) & COUNTER_MASK;
}

static void restart(struct cpu *c)
{
    for (unsigned n = 0; n < PERF_COUNTERS; n++) c->perf_since[n] = source_now(c, source_of(c, n));
}

void perf_reset(struct cpu *c) { restart(c); }

void perf_write(struct cpu *c, unsigned index, uint64_t value)
{
    for (unsigned n = 0; n < PERF_COUNTERS; n++) c->msr[MSR_COUNTER + n] = perf_read(c, n);
    c->msr[index] = value;
    restart(c);
}
