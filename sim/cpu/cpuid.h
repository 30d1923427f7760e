/* Who this CPU says it is. SDM vol. 2A, CPUID. */
#ifndef CPU_CPUID_H
#define CPU_CPUID_H

#include <stdint.h>

/* Family 15, model 4, stepping 3: Pentium 4 6x2 (Prescott 2M). Also what EDX holds after reset (SDM 3A 9.1.2). */
#define CPUID_SIGNATURE 0x00000F43u

enum { CPUID_APIC = 1 << 9 }; /* EDX of leaf 1; not cpuid_leaf's to say, for it follows IA32_APIC_BASE */

/* EAX, EBX, ECX, EDX of a leaf; as on the P4, a leaf beyond the last gives the last basic leaf. */
void cpuid_leaf(uint32_t leaf, uint32_t out[4]);

#endif
