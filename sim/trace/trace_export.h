/* A history in other programs' formats. Addresses get their names from whoever knows the symbols. */
#ifndef TRACE_EXPORT_H
#define TRACE_EXPORT_H

#include "sim/trace/trace.h"

struct trace_export {
    const struct trace *t;
    uint64_t end;                     /* cycle at which the run ended */
    uint8_t  kernel_ring;             /* real ring of the guest's kernel */
    unsigned vms;                     /* 0: none */
    const uint64_t *by_cause;         /* CAUSE_COUNT totals of the run */
    const char *title;                /* "popf on te, model p4" */
    const char *(*symbol)(void *self, uint32_t eip, char *buf, size_t n);
    void *self;
};

/* The Trace Event Format that Perfetto and chrome://tracing read: one JSON object. 1 cycle = 1 ns; who ran when as threads, a
 * visit to the hypervisor with its cost by cause as arguments, interrupts and silent failures as instants, an arrow from the
 * guest to each visit and one back. */
void trace_perfetto(const struct trace_export *x, struct text *out);
/* Comma-separated values (RFC 4180), a line per event: id, cycle, moment, ring, event, eip, symbol, cause, episode, fields. */
void trace_csv(const struct trace_export *x, struct text *out);
/* Folded stacks for flame graphs, cycles as weight: the guest by whose code it is, the hypervisor's visits by reason, by the
 * guest's function that left, by cause. Exact: the weights add up to the run. */
void trace_folded(const struct trace_export *x, struct text *out);
/* Value Change Dump for wave viewers, 1 cycle = 1 ns: who ran as wires, VM, ring and visit as vectors, each kind of event as
 * pulses. */
void trace_vcd(const struct trace_export *x, struct text *out);

#endif
