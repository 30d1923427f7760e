/* The board's devices as one set: who is there, at which interrupt input.
 *
 * Idea: the real board and every virtual one are the same set, wired differently: another bus, another queue, another
 * INTR pin. Nothing below can tell which it is. A new device: its file, and its lines in devices.c.
 * With APICs a device's interrupt line goes to both controllers (ISA line 0 to input 2 of the I/O APIC, the others to their own
 * number), and the 8259 pair's INTR goes to LINT0 and to input 0; whatever software leaves masked stays silent.
 * TOUR io.1: the board's devices as one set; every virtual board is the same set. */
#ifndef IO_DEVICES_H
#define IO_DEVICES_H

#include "sim/io/cmos.h"
#include "sim/io/debug.h"
#include "sim/io/dma.h"
#include "sim/io/glue.h"
#include "sim/io/ide.h"
#include "sim/io/ioapic.h"
#include "sim/io/iommu.h"
#include "sim/io/kbc.h"
#include "sim/io/lapic.h"
#include "sim/io/lpt.h"
#include "sim/io/nic.h"
#include "sim/io/pci.h"
#include "sim/io/pic.h"
#include "sim/io/pit.h"
#include "sim/io/pm.h"
#include "sim/io/uart.h"
#include "sim/io/vga.h"
#include "sim/io/virtio_blk.h"
#include "sim/io/virtio_net.h"

enum { IRQ_TIMER = 0, IRQ_KEYBOARD = 1, IRQ_UART = 4, IRQ_RTC = 8, IRQ_SCI = 9, IRQ_MOUSE = 12, IRQ_FERR = 13 /* the x87 unit's FERR# */,
       IRQ_IDE = 14 /* and 15, the second channel */ };
enum { DEVICE_COUNT = 25, VIRTIO_DISKS = IDE_DRIVES }; /* at most; a board without APICs has three less, one without a network card another */
#define DEVICES_CHAR_CYCLES 2000 /* the default for uart.char_cycles_max, see there */

/* All that differs from board to board. What is left zero is not connected. */
struct devices_wiring {
    struct irq_line    intr;    /* the CPU's INTR pin */
    struct irq_line    nmi;     /* the CPU's NMI pin, pulsed; APICs only */
    struct irq_line    ignne;   /* the CPU's IGNNE# pin; its FERR# pin goes to coprocessor_ferr */
    bool               apics, remaps; /* with local and I/O APIC? with an IOMMU (which asks for APICs)? */
    struct serial_sink serial;  /* the UART's line */
    struct serial_source serial_in; /* who types on it */
    struct serial_sink console; /* the debug console */
    struct irq_line    a20;     /* the A20 gate: high, address bit 20 is let through; told when it changes */
    struct irq_line    reset;   /* pulsed; n is added to: RESET_CPU, RESET_BOARD. May return: nothing is reset in here */
    struct shadow_line shadow;  /* which of ROM and RAM answers in the pages C0000-FFFFF */
    uint32_t           card;    /* device and vendor number of a PCI display card with an expansion ROM; 0: no such card */
    struct pci_listener card_moved; /* that card's configuration has changed */
    bool               rom;     /* firmware will run: registers start as after power-on, not as firmware leaves them */
    struct irq_line    off;     /* raised when software turns the power off */
    uint32_t           epoch;   /* what the clock says at cycle 0, in seconds since 1970 */
    void             (*stop)(void *self, uint32_t value); /* the debug exit */
    void              *stop_self;
    struct trace      *trace;
    bool               ide_elsewhere; /* the IDE function's ports are somebody else's, who is told when its configuration changes */
    struct pci_listener ide_moved;
    bool               nic_elsewhere; /* likewise the network card's */
    struct pci_listener nic_moved;
    const struct disk *disk;   /* the IDE drives' media, the first channel's device 0 first */
    unsigned           disks;
    enum { DISKS_IDE, DISKS_VIRTIO, DISKS_VIRTIO_RO } disk_kind; /* what they are in: drives of the IDE function, virtio devices, such that refuse to write */
    struct disk_times  disk_times;
    struct dma_map     virtio_map; /* between virtio devices and memory, where there is no IOMMU */
    struct dma_watch   dma;    /* told about what bus masters store */
    enum pci_nic       nic;    /* which network card there is */
    uint8_t            nic_address[NET_ADDRESS];
    bool               is_virtual; /* a label for trace events */
};

struct device_entry {
    const char    *name;
    struct device *device;
};

struct devices {
    struct pic           pic;
    struct pit           pit;
    struct uart          uart;
    struct debug_exit    exit;
    struct debug_console console;
    struct vga           vga;
    struct kbc           kbc;
    struct port92        port92;
    struct post          post;
    struct coprocessor   coprocessor;
    struct cmos          cmos;
    struct pci           pci;
    struct pm            pm;
    struct ide           ide;
    struct dma           dma;
    struct nic           nic;      /* if the board has one */
    struct virtio_net    virtio_net; /* or this one */
    struct virtio_blk    virtio_blk[VIRTIO_DISKS]; /* those that have a medium */
    struct lpt           lpt;
    struct lapic         lapic;    /* if the board has APICs */
    struct ioapic        ioapic;
    struct iommu         iommu;    /* if there is one */
    bool                 apics, remaps; /* which of them are there: APICs; IOMMU */
    struct irq_line      intr;     /* out of the 8259 pair, on a board without APICs */
    uint32_t             pirq[4];  /* who asks on PIRQA-D: a bit for each PCI slot */
    uint16_t             routed;   /* ISA interrupts that PIRQs hold up */
    struct irq_line      a20;      /* out of the gate */
    uint8_t              a20_open; /* who holds it open: bit 0 the keyboard controller, bit 1 port 92h */
    unsigned             count;
    struct device_entry  list[DEVICE_COUNT]; /* all that are there */
};

/* Makes the whole set, at power-on, and claims its ports on `b`. EXIT_BUG error if a port is taken. */
bool devices_init(struct devices *d, struct bus *b, struct timeq *q, const struct devices_wiring *w, struct err *e);
void devices_reset(struct devices *d);                                  /* all back to power-on */
/* The wire of an ISA interrupt, 0..15, to whatever controllers there are. */
struct irq_line devices_irq(struct devices *d, unsigned irq);
/* The wire of a PCI slot's INTA-D (pin 0..3): to its PIRQ, which goes to inputs 16-19 of the I/O APIC and where the ISA
 * bridge routes it. */
struct irq_line devices_pci_irq(struct devices *d, unsigned slot, unsigned pin);
/* Which of PIRQA-D (0..3) that is. */
static inline unsigned devices_pirq(unsigned slot, unsigned pin) { return (slot - 1 + pin) & 3; }
/* What firmware leaves besides the registers' power-on values: ACPI mode, and the I/O APIC's number. */
void devices_after_post(struct devices *d, unsigned ioapic_id);
/* The CPU's INTA cycle: the vector. `devices`: struct devices. */
uint8_t devices_ack(void *devices);
/* Can anything reach a CPU that has interrupts off: is an input of the APICs set up as NMI? */
bool devices_nmi_possible(const struct devices *d);
/* The CPU's INIT pin was pulsed: its local APIC is reset but for its number. */
void devices_init_pin(struct devices *d);
/* Plugs the network card's cable in, and returns its end. */
struct net_station devices_plug(struct devices *d, struct net_cable cable);
struct device *devices_find(const struct devices *d, const char *name); /* NULL if there is none */

#endif
