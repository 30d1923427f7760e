/* PCI configuration space, mechanism 1, with the functions that sit on this board; and port CF9h beside it.
 *
 * Idea 1: CF8 (only as a dword) says which register of which function, CFC-CFF is a window to those four bytes.
 * Idea 2: a function is 256 bytes and a mask of the bits that can be written; pci.c has both as one table. Where nobody
 * sits, the bus floats: all ones.
 *
 * PCI Local Bus Specification 2.1, 3.7.4.1 (mechanism 1), 6.1 (headers). Functions: 82441FX host bridge at 0:0.0;
 * 82371SB ISA bridge at 0:1.0 and IDE at 0:1.1 (PIIX3); 82371AB power management at 0:1.3 (PIIX4; its ports: pm.h); a
 * display card with nothing but an expansion ROM at 0:2.0, an RTL8139 or a virtio card at 0:3.0 and virtio disks from 0:4.0 on, if the board has them. This is the
 * mix other simulated PCs have, so software knows it. Registers are as a BIOS leaves them. CF9h: 82371SB 2.5.6.
 * The host bridge's PAM registers decide about shadow RAM (82441FX data sheet 3.2.18). The upper half of the IDE
 * function's BAR 4, hardwired to 0 on the chip, can be written as on those: firmware for them sizes it with 32 bits.
 * Not modelled: the ISA bridge's decoders (their registers keep what is written and do nothing), special cycles,
 * mechanism 2.
 * TOUR io.3: how software finds what is there. */
#ifndef IO_PCI_H
#define IO_PCI_H

#include "sim/core/bus.h"

enum pci_function { PCI_HOST, PCI_ISA, PCI_IDE, PCI_PM, PCI_VGA, PCI_NIC, PCI_VIRTIO_NET /* in the same slot: a board has one of the two */, PCI_VIRTIO_BLK /* and the next three */, PCI_FUNCTIONS = PCI_VIRTIO_BLK + 4 };
enum { PCI_NIC_SLOT = 3, PCI_VIRTIO_SLOT = 4 /* of the first */, PCI_NIC_IRQ = 11, PCI_VIRTIO_IRQ = 10 };

enum pci_nic { PCI_NIC_NONE, PCI_NIC_RTL8139, PCI_NIC_VIRTIO };

/* Told when a function's 256 bytes of configuration may have changed. */
struct pci_listener {
    void (*changed)(void *self, const uint8_t *config);
    void *self;
};

struct pci {
    struct device   device;
    struct irq_line reset[2];  /* pulsed by port CF9h: RESET_CPU, RESET_BOARD */
    uint32_t        address;   /* port CF8h */
    struct shadow_line shadow; /* where the PAM registers lead */
    uint8_t         pam_reset; /* each nibble of theirs at reset: 0, or 3 if nobody but the loader plays the firmware */
    uint32_t        vga;       /* device and vendor number of a display card at 0:2.0 that has an expansion ROM; 0: none */
    uint8_t         nic;       /* there is a network card at 0:3.0: enum pci_nic */
    uint8_t         virtio;    /* and how many virtio disks there are */
    uint8_t         control;   /* port CF9h: bit 1 hard, bit 2 reset */
    uint8_t         config[PCI_FUNCTIONS][256];
    struct pci_listener listener[PCI_FUNCTIONS];
};

/* At power-on. `shadow` and `pam_reset` are for the caller to set afterwards, and to put into effect by a reset. */
void pci_init(struct pci *p, struct irq_line reset_cpu, struct irq_line reset_board);
/* From now on `l` is told about that function; it is told at once how things stand. */
void pci_listen(struct pci *p, enum pci_function f, struct pci_listener l);
/* Where the ISA bridge routes PIRQA-D (0..3): an ISA interrupt, or -1. 82371SB 2.2.6. */
int  pci_pirq_route(const struct pci *p, unsigned pirq);
/* The wire on which a function's bus master says that nobody answered it: received master abort, in its status. */
struct irq_line pci_abort_line(struct pci *p, enum pci_function f);
/* Its number as a bus master: bus << 8 | device << 3 | function. */
uint16_t pci_source(enum pci_function f);
bool pci_attach(struct pci *p, struct bus *b, struct err *e);
/* Its registers were put there by somebody else (device_state.h): all who follow them are told. */
void pci_follow(struct pci *p);

#endif
