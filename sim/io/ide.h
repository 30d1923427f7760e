/* The IDE function of the PIIX3: two channels of up to two drives each, with a bus master per channel.
 *
 * Idea 1: a channel is a cable. What the host writes reaches both drives' registers; who is selected answers, carries
 * out commands and drives INTRQ. A lone device 0 answers for device 1 with a status of 0; an empty cable floats, with
 * the pull-down on DD7: 7Fh.
 * Idea 2: everything is one range of offsets, so that one device serves all the windows:
 *   00h-07h 1F0h-1F7h, 08h 3F6h, 10h-17h 170h-177h, 18h 376h, 20h-27h and 28h-2Fh the bus masters (BAR 4).
 *
 * Intel 82371SB (PIIX3) data sheet 2.3, 2.7; ATA/ATAPI-6 7 (registers), 9.16 (device 0 alone). The data port is 16 bits
 * wide: a 32-bit access is two cycles, an 8-bit one is a whole cycle of which the other byte is lost. The bus master's
 * ports are decoded where BAR 4 says, if nobody else is there. Not modelled: IDE timing registers, native PCI mode. */
#ifndef IO_IDE_H
#define IO_IDE_H

#include "sim/core/bus.h"
#include "sim/io/ata.h"
#include "sim/io/bmide.h"
#include "sim/trace/trace.h"

enum { IDE_CHANNELS = 2, IDE_DRIVES = 4 };

struct ide;
struct ide_channel {
    struct irq_line irq;
    struct trace *trace; /* told about commands; NULL: silent */
    bool     is_virtual;
    bool     decoded;   /* its ports are */
    bool     level;     /* of INTRQ */
    uint64_t interrupts; /* how often that rose, for people */
    uint8_t  control;   /* device control register */
    uint8_t  selected;  /* 0 or 1 */
    struct bmide bm;
    struct ata   drive[2];
};

struct ide {
    struct device device;
    struct bus   *bus;
    uint16_t      base;  /* of the bus masters' ports; 0: nowhere */
    struct ide_channel channel[IDE_CHANNELS];
    uint64_t      accesses; /* of ports, for people */
};

/* What the board has: `drives` (at most IDE_DRIVES) media in the order of the drives, primary first. */
struct ide_wiring {
    const struct disk *disk;
    unsigned disks;
    struct disk_times times;
    struct irq_line   irq[IDE_CHANNELS];
    struct irq_line   abort; /* nobody answers a bus master */
    struct dma_watch  watch;
    struct dma_map    map;
    uint16_t          source; /* the function's number as a bus master */
    struct trace     *trace;
    bool              is_virtual; /* a label for its events */
};

void ide_init(struct ide *i, struct bus *b, struct timeq *q, const struct ide_wiring *w);
bool ide_attach(struct ide *i, struct bus *b, struct err *e);
/* The PCI function's 256 bytes of configuration have changed (struct pci_listener). */
void ide_configured(void *ide, const uint8_t *config);

#endif
