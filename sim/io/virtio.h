/* What all virtio devices have in common: registers behind legacy PCI ports, and queues of requests in memory.
 *
 * Idea 1: a driver leaves a request in memory as a chain of descriptors, puts the number of its first one into the ring `avail`, and one
 * OUT says that something is there. The device puts it into the ring `used` when it is done, and interrupts. In its ring each side says
 * whether it wants to be told at all: while the device is at work it looks by itself, and a driver need not leave the guest for that.
 * Idea 2: all of that was written by a guest. A chain is copied out and checked before anything is done with it; one that loops, leaves its
 * table, names memory that is not there or is longer than a queue stops its queue until the driver resets the device. Nobody else notices.
 *
 *   ports  00 features offered  08 page of a queue  0E which queue      12 status
 *          04 features taken    0C its size         10 notify a queue   13 ISR, falls when read     14 the device's own
 *   queue  descriptors: { address (8), length (4), flags (2: NEXT 1, WRITE 2, INDIRECT 4), next (2) } each
 *          avail: flags (NO_INTERRUPT 1), index, numbers of chains          used, in the next page: flags (NO_NOTIFY 1), index, { chain, bytes }
 *
 * Virtio PCI Card Specification 0.9.5: 2.1 (PCI), 2.2 (configuration), 2.3 (rings); VIRTIO 1.0, 2.4 and the notes on legacy. Not modelled:
 * MSI-X, the event index, the layout of 1.0. Addresses above 4 GB are nobody's here. */
#ifndef IO_VIRTIO_H
#define IO_VIRTIO_H

#include "sim/io/busmaster.h"
#include "sim/io/pci.h"

enum { VIRTIO_ENTRIES = 128, VIRTIO_QUEUES = 2, VIRTIO_PARTS = VIRTIO_ENTRIES, VIRTIO_PORTS = 64, VIRTIO_HEADER = 20, VIRTIO_CONFIG = 32 };
enum { VIRTIO_HOST_FEATURES = 0x00, VIRTIO_GUEST_FEATURES = 0x04, VIRTIO_QUEUE_PAGE = 0x08, VIRTIO_QUEUE_SIZE = 0x0C, VIRTIO_QUEUE_SELECT = 0x0E,
       VIRTIO_NOTIFY = 0x10, VIRTIO_STATUS = 0x12, VIRTIO_ISR = 0x13 };
enum { VIRTIO_NEXT = 1, VIRTIO_WRITE = 2, VIRTIO_INDIRECT = 4 };                   /* of a descriptor */
enum { VIRTIO_NO_NOTIFY = 1, VIRTIO_NO_INTERRUPT = 1 };                            /* of the rings */
enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };
enum { VIRTIO_F_INDIRECT = 1 << 28 };
enum { VIRTIO_DRIVER_OK = 4 };

/* A request, as the device has copied it out: what it reads comes first, then what it writes. */
struct virtio_part { uint32_t at, bytes; };
struct virtio_chain {
    uint16_t head, outs, ins;      /* its first descriptor; parts of either kind */
    uint64_t out_bytes, in_bytes;
    struct virtio_part part[VIRTIO_PARTS];
};

struct virtio_queue {
    uint32_t page;   /* as written; 0: none */
    uint16_t seen;   /* index in `avail` of the next chain to take */
    uint16_t used;   /* index in `used` of the next one to give back */
    bool     quiet;  /* the device has said that it looks by itself */
    bool     broken; /* what lies there is no queue */
};

struct virtio;
/* A type of device: complete, const. */
struct virtio_kind {
    unsigned queues, config_bytes, writable; /* of its own registers, the first `writable` bytes can be written */
    void (*kicked)(struct virtio *v, unsigned queue); /* something may be in that queue */
    void (*stopped)(struct virtio *v);                /* reset: what was under way is forgotten */
};

/* Embedded first in each of them. */
struct virtio {
    struct device     device;
    struct bus_master master;
    struct irq_line   irq;
    const struct virtio_kind *kind;
    uint16_t base;         /* of its ports; 0: nowhere */
    uint32_t offered;      /* features */
    uint32_t taken;
    uint16_t select;
    uint8_t  status, isr;
    uint8_t  config[VIRTIO_CONFIG];
    struct virtio_queue queue[VIRTIO_QUEUES];
    uint64_t accesses, kicks, requests, interrupts, malformed; /* for people */
};

struct virtio_wiring {
    struct irq_line  irq;    /* INTA# */
    struct irq_line  abort;
    struct dma_watch watch;
    struct dma_map   map;
    uint16_t         source; /* its number as a bus master */
};

/* At power-on; the caller fills in `config`, and says which features it offers besides VIRTIO_F_INDIRECT. */
void virtio_init(struct virtio *v, struct bus *b, const struct device_ops *ops, const struct virtio_kind *kind, const struct virtio_wiring *w,
                 uint32_t features);
/* Its ports follow the PCI function's registers from now on. */
void virtio_attach(struct virtio *v, struct pci *p, enum pci_function f);

/* For the kinds' struct device_ops. */
uint32_t virtio_read(struct device *d, uint32_t offset, unsigned size);
void     virtio_write(struct device *d, uint32_t offset, unsigned size, uint32_t value);
uint32_t virtio_peek(const struct device *d, uint32_t offset, unsigned size);
void     virtio_reset(struct device *d);

/* Takes the next request of a queue. False: there is none; or what is there is none, and the queue is stopped. */
bool virtio_take(struct virtio *v, unsigned queue, struct virtio_chain *c);
/* Bytes of a request from the `from`th on: of what the device reads, to what it writes. False: there are not so many, or no memory is
 * there, and then the queue is stopped. */
bool virtio_get(struct virtio *v, unsigned queue, const struct virtio_chain *c, uint64_t from, void *to, uint32_t n);
bool virtio_put(struct virtio *v, unsigned queue, const struct virtio_chain *c, uint64_t at, const void *from, uint32_t n);
/* Gives a request back, with so many bytes written into it, without telling. */
void virtio_done(struct virtio *v, unsigned queue, uint16_t head, uint32_t bytes);
/* Interrupts, unless the driver said that it looks by itself. */
void virtio_tell(struct virtio *v, unsigned queue);
/* Does the device look by itself from now on, so that nobody need notify it? Whoever stops looking looks once more afterwards. */
void virtio_quiet(struct virtio *v, unsigned queue, bool quiet);
bool virtio_waiting(struct virtio *v, unsigned queue); /* is there a request? */
/* Its own registers have changed by themselves. */
void virtio_changed(struct virtio *v);

#endif
