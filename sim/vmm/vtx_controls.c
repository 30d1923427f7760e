/* What a VMCS says of the hypervisor: which of the guest's doings leave, what entries and exits do, and the state that exits load. See vtx.h.
 * SDM vol. 3B 20.5 (host state), 20.6-20.8 (controls), 21.2 (bitmaps). */
#include <stddef.h>
#include "sim/cpu/vmcs.h"
#include "sim/vmm/vm.h"
#include "sim/vmm/vtx.h"

static struct cpu *real_cpu(const struct vcpu *v) { return v->vmm->board.cpu; }
static bool two_levels(const struct vcpu *v) { return v->vtx->second.levels; }
static enum vmcs_encoding nth(enum vmcs_encoding first, unsigned n) { return (enum vmcs_encoding)(first + 2 * n); }

/* What the capability MSR of a control word wants set, and of the rest what we want. */
static void put_word(struct vcpu *v, enum vmcs_encoding field, enum vmx_controls which, uint32_t wanted)
{
    vtx_write(v, field, wanted | vmx_allowed(real_cpu(v), which).must);
}

static void set_bit(const struct vcpu *v, uint32_t at, uint32_t bit, bool open)
{
    uint8_t byte, mask = (uint8_t)(1u << bit % 8);
    bus_peek(v->vmm->board.bus, window_hpa(&v->window, at + bit / 8), &byte, 1);
    byte = (uint8_t)(open ? byte & ~mask : byte | mask);
    bus_poke(v->vmm->board.bus, window_hpa(&v->window, at + bit / 8), &byte, 1);
}

static void open_bit(const struct vcpu *v, uint32_t at, uint32_t bit) { set_bit(v, at, bit, true); }

void vtx_ports(struct vcpu *v, uint16_t first, unsigned count, bool open)
{
    for (unsigned k = 0; k < count; k++) set_bit(v, VTX_IO_BITMAPS, first + k, open);
}

/* All leave, but for ports that the person opens, which are the real board's then (Xen and KVM left 80h open, for guests that wait by
 * writing to it), and for MSRs that the VMCS switches: SYSENTER's. */
void vtx_bitmaps(struct vcpu *v)
{
    enum { ALL = VTX_RESERVE + WINDOW_POOL - VTX_IO_BITMAPS, PORTS = 0x10000, WRITES = 0x800, SYSENTER_CS = 0x174 };
    const struct vmm_board *b = &v->vmm->board;
    const uint32_t *setting = b->setting, ones = UINT32_MAX;
    for (uint32_t k = 0; k < ALL; k += sizeof ones) bus_poke(b->bus, window_hpa(&v->window, VTX_IO_BITMAPS + k), &ones, sizeof ones);
    for (uint32_t k = 0; k < setting[SETTING_VTX_PORTS] && setting[SETTING_VTX_PORT] + k < PORTS; k++)
        open_bit(v, VTX_IO_BITMAPS, setting[SETTING_VTX_PORT] + k);
    for (uint32_t n = 0; n < 3 && setting[SETTING_VTX_MSRS]; n++) {
        open_bit(v, VTX_MSR_BITMAPS, SYSENTER_CS + n);
        open_bit(v, VTX_MSR_BITMAPS + WRITES, SYSENTER_CS + n);
    }
}

/* EPT, and a tag if there are any. */
static void write_second(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    uint32_t eptp = t->second.root | (t->second.levels - 1u) << VMX_EPTP_LEVELS | VMX_EPTP_WRITE_BACK;
    t->vpid = vmx_has_vpid(real_cpu(v)) ? (uint16_t)(v->vm - v->vmm->vm + 1) : 0;
    vtx_write(v, VMX_FIELD_EPTP, eptp);
    vtx_write(v, (enum vmcs_encoding)(VMX_FIELD_EPTP + 1), 0);
    if (t->vpid) vtx_write(v, VMX_FIELD_VPID, t->vpid);
}

/* INVVPID of a page, or INVEPT. What is named by its root and by no tag outlives VM entries and exits. */
void vtx_forget(struct vcpu *v, const gva_t *page)
{
    const struct vtx *t = v->vtx;
    const struct cpu *real = real_cpu(v);
    if (!two_levels(v) || (page && !t->vpid)) return;
    struct space_match match = { .by_root = true, .root = t->second.root, .keep_untagged = true };
    if (page) match = (struct space_match){ .by_vpid = true, .vpid = t->vpid, .by_page = true, .page = *page, .keep_untagged = true };
    real->env.invalidate(real->env.mmu, &match);
    clock_charge(v->vmm->board.clock, CAUSE_DISPATCH, v->vmm->board.model->cost[COST_VMPTR]);
}

void vtx_write_host(struct vcpu *v)
{
    struct vtx *t = v->vtx;
    const struct cpu *real = real_cpu(v);
    uint32_t second = (two_levels(v) ? 0u : VMX_PROC_INVLPG) | (two_levels(v) || t->apic ? VMX_PROC_SECONDARY : 0u);
    t->held.proc = vmx_allowed(real, VMX_CONTROLS_PROC).must | VMX_PROC_CR3_LOAD | VMX_PROC_CR3_STORE | VMX_PROC_HLT | second |
                   VMX_PROC_RDPMC | VMX_PROC_MWAIT | VMX_PROC_MONITOR | VMX_PROC_MOV_DR | VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAPS | VMX_PROC_TSC_OFFSET;
    t->held.pin = vmx_allowed(real, VMX_CONTROLS_PIN).must | VMX_PIN_INTERRUPT;
    vtx_write(v, VMX_FIELD_PIN, t->held.pin);
    put_word(v, VMX_FIELD_EXIT, VMX_CONTROLS_EXIT, VMX_EXIT_SAVE_DEBUG | VMX_EXIT_ACKNOWLEDGE);
    put_word(v, VMX_FIELD_ENTRY, VMX_CONTROLS_ENTRY, VMX_ENTRY_LOAD_DEBUG);
    if (two_levels(v)) write_second(v);
    if (t->apic) {
        vtx_write(v, VMX_FIELD_APIC_ACCESS, window_hpa(&v->window, VTX_APIC_ACCESS).v);
        vtx_write(v, VMX_FIELD_VIRTUAL_APIC, window_hpa(&v->window, VTX_VIRTUAL_APIC).v);
    }
    vtx_write(v, VMX_FIELD_CR0_MASK, vtx_cr0_owned(v));
    vtx_write(v, VMX_FIELD_IO_BITMAP_A, window_hpa(&v->window, VTX_IO_BITMAPS).v);
    vtx_write(v, VMX_FIELD_IO_BITMAP_B, window_hpa(&v->window, VTX_IO_BITMAPS + PAGE_SIZE).v);
    vtx_write(v, VMX_FIELD_MSR_BITMAP, window_hpa(&v->window, VTX_MSR_BITMAPS).v);
    vtx_write(v, VMX_FIELD_GUEST_LINK, UINT32_MAX);
    vtx_write(v, (enum vmcs_encoding)(VMX_FIELD_GUEST_LINK + 1), UINT32_MAX);
    for (unsigned n = 0; n < SEG_COUNT; n++) vtx_write(v, nth(VMX_FIELD_HOST_ES, n), n == SEG_CS ? WINDOW_CS : WINDOW_SS);
    vtx_write(v, VMX_FIELD_HOST_TR, WINDOW_TR);
    vtx_write(v, VMX_FIELD_HOST_TR_BASE, real->tr.base);
    vtx_write(v, VMX_FIELD_HOST_GDTR_BASE, real->gdtr.base);
    vtx_write(v, VMX_FIELD_HOST_IDTR_BASE, real->idtr.base);
    vtx_write(v, VMX_FIELD_HOST_CR0, real->cr0);
    vtx_write(v, VMX_FIELD_HOST_CR3, real->cr3);
    vtx_write(v, VMX_FIELD_HOST_CR4, real->cr4);
    vtx_write(v, VMX_FIELD_HOST_EIP, WINDOW_BASE + VTX_ARRIVE);
    vtx_write(v, VMX_FIELD_HOST_ESP, WINDOW_BASE + WINDOW_FRAME_AT + (uint32_t)offsetof(struct window_frame, vector));
}
