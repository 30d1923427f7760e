// The interrupt controllers (8259A pair) and the timer (8254 channel 0).
//
// Idea: the timer counts down 1 193 182 times a second and raises IRQ 0 at every restart; the 8259 turns that into a
// vector. After power-on IRQ 0-7 use vectors 8-15, which collide with exceptions, so we move them to 20h.
// Manual: Intel 8259A data sheet (ICW1-4, OCW1-2), 8254 data sheet (mode 2, counter latch command).
// Not here: IRQ 8-15 (they stay masked).
#include "lib/guest.h"

enum { PIC1 = 0x20, PIC2 = 0xA0, PIT_CHANNEL_0 = 0x40, PIT_CONTROL = 0x43 };
enum { PIT_DIVISOR = 1193 }; // 1193182 / 1193 is about 1000 a second

// If an interrupt line falls before the processor asks for the vector, the 8259 answers with its line 7. That is
// nobody's interrupt: no end-of-interrupt may be sent. The timer's line falls for 0.8 us in every period, so it can
// happen.
static void spurious(struct trap_frame *frame)
{
    (void)frame;
}

void pic_init(void)
{
    outb(PIC1, 0x11); // ICW1: begin, edge-triggered, ICW4 follows
    outb(PIC2, 0x11);
    outb(PIC1 + 1, 0x20); // ICW2: vectors 20h-27h
    outb(PIC2 + 1, 0x28); //       vectors 28h-2Fh
    outb(PIC1 + 1, 0x04); // ICW3: the second chip hangs on line 2
    outb(PIC2 + 1, 0x02);
    outb(PIC1 + 1, 0x01); // ICW4: 8086 mode
    outb(PIC2 + 1, 0x01);
    pic_mask_all();
    trap_handlers[0x27] = spurious;
}

void pic_mask_all(void)
{
    outb(PIC1 + 1, 0xFF);
    outb(PIC2 + 1, 0xFF);
}

void pic_unmask_timer(void)
{
    outb(PIC1 + 1, 0xFE);
}

void pic_end_of_interrupt(void)
{
    outb(PIC1, 0x20);
}

void pit_start(void)
{
    outb(PIT_CONTROL, 0x34); // channel 0, low byte then high byte, mode 2 (rate generator), binary
    outb(PIT_CHANNEL_0, PIT_DIVISOR & 0xFF);
    outb(PIT_CHANNEL_0, PIT_DIVISOR >> 8);
}

static uint32_t pit_count(void)
{
    outb(PIT_CONTROL, 0x00); // latch channel 0, so that both bytes belong together
    uint32_t low = inb(PIT_CHANNEL_0);
    return low | ((uint32_t)inb(PIT_CHANNEL_0) << 8);
}

void pit_wait_periods(int count)
{
    uint32_t before = pit_count();
    while (count > 0) {
        uint32_t now = pit_count();
        if (now > before) // it counts down; a jump upwards is the restart, the moment IRQ 0 is raised
            count--;
        before = now;
    }
}
