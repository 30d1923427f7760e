/* --io hypervisor-direct, inside: the resident switch and the driver of the real network card. io_net.c and resident_nic.c explain. */
#ifndef VMM_IO_NET_H
#define VMM_IO_NET_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/clock.h"
#include "sim/io/net.h"

struct vm;
struct vmm;

enum { RESIDENT_PACKETS = 256, RESIDENT_LEARNT = 128, RESIDENT_QUEUE = 128, RESIDENT_MBIT = 100, RESIDENT_CARD = 0xFF /* the real card, as a way in and out */ };
enum { RESIDENT_NIC_IRQ = 11 };

/* Packets on their way out, in order; the counts are what became of all that were to go this way. */
struct resident_way {
    uint8_t  first, waiting;
    uint16_t packet[RESIDENT_QUEUE];
    uint64_t gone, dropped; /* `dropped`: there was no room, in this queue or for packets at all */
};

/* What is at the other end of a virtual network card. */
struct vm_nic {
    struct vm   *vm;        /* NULL: the VM has no card */
    struct net_station station; /* its end of the cable */
    struct timer deliver;   /* of the VM's queue: its card hears the first of the packets that wait */
    uint64_t     busy;      /* until then its cable is */
    struct resident_way way;
    uint64_t sent;          /* packets that its guest sent */
};

struct resident_net {
    bool     started;
    struct { uint8_t address[NET_ADDRESS], from, known; } learnt[RESIDENT_LEARNT];
    unsigned learn_next;
    struct { uint16_t bytes, users; uint8_t data[NET_MOST]; } packet[RESIDENT_PACKETS];
    struct resident_way way; /* to the real card */
    uint8_t  next, flying;   /* its descriptor whose turn it is; how many of them are its */
    uint16_t at;             /* where the driver reads in its ring */
    /* Counted for people. All that goes in is accounted for: `forwarded` is what became of it, one for each way out. */
    uint64_t from_vms, from_card, forwarded, interrupts, copied; /* `copied`: bytes */
};

/* Makes the switch, once; a VM's virtual card has a port of it from then on. */
void resident_net_init(struct vmm *h);
void resident_net_plug(struct vm *vm);
/* The hypervisor owns the processor: the real card's driver begins. */
void resident_net_start(struct vmm *h);
/* The real card interrupted. */
void resident_net_interrupt(struct vmm *h);

/* Between io_net.c and resident_nic.c, the driver. */
void resident_nic_init(struct vmm *h);
bool resident_nic_send(struct vmm *h, const uint8_t *frame, unsigned bytes); /* false: all its descriptors are under way */
/* What the card says has happened: descriptors are the driver's again; the frames it has stored go to resident_net_received. */
void resident_nic_events(struct vmm *h);
void resident_net_received(struct vmm *h, const uint8_t *frame, unsigned bytes);

#endif
