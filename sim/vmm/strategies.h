/* Where strategies.c finds the techniques' tables; everyone else uses strategy.h. */
#ifndef VMM_STRATEGIES_H
#define VMM_STRATEGIES_H

#include "sim/vmm/strategy.h"

extern const struct cpu_strategy strategy_trap_emulate; /* trap_emulate.c */
extern const struct cpu_strategy strategy_bintrans;     /* bintrans.c */
extern const struct cpu_strategy strategy_vtx;          /* vtx.c */

extern const struct cpu_strategy strategy_paravirt;     /* paravirt.c */

#endif
