/* The resident driver of the RTL8139: what a packet of the resident switch is on that card, port by port.
 *
 * Idea: four buffers to send from and the ring to receive into lie in the first VM's window, where the card finds them by DMA. The card
 * is told to take every frame, for there are many addresses behind it. Its interrupt says what happened; the driver takes that back and
 * looks until nothing more has, so that the line, which others may share, is down when it leaves.
 * Realtek RTL8139C(L) data sheet 1.4: 5, 8. Not modelled: what a driver does on errors of the bus but going on. */
#include "sim/io/nic.h"
#include "sim/vmm/host.h"
#include "sim/vmm/io_net.h"
#include "sim/vmm/vm.h"

enum { BASE = 0xC200 /* where the board's firmware leaves it */, TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, IMR = 0x3C, ISR = 0x3E,
       RCR = 0x44 };
enum { RCR_ALL = 0x0F, RCR_WRAP = 0x80, RCR_DMA = 0x700, RING = 8192, HEAD = 4, GAP = 16, BUFFER = 0x800 };
enum { EVENTS = NIC_ROK | NIC_RER | NIC_TOK | NIC_TER | NIC_RXOVW | NIC_FOVW, TSD_OWN = 1 << 13 };

static void out(struct vmm *h, unsigned at, unsigned size, uint32_t value)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    bus_out(h->board.bus, (uint16_t)(BASE + at), size, value);
    clock_cause(h->board.clock, old);
}

static uint32_t in(struct vmm *h, unsigned at, unsigned size)
{
    uint8_t old = clock_cause(h->board.clock, CAUSE_DEVICE);
    uint32_t v = bus_in(h->board.bus, (uint16_t)(BASE + at), size);
    clock_cause(h->board.clock, old);
    return v;
}

static hpa_t memory(const struct vmm *h, uint32_t offset) { return window_hpa(&h->vm->vcpu.window, WINDOW_NET + offset); }
static hpa_t buffer(const struct vmm *h, unsigned n) { return window_hpa(&h->vm->vcpu.window, WINDOW_NET_SEND + n * BUFFER); }

void resident_nic_init(struct vmm *h)
{
    out(h, CR, 1, NIC_RST);
    while (in(h, CR, 1) & NIC_RST) continue;
    out(h, RBSTART, 4, memory(h, 0).v);
    out(h, CR, 1, NIC_RE | NIC_TE);
    out(h, RCR, 4, RCR_ALL | RCR_WRAP | RCR_DMA);
    for (unsigned n = 0; n < NIC_DESCRIPTORS; n++) out(h, TSAD0 + 4 * n, 4, buffer(h, n).v);
    out(h, IMR, 2, EVENTS);
    host_by_level(h, RESIDENT_NIC_IRQ, true);
    host_mask(h, RESIDENT_NIC_IRQ, false);
}

bool resident_nic_send(struct vmm *h, const uint8_t *frame, unsigned bytes)
{
    struct resident_net *n = h->net;
    if (n->flying == NIC_DESCRIPTORS) return false;
    bus_poke(h->board.bus, buffer(h, n->next), frame, bytes);
    out(h, TSD0 + 4u * n->next, 4, bytes); /* clears OWN: it is the card's */
    n->next = (uint8_t)((n->next + 1) % NIC_DESCRIPTORS);
    n->flying++;
    return true;
}

/* Descriptors come back in the order in which they went. */
static void reap(struct vmm *h)
{
    struct resident_net *n = h->net;
    while (n->flying) {
        unsigned oldest = (unsigned)(n->next + NIC_DESCRIPTORS - n->flying) % NIC_DESCRIPTORS;
        uint32_t tsd = in(h, TSD0 + 4 * oldest, 4);
        if (!(tsd & TSD_OWN) || !(tsd & (1u << 15 | 1u << 14 | 1u << 30))) return; /* fetched, but not sent: TOK, TUN, TABT */
        n->flying--;
    }
}

static void drain(struct vmm *h)
{
    struct resident_net *n = h->net;
    uint8_t frame[NET_MOST];
    while (!(in(h, CR, 1) & NIC_BUFE)) {
        uint32_t head = 0;
        bus_peek(h->board.bus, memory(h, n->at), &head, sizeof head);
        clock_charge(h->board.clock, CAUSE_DEVICE, h->board.model->cost[COST_MEM_REF]);
        unsigned bytes = head >> 16;
        if (bytes >= NET_HEADER + NET_CHECK && bytes <= NET_MOST + NET_CHECK && bus_peek(h->board.bus, memory(h, n->at + HEAD), frame, bytes - NET_CHECK))
            resident_net_received(h, frame, bytes - NET_CHECK);
        n->at = (uint16_t)(((n->at + HEAD + bytes + 3) & ~3u) % RING);
        out(h, CAPR, 2, (uint16_t)(n->at - GAP));
    }
}

void resident_nic_events(struct vmm *h)
{
    for (uint32_t what; (what = in(h, ISR, 2) & EVENTS); ) {
        out(h, ISR, 2, what);
        if (what & (NIC_TOK | NIC_TER)) reap(h);
        if (what & (NIC_ROK | NIC_RER | NIC_RXOVW | NIC_FOVW)) drain(h);
    }
}
