// Ports wider than a byte, and the configuration space of a PCI bus.
// Manual: PCI 2.1, 3.2.2.3.2 (configuration mechanism 1), 6.1.
#ifndef MINI_PORTS_H
#define MINI_PORTS_H

#include "lib/guest.h"

enum { PCI_ADDRESS = 0xCF8, PCI_DATA = 0xCFC, PCI_FUNCTIONS = 256 /* of bus 0 */, PCI_DEVICE = 8 /* functions of each device */ };
enum { PCI_ID = 0, PCI_COMMAND = 4, PCI_CLASS = 8, PCI_BASE_0 = 0x10, PCI_BASE_4 = 0x20, PCI_LINE = 0x3C, BUS_MASTER = 4 /* in the command word */ };

static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline void outw(uint16_t port, uint16_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t pci_read(uint32_t function, uint32_t offset)
{
    outl(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    return inl(PCI_DATA);
}

static inline void pci_write(uint32_t function, uint32_t offset, uint32_t value)
{
    outl(PCI_ADDRESS, 0x80000000u | function << 8 | offset);
    outl(PCI_DATA, value);
}

#endif
