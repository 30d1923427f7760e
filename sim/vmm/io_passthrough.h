/* --io passthrough, inside: what the hypervisor keeps for a VM that has the real IDE controller. io_passthrough.c explains. */
#ifndef VMM_IO_PASSTHROUGH_H
#define VMM_IO_PASSTHROUGH_H

#include "sim/core/bus.h"
#include "sim/vmm/exitless.h"

struct vm;

struct passthrough {
    struct device device;     /* stands at the controller's ports on the virtual board, for accesses that the real CPU did not do */
    struct vm    *vm;
    struct passed { struct vm *vm; uint16_t base; uint32_t command; } function[2]; /* IDE and network card: ports that follow PCI, as the
                                 guest placed them, 0: nowhere; the command word that the real function has got */
    bool          nic;        /* the card, too, is the VM's */
    bool          started;    /* the hypervisor owns the real function; until then its configuration is the board's */
    uint16_t      up;         /* virtual inputs that are held up: a bit for each IRQ */
    uint16_t      watched;    /* real inputs that show their line's level and are masked */
    uint64_t      raised;     /* the visit to the hypervisor in which that was done last */
    uint32_t      tables;     /* frames of the IOMMU's tables in use */
    struct exitless exitless;
    /* Counted for people: */
    uint64_t      forwarded;  /* accesses that the hypervisor repeated on the real ports */
    uint64_t      interrupts; /* handed on */
    uint64_t      faults;     /* that the IOMMU recorded */
    uint64_t      stray, stray_bytes; /* stores by DMA outside the VM's memory: the safety checker's, not the hypervisor's knowledge */
    uint32_t      stray_at;   /* machine address of the first one */
    uint64_t      stored;     /* bytes by DMA altogether */
};

bool passthrough_owns(const struct vm *vm, unsigned irq); /* is that interrupt one of a device that the VM has? */
/* The real board's bus masters stored here: told by the machine, for the safety checker (struct dma_watch). */
void passthrough_stored(void *vmm, uint32_t at, unsigned n);

#endif
