/* Parts of narration: an exception's name, and a whole visit to the hypervisor, in full words. */
#ifndef TUI_NARRATE_VISIT_H
#define TUI_NARRATE_VISIT_H

#include "sim/machine.h"

/* "page fault at address 00400000, error code 4"; "interrupt 80 hex". */
void narrate_vector(unsigned vector, uint32_t code, uint32_t addr, struct text *out);
/* Of the EXIT `e`: "general protection fault, error code 0, for a port access. The hypervisor writes 41 hex to the virtual port 3F8 hex. It took ..." */
void narrate_visit(const struct machine *m, const struct event *e, struct text *out);

#endif
