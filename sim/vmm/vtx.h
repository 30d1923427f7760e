/* The technique vtx, inside: what the hypervisor keeps beside the VMCS, and where its structures lie.
 *
 *   from WINDOW_POOL   what
 *   0000  the host's page directory: the window, and nothing else
 *   1000  VMXON region         2000  VMCS        3000  code: where exits arrive, launch, resume, VMXON at the start
 *   4000, 5000  I/O bitmaps    6000  MSR bitmaps
 * At the window's end, if VMs have APICs: the page that a guest's APIC is mapped to, and the page with its task priority.
 * TOUR vmm.12: the fourth: hardware that leaves by itself. */
#ifndef VMM_VTX_H
#define VMM_VTX_H

#include "sim/cpu/vmcs.h"
#include "sim/vmm/vcpu.h"

enum { VTX_DIRECTORY = WINDOW_POOL, VTX_REGION = WINDOW_POOL + 0x1000, VTX_VMCS = WINDOW_POOL + 0x2000,
       VTX_CODE = WINDOW_POOL + 0x3000, VTX_IO_BITMAPS = WINDOW_POOL + 0x4000, VTX_MSR_BITMAPS = WINDOW_POOL + 0x6000, VTX_RESERVE = 0x7000,
       VTX_APIC_PAGES = 2, VTX_APIC_ACCESS = WINDOW_SIZE - 2 * PAGE_SIZE, VTX_VIRTUAL_APIC = WINDOW_SIZE - PAGE_SIZE };
enum { VTX_ARRIVE = VTX_CODE, VTX_LAUNCH = VTX_CODE + 0x10, VTX_RESUME = VTX_CODE + 0x20, VTX_START = VTX_CODE + 0x30 };

/* What the VMCS holds of the guest, as far as we know: a field is written only if v->virt says otherwise. Parts that the
 * guest changes without leaving (segments, tables, CR0.TS) are stale until read; then v->virt is stale in the same way. */
struct vtx_held {
    struct seg_reg seg[SEG_COUNT], ldtr, tr;
    struct table_reg gdtr, idtr;
    uint32_t cr0, cr3, cr4, cr0_seen, cr4_seen, cr4_mask, eip, esp, eflags, dr7, blocked, pending, sysenter[3], exceptions, proc, proc2, threshold, tpr;
    uint32_t pin, debugctl;
    uint64_t tsc_offset, pdpte[4];
};

struct vtx {
    struct vtx_held held;
    struct vmmu_second second; /* levels 0: the guest runs on tables of ours, and its page faults leave */
    bool     apic;             /* hardware knows where the guest's APIC is: its task priority is the guest's own, other accesses leave */
    uint16_t vpid;             /* with a second level, if the CPU has tags */
    bool     fresh;            /* nothing was written yet */
    bool     launched;
    bool     has_segments, has_system; /* read since the guest left */
    uint32_t reason, qualification;    /* of the exit at hand */
    uint32_t vectoring, vectoring_code, length; /* the event it left in; length of it, or of the instruction */
    uint32_t event, code, event_length; /* to be injected by the next entry; 0: none */
    bool     rf;               /* what is injected pushes RF */
    bool     watches_fpu;      /* CR0.TS is ours, too, and set (lazy_fpu.h) */
    uint32_t last;             /* what the last entry injected, and whether that pushed RF */
    bool     last_rf;
};

/* Reads into v->virt what the guest may have changed without our seeing it: segments, CR0, CR4; and system registers. */
void vtx_need_segments(struct vcpu *v);
void vtx_need_system(struct vcpu *v);
/* For emulating the instruction at hand: of a plain one with a memory operand only CS and that operand's segment; else all. */
void vtx_need_operand(struct vcpu *v);
/* The guest's CPU is to be reset: nothing of what it was is read afterwards, and no event is on its way into it any more. */
void vtx_reset(struct vcpu *v);
/* v->virt into the VMCS, where they differ. */
void vtx_write_guest(struct vcpu *v);
/* Machine memory of the bitmaps that the VMCS names: which ports and which MSRs are the guest's own. */
void vtx_bitmaps(struct vcpu *v);
void vtx_ports(struct vcpu *v, uint16_t first, unsigned count, bool open);
/* The hardware's translations of the guest are stale, all or of one page. VM entry does that by itself, unless they have a tag. */
void vtx_forget(struct vcpu *v, const gva_t *page);
/* To be injected by the next entry, with its error code and the length of its instruction. vtx.c */
void vtx_queue(struct vcpu *v, uint32_t event, uint32_t code, uint32_t length);
/* struct cpu_strategy.handle. vtx_exit.c */
enum next vtx_handle(struct vcpu *v, const struct vmexit *in);
/* Would VM entry accept v->virt: protected mode, segment registers as protected mode loads them? */
bool vtx_fits(const struct vcpu *v);
/* VMREAD and VMWRITE by the hypervisor, charged. */
uint32_t vtx_read(const struct vcpu *v, enum vmcs_encoding field);
void     vtx_write(struct vcpu *v, enum vmcs_encoding field, uint32_t value);
/* Puts what was not read yet into a copy of v->virt, without effects. */
void vtx_show(const struct vcpu *v, struct cpu *shown);
void vtx_show_pdptes(const struct vcpu *v, uint64_t pdpte[4]);
/* The task priority that the guest has set, to its virtual APIC. */
void vtx_take_tpr(struct vcpu *v);
/* Controls and host state, which never change; EFLAGS, EIP, ESP and what else every exit needs. */
void vtx_write_host(struct vcpu *v);
void vtx_read_exit(struct vcpu *v);
/* Bits of CR0 that the guest does not have to itself: a store that changes one leaves. */
uint32_t vtx_cr0_owned(const struct vcpu *v);

#endif
