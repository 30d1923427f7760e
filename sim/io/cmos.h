/* The MC146818 real-time clock and its battery-backed RAM ("CMOS").
 *
 * Idea 1: its crystal, 32768 Hz, is derived from the cycle counter by exact integer arithmetic, as the 8254's is; what
 * the chip shows at power-on is a moment given by whoever builds the board, never the host's time.
 * Idea 2: nothing ticks. Seconds and periodic pulses that have passed are made up for when somebody looks; a timer is
 * armed only for an interrupt that is enabled. The date registers are bytes, in whatever form register B says, and are
 * incremented in that form, so software may set anything and sees what the chip would make of it.
 *
 * Motorola MC146818A data sheet; IBM AT technical reference (ports 70h, 71h; what the BIOS keeps where; bit 7 of port
 * 70h masks NMI). The RAM holds what a BIOS's setup would have left. Not modelled: the square wave output, daylight
 * saving (bit 0 of register B is kept), other crystals than 32768 Hz (they stop the clock). */
#ifndef IO_CMOS_H
#define IO_CMOS_H

#include "sim/core/bus.h"
#include "sim/core/clock.h"

enum { CMOS_BYTES = 128, CMOS_HZ = 32768 };
enum { CMOS_A = 0x0A, CMOS_B = 0x0B, CMOS_C = 0x0C, CMOS_D = 0x0D, CMOS_SHUTDOWN = 0x0F };

struct cmos {
    struct device   device;
    struct timeq   *q;
    struct irq_line irq8;
    struct timer    timer;
    uint64_t        second_at;   /* crystal pulse of the next update */
    uint64_t        done;        /* crystal pulse up to which everything has been made up for */
    uint8_t         index;       /* as written to port 70h; bit 7: NMI masked */
    uint8_t         ram[CMOS_BYTES];
};

/* `epoch`: the moment of cycle 0, in seconds since 1970; years 1970 to 2105. `memory`: bytes of RAM, for the setup. */
void cmos_init(struct cmos *c, struct timeq *q, struct irq_line irq8, uint32_t epoch, uint64_t memory);
/* What setup notes about fixed disk 0 or 1: its geometry, and LBA translation in the BIOS if it has over 1024 cylinders. */
void cmos_note_disk(struct cmos *c, unsigned n, unsigned cylinders, unsigned heads, unsigned sectors);
bool cmos_attach(struct cmos *c, struct bus *b, struct err *e);
static inline bool cmos_nmi_masked(const struct cmos *c) { return c->index & 0x80; }

#endif
