// What a driver of a real device needs of the machine's side, be it a bare PC's or that of a domain which was given the device.
#ifndef MINI_DRIVER_H
#define MINI_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

typedef void irq_handler(void);                       // called with interrupts off; the 8259 is told afterwards
void irq_install(unsigned irq, irq_handler *handler); // and unmasks the line
void irq_done(unsigned irq);                          // by the handler of a PCI device: it has served all that the line was up for
uint32_t dma_address(const void *memory);             // where a bus master finds it

// ---- ide.c: the drives of the two IDE channels, 0 to 3 ---------------------------------------------------------------

enum { IDE_DRIVES = 4, IDE_PARTS = 16 };

// A piece of memory of a transfer, within a page. `memory` is where the kernel has it: only for PIO, otherwise NULL will do.
struct ide_part {
    uint32_t address, size;
    void *memory;
};

void ide_init(unsigned drives, bool pio); // looks for the first so many; `pio`: without DMA
uint32_t ide_sectors(unsigned drive);     // 0: there is none
bool ide_uses_dma(unsigned drive);
// Moves that many sectors between the drive and the parts, which are as long together. May put the calling process to sleep; one at
// a time.
bool ide_transfer(unsigned drive, uint32_t sector, uint32_t count, const struct ide_part *parts, uint32_t n, bool write);

// ---- virtio.c: the first virtio disk of a PCI bus, one transfer at a time -------------------------------------------------

void virtio_init(void);
uint32_t virtio_sectors(void); // 0: there is none
bool virtio_transfer(uint32_t sector, uint32_t count, uint32_t address, bool write); // memory by the address devices use, in one piece

// ---- rtl8139.c: the network card. Frames are without their check sequence ---------------------------------------------

enum { NET_ADDRESS = 6, NET_HEADER = 14, NET_FRAME = 1514 /* bytes at most */, NIC_SENDS = 4 };

bool nic_init(irq_handler *heard);        // looks for it; `heard` is called when frames have come or gone. False: there is none
const uint8_t *nic_address(void);
bool nic_send(const void *frame, uint32_t size); // not over a page's end, and not to be touched until it has gone. False: four are under way
uint32_t nic_gone(void);                  // how many of them have, since it was asked; they go in order
uint32_t nic_receive(void *frame);        // the next one that came: its bytes; 0: there is none

#endif
