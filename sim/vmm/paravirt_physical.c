/* The service domain and the real devices: ports, interrupts, and what it is asked about them. See paravirt.h.
 *
 * Idea: with --io split one domain, number 0, owns the real drives and the network card; its kernel has the drivers, the hypervisor none. Its IN and OUT fault
 * like any domain's (the I/O map is closed, and IOPL is 0: an open map would be open for its programs, too), and are
 * done on the real board if the port is one of a device that it was given and its kernel has asked for the right (physdev_op
 * SET_IOPL). A real interrupt becomes an event, by EVTCHNOP_bind_pirq. What its bus masters are told is not looked at: it could make
 * them store anywhere, so it is trusted like the hypervisor (an IOMMU would change that). A line that stays up until its device is served
 * (PCI) is masked when it comes, and unmasked when the domain says that it has served it. Xen 3 traps.c, physdev.h, irq.c.
 * Not modelled: lines that several domains share, MSI, rights that are given to other domains. */
#include "sim/io/serial_card.h"
#include "sim/vmm/emulate.h"
#include "sim/vmm/host.h"
#include "sim/vmm/paravirt.h"

bool pv_is_service(const struct paravirt *p) { return p->v->vmm->service && p->v->vm == p->v->vmm->vm; }

/* ---- ports */

/* PIIX IDE, its bus master's range, the network card's, and the mechanism of PCI configuration but for the reset register in it; the lines of
 * guests whose consoles it serves. */
static bool port_given(const struct vmm *h, uint32_t port)
{
    if (h->board.setting[SETTING_SPLIT_CONSOLE] && port - SERIAL_CARD_BASE < (h->vms - 1) * UART_PORTS) return true;
    static const struct { uint16_t first, last; } given[] = {
        { 0x1F0, 0x1F7 }, { 0x3F6, 0x3F6 }, { 0x170, 0x177 }, { 0x376, 0x376 }, { 0xC000, 0xC00F }, { 0xC200, 0xC2FF }, { 0xCF8, 0xCF8 }, { 0xCFA, 0xCFF }
    };
    for (unsigned i = 0; i < sizeof given / sizeof given[0]; i++)
        if (port >= given[i].first && port <= given[i].last) return true;
    return false;
}

/* A wide access to the address of PCI configuration is not one to the reset register. */
static bool ports_given(const struct vmm *h, uint32_t port, unsigned size)
{
    if (port == 0xCF8 && size == 4) return true;
    for (unsigned n = 0; n < size; n++)
        if (!port_given(h, port + n)) return false;
    return true;
}

static void one_word(struct paravirt *p, const struct insn *i, uint16_t port, bool in)
{
    struct cpu *c = &p->v->virt;
    struct bus *real = p->v->vmm->board.bus;
    uint32_t mask = i->size == 4 ? UINT32_MAX : (1u << i->size * 8) - 1;
    if (in) c->reg[EAX] = (c->reg[EAX] & ~mask) | (bus_in(real, port, i->size) & mask);
    else bus_out(real, port, i->size, c->reg[EAX] & mask);
}

/* INS or OUTS, all iterations in one visit. The guest's memory is tried before the port is read: what was read cannot be put back. */
static bool string(struct paravirt *p, const struct insn *i, uint16_t port, bool in)
{
    struct cpu *c = &p->v->virt;
    struct bus *real = p->v->vmm->board.bus;
    bool repeated = i->flags & (INSN_REP | INSN_REPNE);
    uint32_t step = c->eflags & FLAG_DF ? 0u - i->size : i->size, word = 0;
    if (i->flags & INSN_ADDR16) return false;
    for (uint32_t n = repeated ? c->reg[ECX] : 1; n; n--) {
        uint32_t *index = &c->reg[in ? EDI : ESI], at = c->seg[in ? SEG_ES : i->seg].base + *index;
        if (!pv_read(p, at, &word, i->size) || (in && !pv_write(p, at, &word, i->size))) return false;
        if (in) word = bus_in(real, port, i->size);
        else bus_out(real, port, i->size, word);
        if (in) (void)pv_write(p, at, &word, i->size);
        *index += step;
        if (repeated) c->reg[ECX]--;
    }
    return true;
}

bool pv_port(struct paravirt *p, const struct insn *i)
{
    bool in = i->id == MN_IN || i->id == MN_INS;
    uint16_t port = (uint16_t)((i->id == MN_IN || i->id == MN_OUT) && i->sub ? i->imm & 0xFF : p->v->virt.reg[EDX]);
    if (!pv_is_service(p) || p->iopl < 1 || !ports_given(p->v->vmm, port, i->size)) return false;
    uint8_t old = clock_cause(p->v->vmm->board.clock, CAUSE_DEVICE);
    bool ok = true;
    if (i->id == MN_IN || i->id == MN_OUT) one_word(p, i, port, in);
    else ok = string(p, i, port, in);
    clock_cause(p->v->vmm->board.clock, old);
    p->stats.ports++;
    TRACE(p->v->vmm->board.trace, PORT, p->v->cause, .out = !in, .port = port, .value = p->v->virt.reg[EAX]);
    return ok;
}

/* ---- interrupts */

static bool by_level(uint32_t irq) { return irq == PCI_NIC_IRQ; }
static bool irq_given(uint32_t irq) { return irq == IRQ_IDE || irq == IRQ_IDE + 1 || by_level(irq); }

int32_t pv_bind_pirq(struct paravirt *p, uint32_t irq, uint32_t port)
{
    if (irq >= XEN_PIRQS) return -XEN_EINVAL;
    if (!pv_is_service(p) || !irq_given(irq)) return -XEN_EPERM;
    if (p->pirq_port[irq & 15]) return -XEN_EEXIST;
    p->pirq_port[irq & 15] = (uint16_t)port;
    if (by_level(irq)) host_by_level(p->v->vmm, irq, true);
    host_mask(p->v->vmm, irq, false);
    return 0;
}

void pv_close_pirq(struct paravirt *p, uint32_t irq)
{
    p->pirq_port[irq & 15] = 0;
    host_mask(p->v->vmm, irq, true);
}

bool pv_physical(struct paravirt *p, unsigned irq)
{
    if (!p || irq >= 16 || !p->pirq_port[irq]) return false;
    p->stats.interrupts++;
    if (by_level(irq)) host_mask(p->v->vmm, irq, true); /* until it says that the device is served */
    pv_raise(p, p->pirq_port[irq]);
    return true;
}

static int32_t served(struct paravirt *p, uint32_t irq)
{
    if (irq >= 16 || !p->pirq_port[irq]) return -XEN_EINVAL;
    if (by_level(irq)) host_mask(p->v->vmm, irq, false);
    return 0;
}

/* ---- questions. arg: operation, structure. The I/O privilege level is granted to all, as Xen does: without ports of one's own it only
 * decides which of the domain's code may use none. */
int32_t pv_physdev_op(struct paravirt *p, const uint32_t arg[6])
{
    enum { IRQ_UNMASK = 4, IRQ_STATUS, SET_IOPL, SET_IOBITMAP, EOI = 12 };
    uint32_t w[2] = { 0, 0 };
    switch (arg[0]) {
    case SET_IOPL:
        if (!pv_read(p, arg[1], w, 4)) return -XEN_EFAULT;
        if (w[0] > 3) return -XEN_EINVAL;
        p->iopl = w[0];
        return 0;
    case SET_IOBITMAP: return 0;
    case IRQ_UNMASK: return pv_is_service(p) ? 0 : -XEN_EINVAL; /* edges: there is nothing to end */
    case EOI:
        if (!pv_is_service(p)) return -XEN_EINVAL;
        return pv_read(p, arg[1], w, 4) ? served(p, w[0]) : -XEN_EFAULT;
    case IRQ_STATUS:
        if (!pv_is_service(p)) return -XEN_EINVAL;
        if (!pv_read(p, arg[1], w, 4)) return -XEN_EFAULT;
        w[1] = by_level(w[0]); /* it wants to be told */
        return w[0] >= 16 ? -XEN_EINVAL : pv_write(p, arg[1], w, 8) ? 0 : -XEN_EFAULT;
    default: return -XEN_EPERM;
    }
}

/* arg: { operation, structure }. */
int32_t pv_physdev_op_compat(struct paravirt *p, const uint32_t arg[6])
{
    uint32_t op[6] = { 0, arg[0] + 4 };
    return pv_read(p, arg[0], op, 4) ? pv_physdev_op(p, op) : -XEN_EFAULT;
}
