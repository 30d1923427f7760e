/* CPUID's answers. See cpuid.h.
 *
 * The idea: the feature word claims exactly what the other files of this room do, so that a guest which asks first is
 * never surprised. SDM vol. 2A, CPUID, tables 3-8 and 3-12.
 * Not claimed because not there: DE (I/O breakpoints), PAE, MCE, SEP, PAT, CLFLUSH, SSE. */
#include "sim/cpu/cpuid.h"

#include <string.h>

enum {
    FEATURE_FPU = 1u << 0, FEATURE_VME = 1u << 1, FEATURE_PSE = 1u << 3, FEATURE_TSC = 1u << 4, FEATURE_MSR = 1u << 5, FEATURE_CX8 = 1u << 8, FEATURE_PGE = 1u << 13,
    FEATURE_CMOV = 1u << 15, FEATURE_MMX = 1u << 23, FEATURE_FXSR = 1u << 24
};

enum { LAST_BASIC = 2 };

static const uint32_t basic[LAST_BASIC + 1][4] = {
    /* EAX: the last leaf; EBX, EDX, ECX: "Genu" "ineI" "ntel" */
    { LAST_BASIC, 0x756E6547, 0x6C65746E, 0x49656E69 },
    { CPUID_SIGNATURE, 0, 0, FEATURE_FPU | FEATURE_VME | FEATURE_PSE | FEATURE_TSC | FEATURE_MSR | FEATURE_CX8 | FEATURE_PGE |
                             FEATURE_CMOV | FEATURE_MMX | FEATURE_FXSR },
    /* AL: ask once. 50h and 5Bh: instruction and data TLB, 64 entries, 4 KB and 4 MB pages; 40h: no L2 cache. */
    { 0x005B5001, 0, 0, 0x00000040 },
};

static const char brand[48] = "Ringside P4";

void cpuid_leaf(uint32_t leaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
    if (leaf == 0x80000000u) out[0] = 0x80000004u;
    else if (leaf >= 0x80000002u && leaf <= 0x80000004u) memcpy(out, brand + 16 * (leaf - 0x80000002u), 16);
    else if (leaf != 0x80000001u) memcpy(out, basic[leaf > LAST_BASIC ? LAST_BASIC : leaf], sizeof basic[0]);
}
