// The RTL8139: a network card that fetches what it sends and stores what it receives by itself.
//
// Idea: four descriptors take turns for sending; an address and a length, and the frame is the card's until a bit comes back. What it
// receives it stores one behind the other in a ring of 8 KB, a frame that begins before the end being stored beyond it. The card
// is told to take all frames: there may be several addresses behind it. Its line is up for as long as there is anything in its status
// that is not masked; the handler takes that back until there is nothing.
// Manual: Realtek RTL8139C(L) data sheet 1.4, 5 (registers), 8 (operation); PCI 2.1, 6.1 and 6.2.
// Not here: errors of the bus, multicast filters, the memory window.
#include "mini/kernel.h"
#include "mini/driver.h"
#include "mini/ports.h"

enum { CARD = 0x813910EC, IDR0 = 0x00, TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, COMMAND = 0x37, CAPR = 0x38, IMR = 0x3C, ISR = 0x3E, RCR = 0x44 };
enum { RESET = 0x10, RECEIVE = 0x08, SEND = 0x04, EMPTY = 0x01 };                                    // COMMAND
enum { ALL = 0x0F, WRAP = 0x80, WHOLE_FRAMES = 0x700 };                                              // RCR
enum { RECEIVED = 1, RECEIVE_ERROR = 2, SENT = 4, SEND_ERROR = 8, RING_FULL = 0x10, FIFO_FULL = 0x40, EVENTS = 0x5F }; // ISR
enum { DONE = 1 << 15 | 1 << 14 | 1 << 30 };                                                         // TSD: sent, or given up
enum { RING = 8192, SLACK = 16 + 1536, HEAD = 4, GAP = 16, CHECK = 4 };

static uint8_t ring[RING + SLACK] __attribute__((aligned(PAGE)));
static uint8_t address[NET_ADDRESS];
static uint16_t base;
static unsigned irq;
static uint32_t at;           // where we read in the ring
static uint32_t next, flying; // the descriptor whose turn it is, and how many are under way
static irq_handler *heard;

static void on_card(void)
{
    for (uint16_t what; (what = inw(base + ISR) & EVENTS);) outw(base + ISR, what);
    irq_done(irq);
    heard();
}

// The ring is one piece for the card, too.
static bool ring_is_whole(void)
{
    for (uint32_t i = PAGE; i < sizeof ring; i += PAGE)
        if (dma_address(ring + i) != dma_address(ring) + i) return false;
    return true;
}

static void start(void)
{
    outb(base + COMMAND, RESET);
    while (inb(base + COMMAND) & RESET) {}
    for (uint16_t i = 0; i < NET_ADDRESS; i++) address[i] = inb(base + IDR0 + i);
    at = next = flying = 0;
    outl(base + RBSTART, dma_address(ring));
    outb(base + COMMAND, RECEIVE | SEND);
    outl(base + RCR, ALL | WRAP | WHOLE_FRAMES);
    irq_install(irq, on_card);
    outw(base + IMR, EVENTS);
}

bool nic_init(irq_handler *on_heard)
{
    uint32_t f = 0;
    while (f < PCI_FUNCTIONS && pci_read(f, PCI_ID) != CARD) f += PCI_DEVICE;
    if (f == PCI_FUNCTIONS || !ring_is_whole()) return false;
    base = (uint16_t)(pci_read(f, PCI_BASE_0) & 0xFFFC);
    irq = pci_read(f, PCI_LINE) & 15;
    pci_write(f, PCI_COMMAND, (pci_read(f, PCI_COMMAND) & 0xFFFF) | BUS_MASTER);
    heard = on_heard;
    start();
    return true;
}

const uint8_t *nic_address(void) { return address; }

bool nic_send(const void *frame, uint32_t size)
{
    if (flying == NIC_SENDS) return false;
    outl((uint16_t)(base + TSAD0 + 4 * next), dma_address(frame));
    outl((uint16_t)(base + TSD0 + 4 * next), size);
    next = (next + 1) % NIC_SENDS;
    flying++;
    return true;
}

uint32_t nic_gone(void)
{
    uint32_t n = 0;
    for (; flying; n++, flying--)
        if (!(inl((uint16_t)(base + TSD0 + 4 * ((next - flying) % NIC_SENDS))) & DONE)) break;
    return n;
}

uint32_t nic_receive(void *frame)
{
    if (inb(base + COMMAND) & EMPTY) return 0;
    uint32_t size = (uint32_t)(ring[at + 2] | ring[at + 3] << 8); // with the check sequence
    bool good = size >= NET_HEADER + CHECK && size <= NET_FRAME + CHECK;
    if (good) memcpy(frame, ring + at + HEAD, size - CHECK);
    at = (at + HEAD + size + 3) / 4 * 4 % RING;
    outw(base + CAPR, (uint16_t)(at - GAP));
    return good ? size - CHECK : nic_receive(frame);
}
