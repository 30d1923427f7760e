// What a driver of a real device needs of the machine's side, be it a bare PC's or that of a domain which was given the device.
#ifndef MINI_DRIVER_H
#define MINI_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

typedef void irq_handler(void);                       // called with interrupts off; the 8259 is told afterwards
void irq_install(unsigned irq, irq_handler *handler); // and unmasks the line
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

#endif
