/* CPUID's answers. See cpuid.h.
 *
 * The idea: the feature word claims exactly what the other files of this room do, so that a guest which asks first is
 * never surprised; what a model does without (struct model) is neither claimed nor done. SDM vol. 2A, CPUID, tables 3-8
 * and 3-12. Not claimed because not there: SSE, debug store, ACPI clock control, self-snoop, HTT, NX. */
#include "sim/cpu/cpuid.h"

#include <string.h>
#include "sim/cpu/exec.h"
#include "sim/cpu/monitor.h"
#include "sim/cpu/msr.h"

enum { LAST_BASIC = 2, LAST_MONITOR = 5, LAST_EXTRA = 7 /* of a model with extras */, CLFLUSH_LINE = 64 / 8 << 8 };
#define LAST_EXTENDED 0x80000008u
enum {
    FEATURES = FEATURE_FPU | FEATURE_VME | FEATURE_DE | FEATURE_PSE | FEATURE_TSC | FEATURE_MSR | FEATURE_PAE |
               FEATURE_MCE | FEATURE_CX8 | FEATURE_SEP | FEATURE_MTRR | FEATURE_PGE | FEATURE_MCA | FEATURE_CMOV |
               FEATURE_PAT | FEATURE_PSE36 | FEATURE_CLFLUSH | FEATURE_MMX | FEATURE_FXSR
};

static const uint32_t basic[LAST_BASIC + 1][4] = {
    /* EAX: the last leaf; EBX, EDX, ECX: "Genu" "ineI" "ntel" */
    { LAST_BASIC, 0x756E6547, 0x6C65746E, 0x49656E69 },
    { 0 /* cpuid_signature */, CLFLUSH_LINE, 0, FEATURES },
    /* AL: ask once. 51h: instruction TLB, 128 entries; 5Bh: data TLB, 64; both 4 KB and 4 MB pages; 40h: no L2 cache. */
    { 0x005B5101, 0, 0, 0x00000040 },
};

uint32_t cpuid_features(void) { return FEATURES; }

uint32_t cpuid_signature(const struct model *m)
{
    uint32_t model = m->cost[COST_CPU_MODEL];
    return m->cost[COST_CPU_STEPPING] | (model & 15) << 4 | m->cost[COST_CPU_FAMILY] << 8 | (model >> 4) << 16;
}

static uint32_t features(const struct cpu *c)
{
    return (FEATURES & ~c->model->without) | (c->apic_base & APIC_BASE_ENABLE ? FEATURE_APIC : 0u);
}

bool cpuid_has(const struct cpu *c, enum cpuid_feature f) { return features(c) & (uint32_t)f; }

static uint32_t features7(const struct cpu *c)
{
    uint32_t e = c->model->extras;
    return (e & EXTRA_UMIP ? (uint32_t)FEATURE7_UMIP : 0u) | (e & EXTRA_VIRTUALIZABLE ? FEATURE7_SEN : 0u);
}

static void basic_leaf(const struct cpu *c, uint32_t leaf, uint32_t out[4])
{
    bool monitor = monitor_there(c);
    uint32_t last = features7(c) ? LAST_EXTRA : monitor ? LAST_MONITOR : LAST_BASIC;
    if (leaf > last) leaf = last;
    if (leaf <= LAST_BASIC) memcpy(out, basic[leaf], sizeof basic[0]);
    if (leaf == 0) out[0] = last;
    if (leaf == 1) out[0] = cpuid_signature(c->model);
    if (leaf == 1) out[3] = features(c);
    if (leaf == 1) out[2] = (c->model->vmx ? (uint32_t)CPUID_VMX : 0u) | (monitor ? (uint32_t)CPUID_MONITOR : 0u);
    if (leaf == 5 && monitor) out[0] = out[1] = MONITOR_LINE; /* smallest and largest line */
    if (leaf == 7) out[2] = features7(c);
}

/* "Ringside p4", in 48 bytes with zeros behind it. */
static void brand(const struct cpu *c, unsigned part, uint32_t out[4])
{
    char name[48] = "Ringside ";
    strncat(name, c->model->name, sizeof name - sizeof "Ringside ");
    memcpy(out, name + 16 * part, 16);
}

void cpuid_leaf(const struct cpu *c, uint32_t leaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof out[0]);
    switch (leaf) {
    case 0x80000000u: out[0] = LAST_EXTENDED; break;
    case 0x80000002u: case 0x80000003u: case 0x80000004u: brand(c, leaf - 0x80000002u, out); break;
    case 0x80000001u: case 0x80000005u: case 0x80000006u: case 0x80000007u: break;
    case LAST_EXTENDED: out[0] = 32 << 8 | 36; break; /* bits of a linear and of a physical address */
    default: basic_leaf(c, leaf, out);
    }
}

enum step exec_cpuid(struct cpu *c, const struct insn *i)
{
    uint32_t out[4], leaf = c->reg[EAX];
    if (c->vmx.nonroot) return vmx_leave(c, i, VMX_CPUID, 0);
    cpuid_leaf(c, leaf, out);
    if (leaf == 7 && c->reg[ECX]) memset(out, 0, sizeof out); /* of its subleaves there is only the first */
    if (leaf == 1) msr_sign(c);
    c->reg[EAX] = out[0];
    c->reg[EBX] = out[1];
    c->reg[ECX] = out[2];
    c->reg[EDX] = out[3];
    return STEP_OK;
}
