/* A bus master's way to memory: what IDE's DMA and a network card have in common.
 *
 * Idea: a device gives addresses as it was told them, and what stands between it and memory is none of its business. Nothing
 * between: the address is a machine address. An IOMMU between: it looks the address up in the tables of this device's number
 * (bus, device, function) and may refuse. All of it goes over the bus as any store does, so that decoded code and snapshots
 * learn of it.
 *
 * PCI Local Bus Specification 2.1, 3.3.3.1 (master abort). Not modelled: bus time, target abort, latency timers.
 * TOUR io.4: how a device reaches memory by itself. */
#ifndef IO_BUSMASTER_H
#define IO_BUSMASTER_H

#include "sim/core/bus.h"

/* Told after bytes of memory were stored, a page at most at a time; whoever keeps copies of memory wants to know. `at` is an
 * address on the bus. */
struct dma_watch {
    void (*wrote)(void *self, uint32_t at, unsigned n); /* NULL: nobody */
    void *self;
};

/* An IOMMU, as its devices see it. */
struct dma_map {
    /* The bus address behind a device's address, good to the end of its page. False: refused, and noted as a fault of `source`'s. */
    bool (*translate)(void *self, uint16_t source, uint32_t at, bool write, uint32_t *to);
    void *self; /* translate NULL: there is none, addresses are the bus's */
};

struct bus_master {
    struct bus      *bus;
    struct dma_watch watch;
    struct dma_map   map;
    struct irq_line  abort;   /* raised when nobody answers at an address */
    uint16_t         source;  /* bus << 8 | device << 3 | function */
    bool             enabled; /* in the PCI command register */
};

/* Moves `n` bytes from or to a device's address, across pages. False: mastering is off, nobody answered (`abort` was raised), or
 * the IOMMU refused; what was moved before stays moved. */
bool busmaster_read(struct bus_master *m, uint32_t at, void *to, unsigned n);
bool busmaster_write(struct bus_master *m, uint32_t at, const void *from, unsigned n);
/* One doubleword, as descriptors are read and written. */
static inline bool busmaster_read32(struct bus_master *m, uint32_t at, uint32_t *value) { return busmaster_read(m, at, value, 4); }

#endif
