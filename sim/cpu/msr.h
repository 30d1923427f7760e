/* Model-specific registers, as a table: msr.def. SDM vol. 2, RDMSR and WRMSR; vol. 4.
 *
 * Idea: a row says where a register is, what may be written to it, and which rule does the rest; most are storage.
 * Their values live in struct cpu.msr, in the order of the table. */
#ifndef CPU_MSR_H
#define CPU_MSR_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* MSR_NAME: index of the first of a row's registers in struct cpu.msr. */
enum {
#define MSR(first, count, name, rule, reset, may, about) MSR_##name, MSR_LAST_##name = MSR_##name + (count) - 1,
#include "sim/cpu/msr.def"
#undef MSR
    MSR_COUNT
};
enum { MSR_SYSENTER_CS = MSR_SYSENTER, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP };

void msr_reset(struct cpu *c); /* RESET#, not INIT#, which leaves all of them alone. The TSC starts from 0 */
/* By address, as RDMSR and WRMSR do in ring 0. False: #GP(0), and nothing has changed. */
bool msr_read(struct cpu *c, uint32_t address, uint64_t *value);
bool msr_write(struct cpu *c, uint32_t address, uint64_t value);
/* Would that value be accepted, as far as bits go? */
bool msr_allowed(uint32_t address, uint64_t value);
enum { MSR_ADDRESS_DEBUGCTL = 0x1D9 };
/* What CPUID leaf 1 does besides answering: shows the microcode's revision in BIOS_SIGN. */
void msr_sign(struct cpu *c);

#endif
