/* The RTL8139C: a network card that fetches what it sends and stores what it receives by itself.
 *
 * Idea 1, sending: four descriptors, used in turn. Software puts an address into TSADn and a length into TSDn, which clears OWN: the
 * card's from now on. The card fetches the bytes at once and gives OWN back; when they have left on the wire it sets TOK.
 * Idea 2, receiving: one ring in memory. The card puts a header (status, length) and the frame with its check sequence at CBR and
 * goes on at the next doubleword; software reads at CAPR + 16 and moves CAPR. What does not fit is lost, counted, and told (RXOVW).
 *
 * Realtek RTL8139C(L) data sheet 1.4: 5 (registers), 6 (EEPROM), 7 (PCI configuration), 8 (operation); RTL8139(A/B) Programming Guide.
 * The PHY's registers say 100 Mbit/s full duplex, negotiated, while a cable is plugged in. Not modelled: early interrupts and thresholds
 * (a frame is stored when it is there), flow control, Wake on LAN, collisions, boot ROM, VPD, what CONFIG3, CONFIG4 and the analog test
 * registers do (they keep what is written). */
#ifndef IO_NIC_H
#define IO_NIC_H

#include "sim/io/busmaster.h"
#include "sim/io/net.h"
#include "sim/io/pci.h"
#include "sim/trace/trace.h"

enum { NIC_BYTES = 256, NIC_DESCRIPTORS = 4, NIC_EEPROM_WORDS = 64, NIC_FRAME = 2048 };
enum { NIC_ROK = 0x0001, NIC_RER = 0x0002, NIC_TOK = 0x0004, NIC_TER = 0x0008, NIC_RXOVW = 0x0010, NIC_LINK = 0x0020, NIC_FOVW = 0x0040,
       NIC_TIMEOUT = 0x4000, NIC_SERR = 0x8000 }; /* ISR, IMR */
enum { NIC_BUFE = 0x01, NIC_TE = 0x04, NIC_RE = 0x08, NIC_RST = 0x10 }; /* CR */

/* A 93C46 on four pins: bits come in with each rising edge of SK while CS is high. */
struct nic_eeprom {
    uint16_t word[NIC_EEPROM_WORDS];
    uint32_t in;        /* bits shifted in since CS rose, a one first */
    uint16_t out;       /* bits to be shifted out, the highest first */
    uint8_t  count, left;
    bool     select, clock, data; /* the pins; data is the card's DO */
    bool     writable;
};

struct nic {
    struct device     device;
    struct bus_master master;
    struct irq_line   irq;
    struct timeq     *queue;
    struct net_cable  cable;
    struct trace     *trace;     /* told about frames; NULL: silent */
    bool              is_virtual;
    uint16_t          base;      /* of its ports; 0: nowhere */
    uint32_t          window;    /* of its memory; 0: nowhere */
    uint8_t           reg[NIC_BYTES]; /* those that merely keep what is written; the others' places are unused */
    uint8_t           command;   /* CR */
    uint16_t          imr, isr;
    uint32_t          tsd[NIC_DESCRIPTORS], tsad[NIC_DESCRIPTORS];
    uint32_t          tcr, rcr, rbstart;
    uint16_t          capr, cbr;
    uint32_t          missed;    /* MPC */
    uint32_t          timer_int; /* TimerInt */
    uint64_t          timer_zero; /* pulse at which TCTR was 0 */
    uint8_t           next;      /* descriptor whose turn it is */
    uint8_t           current;   /* that whose frame was fetched last */
    bool              sending;   /* its frame is on the wire */
    uint16_t          length;    /* of that frame */
    uint8_t           frame[NIC_FRAME];
    struct timer      sent, tick;
    struct nic_eeprom eeprom;
    uint64_t          frames_out, frames_in;
};

struct nic_wiring {
    struct irq_line  irq;        /* INTA# */
    struct irq_line  abort;
    struct dma_watch watch;
    struct dma_map   map;
    uint16_t         source;     /* its number as a bus master */
    uint8_t          address[NET_ADDRESS];
    struct trace    *trace;
    bool             is_virtual;
};

void nic_init(struct nic *n, struct bus *b, struct timeq *q, const struct nic_wiring *w);
/* The end of its cable; nothing is heard until nic_plug, and no link is seen. */
struct net_station nic_station(struct nic *n);
void nic_plug(struct nic *n, struct net_cable cable);
/* Claims its windows, which follow the PCI function's registers from now on. */
bool nic_attach(struct nic *n, struct pci *p, struct err *e);

/* Between nic.c, nic_frame.c and nic_eeprom.c. */
void nic_interrupt(struct nic *n, unsigned bits);            /* sets bits of ISR */
void nic_send_next(struct nic *n);                           /* if a descriptor is the card's and the wire is free */
void nic_sent(void *nic, uint64_t when);                     /* timer */
bool nic_ring_empty(const struct nic *n);
void nic_receive(void *nic, const uint8_t *frame, unsigned bytes);
void nic_eeprom_init(struct nic_eeprom *e, const uint8_t *address);
void nic_eeprom_pins(struct nic_eeprom *e, bool select, bool clock, bool data);

#endif
