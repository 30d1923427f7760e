/* What people are told of an emulated instruction: its event with the value that tells most (a flag, a register, what a port gave), and
 * of a port access the port's own event behind it. Not here: what it does (emulate.c). */
#ifndef SIM_VMM_EMULATE_TELL_H
#define SIM_VMM_EMULATE_TELL_H

#include <stdint.h>
#include "sim/cpu/insn.h"

struct vcpu;

/* A port access as it was before the instruction that made it. */
struct port_access { uint16_t dx; uint32_t esi, edi; };

/* The events of instruction `i`, which was at guest address `eip` and has been executed on the virtual CPU; charges the device's cost. */
void emulate_tell(struct vcpu *v, const struct insn *i, uint32_t eip, const struct port_access *was);

#endif
