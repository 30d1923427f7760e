/* The page where a guest believes its local APIC to be. See vmx.h. SDM vol. 3C 29.1, 29.3, 29.4 (later models; the first generation has but
 * MOV to CR8 for its TPR shadow, which 32-bit mode lacks).
 *
 * Idea: data accesses are judged where they are translated, by the slow path of mem.c: the page gets no fast tags. The task-priority
 * register alone is the guest's, in its virtual-APIC page: an access to it goes there instead, and a store that brings it below the
 * threshold leaves behind the instruction. Every other access leaves in the place of its instruction.
 * Not modelled: registers in this page but the TPR; accesses by page walks. */
#include "sim/cpu/debug.h"
#include "sim/cpu/vmcs.h"

enum { TPR = 0x80, TPR_BYTES = 4, CLASS = 4 /* shift */ };

static bool here(const struct cpu *c, hpa_t at) { return c->vmx.apic && (at.v & PAGE_MASK) == c->vmx.apic_page; }

static bool is_tpr(const struct cpu *c, uint32_t offset, unsigned n)
{
    return (c->vmx.proc & VMX_PROC_TPR_SHADOW) && offset >= TPR && offset + n <= TPR + TPR_BYTES;
}

bool vmx_apic(struct cpu *c, hpa_t at, unsigned n, enum vmx_apic_access how, hpa_t *instead)
{
    uint32_t offset = at.v & (PAGE_SIZE - 1);
    *instead = at;
    if (!here(c, at)) return true;
    if (how != VMX_APIC_FETCH && is_tpr(c, offset, n)) {
        *instead = hpa(c->vmx.virtual_apic + offset);
        return true;
    }
    c->fault = (struct fault){ .second = SECOND_APIC, .code = offset | (uint32_t)how << VMX_APIC_HOW };
    return false;
}

void vmx_tpr_stored(struct cpu *c)
{
    if (!(c->vmx.proc & VMX_PROC_TPR_SHADOW) || (vmcs_peek(c, c->vmx.virtual_apic + TPR) >> CLASS & 15) >= c->vmx.tpr_threshold) return;
    c->vmx.tpr_low = true;
    c->break_at = 0;
}
