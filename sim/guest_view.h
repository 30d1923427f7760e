/* What a guest can see of its registers, as rows of name and value: what two machines are compared by. */
#ifndef SIM_GUEST_VIEW_H
#define SIM_GUEST_VIEW_H

#include "sim/machine.h"

enum { GUEST_VIEW_ROWS = 48 };
struct guest_view { unsigned n; struct { const char *name; uint32_t value; } at[GUEST_VIEW_ROWS]; };

/* Flags one by one, general and segment registers, EIP, CPL, control and table registers, in this order. */
void guest_view(const struct machine *m, struct guest_view *v);

#endif
