/* What VM entry demands of the controls and of the host state. SDM vol. 3B 22.2.1, 22.2.2 (2006); 3C 26.2.
 *
 * A list of small rules, each over one group of fields, in the manual's order. The first that is broken makes the
 * instruction fail (VMfailValid 7 or 8) with the guest not entered and nothing loaded. */
#include "sim/cpu/segment.h"
#include "sim/cpu/vmcs.h"

enum { MSR_ENTRY_SIZE = 16 };

static bool is_page(uint32_t low, uint32_t high) { return !high && !(low & ~PAGE_MASK); }

/* A physical address of 64 bits in a field: it must fit this machine's 32, and begin a page. */
static bool names_page(struct cpu *c, enum vmcs_offset field)
{
    return is_page(vmcs_get(c, field), vmcs_get(c, (enum vmcs_offset)(field + 4)));
}

static bool word_allowed(struct cpu *c, enum vmx_controls which, uint32_t word)
{
    struct vmx_allowed a = vmx_allowed(c, which);
    return (word & a.must) == a.must && !(word & ~a.may);
}

static uint32_t secondary(struct cpu *c) { return vmcs_get(c, VMCS_PROC) & VMX_PROC_SECONDARY ? vmcs_get(c, VMCS_PROC2) : 0; }

/* The threshold must not be above the TPR, save where the TPR is in a page that is watched: then the guest leaves at once. */
static bool tpr_good(struct cpu *c, uint32_t proc)
{
    enum { VIRTUAL_TPR = 0x80 };
    uint32_t threshold = vmcs_get(c, VMCS_TPR_THRESHOLD);
    if (!(proc & VMX_PROC_TPR_SHADOW)) return true;
    if (!names_page(c, VMCS_VIRTUAL_APIC) || threshold >> 4) return false;
    if (secondary(c) & VMX_PROC2_APIC) return true;
    return threshold <= (vmcs_peek(c, vmcs_get(c, VMCS_VIRTUAL_APIC) + VIRTUAL_TPR) >> 4 & 15);
}

/* SDM 3C 26.2.1.1 */
static bool secondary_good(struct cpu *c)
{
    enum { HIGH = 36 };
    uint32_t proc2 = vmcs_get(c, VMCS_PROC2);
    uint64_t eptp = vmcs_get64(c, VMCS_EPTP);
    unsigned type = eptp & VMX_EPTP_TYPE, levels = (eptp >> VMX_EPTP_LEVELS & 7) + 1;
    if (!word_allowed(c, VMX_CONTROLS_PROC2, proc2)) return false;
    if ((proc2 & VMX_PROC2_VPID) && !vmcs_get(c, VMCS_VPID)) return false;
    if ((proc2 & VMX_PROC2_APIC) && !names_page(c, VMCS_APIC_ACCESS)) return false;
    if (!(proc2 & VMX_PROC2_EPT)) return !(proc2 & VMX_PROC2_AGILE);
    return (type == 0 || type == VMX_EPTP_WRITE_BACK) && levels == vmx_ept_levels(c) && !(eptp & VMX_EPTP_RESERVED) && !(eptp >> HIGH);
}

static bool execution_good(struct cpu *c)
{
    uint32_t pin = vmcs_get(c, VMCS_PIN), proc = vmcs_get(c, VMCS_PROC);
    if (!word_allowed(c, VMX_CONTROLS_PIN, pin) || !word_allowed(c, VMX_CONTROLS_PROC, proc)) return false;
    if ((proc & VMX_PROC_SECONDARY) && !secondary_good(c)) return false;
    if (vmcs_get(c, VMCS_CR3_TARGETS) > 4) return false;
    if ((proc & VMX_PROC_IO_BITMAPS) && !(names_page(c, VMCS_IO_BITMAP_A) && names_page(c, VMCS_IO_BITMAP_B))) return false;
    if ((proc & VMX_PROC_MSR_BITMAPS) && !names_page(c, VMCS_MSR_BITMAP)) return false;
    if (!tpr_good(c, proc)) return false;
    if (!(pin & VMX_PIN_NMI) && (pin & VMX_PIN_VIRTUAL_NMI)) return false;
    return (pin & VMX_PIN_VIRTUAL_NMI) || !(proc & VMX_PROC_NMI_WINDOW);
}

/* A list of MSRs lies wholly below 4 GB, on a boundary of its entries. */
static bool list_good(struct cpu *c, enum vmcs_offset count, enum vmcs_offset at)
{
    uint64_t n = vmcs_get(c, count), first = vmcs_get64(c, at);
    return !n || (!(first % MSR_ENTRY_SIZE) && first <= UINT32_MAX && first + n * MSR_ENTRY_SIZE - 1 <= UINT32_MAX);
}

static bool exit_good(struct cpu *c)
{
    bool saves = vmcs_get(c, VMCS_EXIT) & VMX_EXIT_SAVE_TIMER, counts = vmcs_get(c, VMCS_PIN) & VMX_PIN_TIMER;
    return word_allowed(c, VMX_CONTROLS_EXIT, vmcs_get(c, VMCS_EXIT)) && (counts || !saves) && list_good(c, VMCS_EXIT_STORES, VMCS_EXIT_STORE_AT) &&
           list_good(c, VMCS_EXIT_LOADS, VMCS_EXIT_LOAD_AT);
}

/* Exceptions that push an error code. SDM 3A table 6-1 */
static bool pushes_code(unsigned vector)
{
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

static bool event_good(struct cpu *c)
{
    enum { VECTOR = 0xFF, RESERVED = 0x7FFFF000, LAST_EXCEPTION = 31, LONGEST = 15 };
    uint32_t event = vmcs_get(c, VMCS_ENTRY_EVENT), vector = event & VECTOR, length = vmcs_get(c, VMCS_ENTRY_LENGTH);
    unsigned type = vmx_event_type(event);
    if (!(event & VMX_EVENT_VALID)) return true;
    if (type == VMX_EVENT_RESERVED || (event & RESERVED)) return false;
    if (type == VMX_EVENT_OTHER && !(vmx_allowed(c, VMX_CONTROLS_PROC).may & VMX_PROC_MONITOR_TRAP)) return false;
    if (type == VMX_EVENT_OTHER && vector) return false;
    if (type == VMX_EVENT_NMI && vector != VEC_NMI) return false;
    if (type == VMX_EVENT_EXCEPTION && vector > LAST_EXCEPTION) return false;
    if (!!(event & VMX_EVENT_CODE) != (type == VMX_EVENT_EXCEPTION && pushes_code(vector))) return false;
    if ((event & VMX_EVENT_CODE) && !vmx_code_fits(vmcs_get(c, VMCS_ENTRY_CODE))) return false;
    bool soft = type >= VMX_EVENT_SOFT_INT && type <= VMX_EVENT_SOFT_EXCEPTION;
    return !soft || (length && length <= LONGEST);
}

static bool entry_good(struct cpu *c)
{
    return word_allowed(c, VMX_CONTROLS_ENTRY, vmcs_get(c, VMCS_ENTRY)) && event_good(c) &&
           list_good(c, VMCS_ENTRY_LOADS, VMCS_ENTRY_LOAD_AT);
}

bool vmx_check_controls(struct cpu *c) { return execution_good(c) && exit_good(c) && entry_good(c); }

bool vmx_check_host(struct cpu *c)
{
    enum { RPL_TI = 7, SELECTORS = 7 /* ES CS SS DS FS GS TR */ };
    if (!vmx_cr0_fits(vmcs_get(c, VMCS_HOST_CR0)) || !vmx_cr4_fits(c, vmcs_get(c, VMCS_HOST_CR4))) return false;
    for (unsigned n = 0; n < SELECTORS; n++)
        if (vmcs_get(c, vmcs_nth(VMCS_HOST_ES, n)) & RPL_TI) return false;
    return vmcs_get(c, VMCS_HOST_CS) && vmcs_get(c, VMCS_HOST_SS) && vmcs_get(c, VMCS_HOST_TR);
}
