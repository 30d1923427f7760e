// A driver that ends an interrupt first and asks the drive for its status when it has something new for it, as xv6 does for writes.
//
// Idea: between the EOI and the next command nothing need leave a VM, so only an edge tells of the drive's line that it fell and rose.
// Manual: ATA/ATAPI-6 (INTRQ); 8259A, edge-triggered mode.
// Not here: data (`disk`).
#include "probe.h"

enum { STATUS = 0x1F7, DEVICE = 0x1F6, COUNT = 0x1F2, LOW = 0x1F3, BSY = 0x80, VERIFY = 0x40, VECTOR_IDE = 0x2E };

static volatile uint32_t interrupts;

static void on_ide(struct trap_frame *frame)
{
    (void)frame;
    interrupts++;
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

void kmain(void)
{
    probe_init();
    trap_handlers[VECTOR_IDE] = on_ide;
    outb(0x21, 0xFB);
    outb(0xA1, 0xBF);
    uint32_t heard = 0;
    for (uint32_t n = 0; n < 8; n++) {
        while (inb(STATUS) & BSY) {} // this, too, lets the line fall
        interrupts = 0;
        outb(DEVICE, 0xE0);
        outb(COUNT, 1);
        for (uint16_t i = 0; i < 3; i++)
            outb((uint16_t)(LOW + i), i ? 0 : (uint8_t)n);
        __asm__ volatile("sti" : : : "memory");
        outb(STATUS, VERIFY);
        for (uint32_t patience = 0; !interrupts && patience < 4000000; patience++) {}
        __asm__ volatile("cli" : : : "memory");
        heard += interrupts;
    }
    fact("interrupts of 8 commands", heard);
    finish(true);
}
