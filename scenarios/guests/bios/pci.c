// int 1Ah, AH=B1h: PCI configuration space.
//
// Idea: everything is mechanism 1: a dword to CF8h says which register, CFCh-CFFh is a window to it.
// Manual: PCI BIOS Specification 2.1.
// Not here: the 32-bit entry, interrupt routing, special cycles.
#include "bios/bios.h"

enum { SUCCESS = 0x00, UNSUPPORTED = 0x81, BAD_VENDOR = 0x83, NOT_FOUND = 0x86, BAD_REGISTER = 0x87 };

static uint16_t select(uint16_t function, uint16_t at)
{
    outl(0xCF8, 0x80000000u | (uint32_t)function << 8 | (at & 0xFC));
    return (uint16_t)(0xCFC + (at & 3));
}

static uint32_t dword_of(uint16_t function, uint16_t at) { return inl(select(function, at)); }

// The n-th function of bus 0 whose register `at`, shifted, is `want`.
static uint8_t find(struct regs *r, uint16_t at, uint8_t shift, uint32_t want)
{
    uint16_t left = r->si.x;
    for (uint16_t function = 0; function < 0x100; function++) {
        if ((uint16_t)dword_of(function, 0) == 0xFFFF) continue;
        if (dword_of(function, at) >> shift != want || left--) continue;
        r->bx.x = function;
        return SUCCESS;
    }
    return NOT_FOUND;
}

// AL = 08h-0Ah read a byte, word, dword; 0Bh-0Dh write one.
static uint8_t access(struct regs *r, uint8_t function)
{
    uint8_t size = (uint8_t)(1u << (function - 8) % 3);
    uint16_t at = r->di.x;
    if (at > 0xFF || at & (size - 1)) return BAD_REGISTER;
    uint16_t port = select(r->bx.x, at);
    switch (function) {
    case 0x08: r->cx.l = inb(port); break;
    case 0x09: r->cx.x = inw(port); break;
    case 0x0A: r->cx.e = inl(port); break;
    case 0x0B: outb(port, r->cx.l); break;
    case 0x0C: outw(port, r->cx.x); break;
    case 0x0D: outl(port, r->cx.e); break;
    }
    return SUCCESS;
}

void pci_bios(struct regs *r)
{
    uint8_t status = UNSUPPORTED, function = r->ax.l;
    if (function == 0x01) {
        r->dx.e = 0x20494350; // "PCI "
        r->ax.l = 1;          // mechanism 1
        r->bx.x = 0x0210;
        r->cx.l = 0;          // the last bus
        r->di.e = 0;
        status = SUCCESS;
    } else if (function == 0x02) {
        status = r->dx.x == 0xFFFF ? BAD_VENDOR : find(r, 0, 0, (uint32_t)r->cx.x << 16 | r->dx.x);
    } else if (function == 0x03) {
        status = find(r, 8, 8, r->cx.e & 0xFFFFFF);
    } else if (function >= 0x08 && function <= 0x0D) {
        status = access(r, function);
    }
    r->ax.h = status;
    set_flag(r, CARRY, status != SUCCESS);
}
