/* What VMX a model has: the capability MSRs, and the bits VMX operation fixes. See vmx.h. SDM vol. 3B app. G (2006); 3C app. A.
 *
 * The idea: a table of four control words by generation says which bits may be 1; those that must be 1 ("default1") are the
 * manual's. The MSRs and the checks of VM entry read the same table, so a hypervisor that asks is never surprised. */
#include "sim/cpu/cpu.h"
#include "sim/cpu/vmcs.h"

enum {
    MSR_BASIC = 0x480, MSR_PIN, MSR_PROC, MSR_EXIT, MSR_ENTRY, MSR_MISC_, MSR_CR0_0, MSR_CR0_1, MSR_CR4_0, MSR_CR4_1,
    MSR_ENUM, MSR_PROC2, MSR_EPT_VPID, MSR_TRUE_PIN, MSR_TRUE_ENTRY = 0x490
};
enum { CR_TARGETS = 4, STATES = 7 /* HLT, shutdown, wait-for-SIPI */ };
#define CR0_FIXED (CR0_PG | CR0_NE | CR0_PE)

static const struct capability {
    uint32_t must, free; /* default1; those of them that the TRUE registers of later models let be 0 */
    uint32_t may[VMX_GENERATIONS];
} table[] = {
    [VMX_CONTROLS_PIN] = { 0x00000016, 0, { [VMX_FIRST] = VMX_PIN_INTERRUPT | VMX_PIN_NMI,
        [VMX_CORE2] = VMX_PIN_INTERRUPT | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI,
        [VMX_NEHALEM] = VMX_PIN_INTERRUPT | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMI | VMX_PIN_TIMER } },
#define PROC_FIRST (VMX_PROC_WINDOW | VMX_PROC_TSC_OFFSET | VMX_PROC_HLT | VMX_PROC_INVLPG | VMX_PROC_MWAIT | VMX_PROC_RDPMC | \
                    VMX_PROC_RDTSC | VMX_PROC_TPR_SHADOW | VMX_PROC_MOV_DR | VMX_PROC_IO | VMX_PROC_IO_BITMAPS | \
                    VMX_PROC_MSR_BITMAPS | VMX_PROC_MONITOR | VMX_PROC_PAUSE)
    [VMX_CONTROLS_PROC] = { 0x0401E172, VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE, { [VMX_FIRST] = PROC_FIRST,
        [VMX_CORE2] = PROC_FIRST | VMX_PROC_NMI_WINDOW,
        [VMX_NEHALEM] = PROC_FIRST | VMX_PROC_NMI_WINDOW | VMX_PROC_MONITOR_TRAP | VMX_PROC_SECONDARY } },
    [VMX_CONTROLS_EXIT] = { 0x00036DFF, VMX_EXIT_SAVE_DEBUG, { [VMX_FIRST] = VMX_EXIT_ACKNOWLEDGE,
        [VMX_CORE2] = VMX_EXIT_ACKNOWLEDGE, [VMX_NEHALEM] = VMX_EXIT_ACKNOWLEDGE | VMX_EXIT_SAVE_TIMER } },
    [VMX_CONTROLS_ENTRY] = { 0x000011FF, VMX_ENTRY_LOAD_DEBUG, { 0 } },
    [VMX_CONTROLS_PROC2] = { 0, 0, { [VMX_NEHALEM] = VMX_PROC2_APIC | VMX_PROC2_EPT | VMX_PROC2_VPID | VMX_PROC2_WBINVD | VMX_PROC2_AGILE } },
};

unsigned vmx_ept_levels(const struct cpu *c)
{
    if (c->model->vmx < VMX_NEHALEM || !c->model->cost[COST_CPU_EPT]) return 0;
    return c->model->second ? c->model->second : 4;
}

bool vmx_has_vpid(const struct cpu *c) { return c->model->vmx >= VMX_NEHALEM && c->model->cost[COST_CPU_VPID]; }

/* Of what later models may have this one may be without: EPT, VPID; without either, all that the second word is for. */
static uint32_t missing(const struct cpu *c, enum vmx_controls which)
{
    uint32_t none = (vmx_ept_levels(c) ? 0u : VMX_PROC2_EPT) | (vmx_has_vpid(c) ? 0u : VMX_PROC2_VPID);
    bool all = none == (VMX_PROC2_EPT | VMX_PROC2_VPID), agile = vmx_ept_levels(c) && (c->model->extras & EXTRA_AGILE);
    return which == VMX_CONTROLS_PROC2 ? none | (agile ? 0u : VMX_PROC2_AGILE) : which == VMX_CONTROLS_PROC && all ? VMX_PROC_SECONDARY : 0;
}

static bool has_true(const struct cpu *c) { return c->model->vmx >= VMX_NEHALEM; }

static struct vmx_allowed allowed(const struct cpu *c, enum vmx_controls which, bool freely)
{
    const struct capability *t = &table[which];
    return (struct vmx_allowed){ t->must & ~(freely ? t->free : 0u), (t->may[c->model->vmx] & ~missing(c, which)) | t->must };
}

struct vmx_allowed vmx_allowed(const struct cpu *c, enum vmx_controls which) { return allowed(c, which, has_true(c)); }

/* Of our own layout; by generation, so that a region made for one model is refused by another. */
uint32_t vmx_revision(const struct cpu *c) { return 0x52490000u + c->model->vmx; }

/* 31-0: revision; 44-32: size; 48: addresses of 32 bits; 53-50: memory type WB; 54: INS and OUTS tell about themselves; 55: TRUE */
static uint64_t basic(const struct cpu *c)
{
    return vmx_revision(c) | (uint64_t)VMCS_SIZE << 32 | 1ull << 48 | 6ull << 50 | 1ull << 54 | (uint64_t)has_true(c) << 55;
}

static uint64_t highest_field(unsigned generation)
{
    unsigned most = 0;
    for (const struct vmcs_field *f = vmcs_fields; f->name; f++)
        if (f->since <= generation && (f->encoding >> 1 & 0x1FF) > most) most = f->encoding >> 1 & 0x1FF;
    return most << 1;
}

/* 0: execute-only pages; 6: four levels (4 and 5: two and three, in no manual; 7: five); 8, 14: memory types UC and WB;
 * 16: pages of 2 MB; 20, 25, 26: INVEPT, one root or all; 32, 40-43: INVVPID, page, tag, all, tag but globals */
static uint64_t ept_vpid(const struct cpu *c)
{
    uint64_t ept = vmx_ept_levels(c) ? 1ull << 0 | 1ull << (vmx_ept_levels(c) + 2) | 1ull << 8 | 1ull << 14 | 1ull << 16 | 1ull << 20 | 3ull << 25 : 0;
    return ept | (vmx_has_vpid(c) ? 1ull << 32 | 15ull << 40 : 0);
}

static uint64_t pair(struct vmx_allowed a) { return (uint64_t)a.may << 32 | a.must; }

static bool has_secondary(const struct cpu *c) { return vmx_allowed(c, VMX_CONTROLS_PROC).may & VMX_PROC_SECONDARY; }

bool vmx_capability(const struct cpu *c, uint32_t msr, uint64_t *value)
{
    if (!c->model->vmx) return false;
    if (msr >= MSR_TRUE_PIN && msr <= MSR_TRUE_ENTRY) {
        *value = pair(allowed(c, (enum vmx_controls)(msr - MSR_TRUE_PIN), true));
        return has_true(c);
    }
    switch (msr) {
    case MSR_BASIC: *value = basic(c); return true;
    case MSR_PIN: case MSR_PROC: case MSR_EXIT: case MSR_ENTRY:
        *value = pair(allowed(c, (enum vmx_controls)(msr - MSR_PIN), false));
        return true;
    case MSR_MISC_: *value = (c->model->vmx >= VMX_NEHALEM ? (unsigned)VMX_TIMER_RATE : 0u) | STATES << 6 | CR_TARGETS << 16; return true;
    case MSR_CR0_0: *value = CR0_FIXED; return true;
    case MSR_CR0_1: *value = UINT32_MAX; return true;
    case MSR_CR4_0: *value = CR4_VMXE; return true;
    case MSR_CR4_1: *value = cpu_cr4_known(c); return true;
    case MSR_ENUM: *value = highest_field(c->model->vmx); return true;
    case MSR_PROC2: *value = pair(vmx_allowed(c, VMX_CONTROLS_PROC2)); return has_secondary(c);
    case MSR_EPT_VPID: *value = ept_vpid(c); return has_secondary(c);
    default: return false;
    }
}

bool vmx_cr0_fits(uint32_t cr0) { return (cr0 & CR0_FIXED) == CR0_FIXED; }
bool vmx_cr4_fits(const struct cpu *c, uint32_t cr4) { return (cr4 & CR4_VMXE) && !(cr4 & ~cpu_cr4_known(c)); }

/* ---- names ---- */

static const char *const names[VMX_REASONS] = {
#define VMX_REASON(number, NAME, control, word, about) [number] = word,
#include "sim/cpu/vmx_reason.def"
#undef VMX_REASON
};

const char *vmx_reason_name(unsigned reason) { return reason < VMX_REASONS && names[reason] ? names[reason] : "?"; }

void vmx_names(void)
{
    static const char *words[VMX_REASONS];
    for (unsigned k = 0; k < VMX_REASONS; k++) words[k] = vmx_reason_name(k);
    trace_names("vmx", words, VMX_REASONS);
}
