/* Who this CPU says it is. SDM vol. 2A, CPUID. */
#ifndef CPU_CPUID_H
#define CPU_CPUID_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* Family 15, model 4, stepping 3: Pentium 4 6x2 (Prescott 2M). What firmware's tables say whatever the model. */
#define CPUID_SIGNATURE 0x00000F43u
struct model;
/* EAX of leaf 1 in this model. Also what EDX holds after reset (SDM 3A 9.1.2). */
uint32_t cpuid_signature(const struct model *m);

/* EDX of leaf 1. */
enum cpuid_feature {
    FEATURE_FPU = 1u << 0, FEATURE_VME = 1u << 1, FEATURE_DE = 1u << 2, FEATURE_PSE = 1u << 3, FEATURE_TSC = 1u << 4,
    FEATURE_MSR = 1u << 5, FEATURE_PAE = 1u << 6, FEATURE_MCE = 1u << 7, FEATURE_CX8 = 1u << 8,
    FEATURE_APIC = 1u << 9 /* follows IA32_APIC_BASE */, FEATURE_SEP = 1u << 11, FEATURE_MTRR = 1u << 12,
    FEATURE_PGE = 1u << 13, FEATURE_MCA = 1u << 14, FEATURE_CMOV = 1u << 15, FEATURE_PAT = 1u << 16,
    FEATURE_PSE36 = 1u << 17, FEATURE_CLFLUSH = 1u << 19, FEATURE_MMX = 1u << 23, FEATURE_FXSR = 1u << 24
};
enum { CPUID_MONITOR = 1 << 3, CPUID_VMX = 1 << 5 }; /* ECX of leaf 1 */
/* ECX of leaf 7. */
enum { FEATURE7_UMIP = 1u << 2 };
#define FEATURE7_SEN (1u << 31) /* CR4.SEN: Ringside's own what-if, no manual's */
uint32_t cpuid_features(void); /* of a complete model, its local APIC aside */
bool cpuid_has(const struct cpu *c, enum cpuid_feature f);

/* EAX, EBX, ECX, EDX of a leaf; as on the P4, a leaf beyond the last gives the last basic leaf. */
void cpuid_leaf(const struct cpu *c, uint32_t leaf, uint32_t out[4]);

#endif
