/* What VM entry demands of the guest state. SDM vol. 3B 22.3.1 (2006); 3C 26.3.1.
 *
 * Read out of the VMCS into struct guest once, then judged group by group in the manual's order: what could not have come
 * about on a bare processor is refused, so that hardware never runs in a state nobody designed. A broken rule is an exit
 * (reason 33 with bit 31), not a failed instruction, for by then the entry has begun. */
#include "sim/cpu/debug.h"
#include "sim/cpu/segment.h"
#include "sim/cpu/vmcs.h"

/* Exit qualifications. 3C 26.7 */
enum { WHY_OTHER = 0, WHY_PDPTES = 2, WHY_NMI = 3, WHY_LINK = 4 };
enum { REG_LDTR = SEG_COUNT, REG_TR, REGS };
enum { AR_UNUSABLE = 1 << 16, AR_KNOWN = 0x1F0FF };

struct segment { uint32_t sel, base, limit, ar; };
struct guest {
    uint32_t cr0, cr3, cr4, flags, event, interruptibility, activity, pending;
    struct segment seg[REGS];
};

static void read_guest(struct cpu *c, struct guest *g)
{
    const uint8_t *h = vmcs_hand(c, VMCS_PART_GUEST | VMCS_PART_CONTROLS, false);
    *g = (struct guest){ .cr0 = vmcs_from(c, h, VMCS_GUEST_CR0), .cr3 = vmcs_from(c, h, VMCS_GUEST_CR3),
        .cr4 = vmcs_from(c, h, VMCS_GUEST_CR4), .flags = vmcs_from(c, h, VMCS_GUEST_EFLAGS), .event = vmcs_from(c, h, VMCS_ENTRY_EVENT),
        .interruptibility = vmcs_from(c, h, VMCS_GUEST_INTERRUPTIBILITY), .activity = vmcs_from(c, h, VMCS_GUEST_ACTIVITY),
        .pending = vmcs_from(c, h, VMCS_GUEST_PENDING_DEBUG) };
    for (unsigned n = 0; n < REGS; n++)
        g->seg[n] = (struct segment){ vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES, n)), vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_BASE, n)),
                                      vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_LIMIT, n)), vmcs_from(c, h, vmcs_nth(VMCS_GUEST_ES_AR, n)) };
}

/* ---- control registers, EFLAGS ---- */

static bool registers_good(struct cpu *c, const struct guest *g)
{
    if (!vmx_cr0_fits(g->cr0) || !vmx_cr4_fits(c, g->cr4)) return false; /* NW and CD are not looked at: VM entry leaves them as they are */
    if ((vmcs_get(c, VMCS_ENTRY) & VMX_ENTRY_LOAD_DEBUG) && !msr_allowed(MSR_ADDRESS_DEBUGCTL, vmcs_get64(c, VMCS_GUEST_DEBUGCTL)))
        return false;
    enum { ZERO = 1 << 3 | 1 << 5 | 1 << 15, HIGH = 22 };
    if ((g->flags & ZERO) || g->flags >> HIGH || !(g->flags & FLAG_ONE)) return false;
    bool interrupt = (g->event & VMX_EVENT_VALID) && vmx_event_type(g->event) == VMX_EVENT_INTERRUPT;
    return !interrupt || (g->flags & FLAG_IF);
}

/* ---- segment registers ---- */

static bool usable(const struct segment *s) { return !(s->ar & AR_UNUSABLE); }
static unsigned dpl(const struct segment *s) { return s->ar >> 5 & 3; }
static unsigned type(const struct segment *s) { return s->ar & AR_TYPE; }

/* G says how the limit was written: in bytes it has no ones in its upper 12 bits, in pages no zeros in its lower. */
static bool limit_good(const struct segment *s)
{
    bool pages = s->ar & AR_G;
    return pages ? (s->limit & 0xFFF) == 0xFFF : !(s->limit >> 20);
}

/* Bits that any usable register must have set or clear: P, S as given, nothing reserved. */
static bool rights_good(const struct segment *s, unsigned s_bit)
{
    return (s->ar & (AR_P | AR_S)) == (AR_P | s_bit) && !(s->ar & ~(uint32_t)AR_KNOWN) && limit_good(s);
}

static bool code_good(const struct guest *g)
{
    const struct segment *cs = &g->seg[SEG_CS];
    if ((type(cs) & (AR_CODE | AR_ACCESSED)) != (AR_CODE | AR_ACCESSED) || !rights_good(cs, AR_S)) return false;
    bool conforming = type(cs) & AR_DOWN;
    return conforming ? dpl(cs) <= dpl(&g->seg[SEG_SS]) : dpl(cs) == dpl(&g->seg[SEG_SS]);
}

static bool stack_good(const struct guest *g)
{
    const struct segment *ss = &g->seg[SEG_SS];
    if (sel_rpl((uint16_t)ss->sel) != sel_rpl((uint16_t)g->seg[SEG_CS].sel)) return false;
    if (dpl(ss) != sel_rpl((uint16_t)ss->sel)) return false;
    if (!usable(ss)) return true;
    return (type(ss) & ~(unsigned)AR_DOWN) == (AR_WRITE | AR_ACCESSED) && rights_good(ss, AR_S);
}

static bool data_good(const struct segment *s)
{
    if (!usable(s)) return true;
    unsigned t = type(s);
    if (!(t & AR_ACCESSED) || ((t & AR_CODE) && !(t & AR_WRITE)) || !rights_good(s, AR_S)) return false;
    bool conforming = (t & (AR_CODE | AR_DOWN)) == (AR_CODE | AR_DOWN);
    return conforming || dpl(s) >= sel_rpl((uint16_t)s->sel);
}

static bool v86_good(const struct guest *g)
{
    enum { V86_AR = 0xF3 };
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        const struct segment *s = &g->seg[n];
        if (s->base != s->sel << 4 || s->limit != 0xFFFF || s->ar != V86_AR) return false;
    }
    return true;
}

static bool system_good(const struct guest *g)
{
    enum { TI = 4 };
    const struct segment *tr = &g->seg[REG_TR], *ldtr = &g->seg[REG_LDTR];
    if ((tr->sel & TI) || !usable(tr) || !rights_good(tr, 0)) return false;
    if (type(tr) != SYS_TSS16_BUSY && type(tr) != SYS_TSS32_BUSY) return false;
    return !usable(ldtr) || (!(ldtr->sel & TI) && type(ldtr) == SYS_LDT && rights_good(ldtr, 0));
}

static bool segments_good(const struct guest *g)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    if (!system_good(g)) return false;
    if (g->flags & FLAG_VM) return v86_good(g);
    for (unsigned n = 0; n < sizeof data; n++)
        if (!data_good(&g->seg[data[n]])) return false;
    return code_good(g) && stack_good(g);
}

/* ---- what a guest has besides registers ---- */

/* In a state that waits, only what would end it can be injected. */
static bool activity_good(const struct guest *g)
{
    unsigned t = vmx_event_type(g->event), vector = g->event & 0xFF;
    bool nmi = t == VMX_EVENT_NMI, mc = t == VMX_EVENT_EXCEPTION && vector == 18;
    if (g->activity > VMX_WAIT_SIPI) return false;
    if (g->activity == VMX_HALTED && dpl(&g->seg[SEG_SS])) return false;
    if (g->activity != VMX_ACTIVE && (g->interruptibility & (VMX_BLOCKED_STI | VMX_BLOCKED_MOV_SS))) return false;
    if (!(g->event & VMX_EVENT_VALID) || g->activity == VMX_ACTIVE) return true;
    if (g->activity == VMX_SHUTDOWN) return nmi || mc;
    if (g->activity == VMX_WAIT_SIPI) return false;
    return t == VMX_EVENT_INTERRUPT || nmi || mc || (t == VMX_EVENT_EXCEPTION && vector == VEC_DB) || t == VMX_EVENT_OTHER;
}

static bool interruptibility_good(struct cpu *c, const struct guest *g, uint32_t *why)
{
    enum { KNOWN = VMX_BLOCKED_STI | VMX_BLOCKED_MOV_SS | VMX_BLOCKED_NMI /* SMI: only in SMM */ };
    uint32_t i = g->interruptibility;
    bool valid = g->event & VMX_EVENT_VALID, sti = i & VMX_BLOCKED_STI, mov_ss = i & VMX_BLOCKED_MOV_SS;
    unsigned t = vmx_event_type(g->event);
    if ((i & ~(uint32_t)KNOWN) || (sti && mov_ss) || (sti && !(g->flags & FLAG_IF))) return false;
    if (!valid) return true;
    if (t == VMX_EVENT_INTERRUPT && (sti || mov_ss)) return false;
    if (t != VMX_EVENT_NMI) return true;
    *why = sti ? WHY_NMI : WHY_OTHER;
    if (sti || mov_ss) return false;
    return !((vmcs_get(c, VMCS_PIN) & VMX_PIN_VIRTUAL_NMI) && (i & VMX_BLOCKED_NMI));
}

/* While something holds traps off, a single-step trap is pending exactly if TF asks for one after every instruction. */
static bool pending_good(struct cpu *c, const struct guest *g)
{
    enum { KNOWN = DR6_BREAKPOINTS | 1 << 12 | DR6_BS, BTF = 2 };
    if (g->pending & ~(uint32_t)KNOWN) return false;
    bool held = (g->interruptibility & (VMX_BLOCKED_STI | VMX_BLOCKED_MOV_SS)) || g->activity == VMX_HALTED;
    bool steps = (g->flags & FLAG_TF) && !(vmcs_get(c, VMCS_GUEST_DEBUGCTL) & BTF);
    return !held || steps == !!(g->pending & DR6_BS);
}

static bool link_good(struct cpu *c)
{
    uint64_t link = vmcs_get64(c, VMCS_GUEST_LINK);
    if (link == UINT64_MAX) return true;
    return !(link & (PAGE_SIZE - 1)) && link <= UINT32_MAX && link != c->vmx.current &&
           vmcs_peek(c, (uint32_t)link) == vmx_revision(c);
}

/* The four entries of PAE paging are looked at now and loaded later: the host's stay until nothing can fail but MSRs. With EPT they
 * are fields: where they were read from may be elsewhere by now. */
static bool pdptes_good(struct cpu *c, const struct guest *g)
{
    enum { PRESENT = 1, RESERVED = 0x1E6, HIGH = 36 };
    if (!(g->cr4 & CR4_PAE)) return true;
    bool fields = (vmcs_get(c, VMCS_PROC) & VMX_PROC_SECONDARY) && (vmcs_get(c, VMCS_PROC2) & VMX_PROC2_EPT);
    if (c->model->levels > 2) return true; /* no such entries */
    for (unsigned n = 0; n < 4; n++) {
        uint32_t at = fields ? c->vmx.current + VMCS_GUEST_PDPTE0 + 8 * n : (g->cr3 & ~31u) + 8 * n;
        uint32_t low = vmcs_peek(c, at), high = vmcs_peek(c, at + 4);
        if ((low & PRESENT) && ((low & RESERVED) || high >> (HIGH - 32))) return false;
    }
    return true;
}

bool vmx_check_guest(struct cpu *c, uint32_t *why)
{
    struct guest g;
    read_guest(c, &g);
    *why = WHY_OTHER;
    if (!registers_good(c, &g) || !segments_good(&g)) return false;
    if ((vmcs_get(c, VMCS_GUEST_GDTR_LIMIT) | vmcs_get(c, VMCS_GUEST_IDTR_LIMIT)) >> 16) return false;
    if (!activity_good(&g) || !interruptibility_good(c, &g, why) || !pending_good(c, &g)) return false;
    *why = WHY_LINK;
    if (!link_good(c)) return false;
    *why = WHY_PDPTES;
    return pdptes_good(c, &g);
}
