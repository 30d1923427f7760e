/* The 8042 keyboard controller, and the keyboard and mouse on its two wires.
 *
 * Idea 1: there is one output buffer, read at port 60h; three parties want it: the controller's own replies, the
 * keyboard, the mouse, in this order. OBF says it is full, AUX says by whom, and IRQ1 or IRQ12 is its level.
 * Idea 2: writing port 64h is a command to the controller; writing port 60h is that command's data if it waits for
 * some, else a byte for the keyboard.
 * Idea 3: the keyboard speaks scan code set 2; the controller translates to set 1 unless told not to.
 * Idea 4: two pins of the controller's output port have nothing to do with keys: the CPU's INIT, and the A20 gate.
 *
 * IBM AT technical reference, "Keyboard controller"; IBM PS/2 hardware interface, keyboard and auxiliary device.
 * The state after power-on is what a BIOS leaves: translation, IRQ1 on, mouse off. A byte takes byte_cycles on the
 * keyboard's wire (a real one about 1 ms), commands no time. Not modelled: polling commands C1 and C2, passwords
 * (A4 says none is installed), the lock, parity and time-out, scan code set 3, the Pause key, typematic repeat, the
 * mouse's movements (nobody moves it). */
#ifndef IO_KBC_H
#define IO_KBC_H

#include "sim/core/bus.h"
#include "sim/core/clock.h"

enum { KBC_QUEUE = 16 };

/* A keyboard or mouse: what it still has to send, and the command that waits for its argument. */
struct kbc_unit {
    uint8_t buf[KBC_QUEUE], first, count;
    uint8_t expect;   /* command whose argument comes next; 0: none */
    uint8_t last;     /* sent last, for the resend command */
    uint8_t enabled;  /* scanning, or reporting */
    uint8_t set;      /* keyboard: scan code set 1 or 2 */
    uint8_t leds, typematic; /* keyboard, as commanded */
    uint8_t resolution, rate, remote, scaling, wrap; /* mouse, as commanded */
};

struct kbc {
    struct device   device;
    struct timeq   *q;
    struct irq_line irq1, irq12, a20, reset;
    struct timer    timer;       /* the next byte has come over a wire */
    uint64_t        byte_cycles; /* how long that takes */
    uint8_t  ram[32];            /* [0]: the command byte */
    uint8_t  out;                /* output buffer */
    uint8_t  full, aux;          /* status: output buffer full, from the mouse */
    uint8_t  command_last;       /* status: the last write was to port 64h */
    uint8_t  outport;            /* bits 0 and 1 as written: reset (0 resets), A20 */
    uint8_t  expect;             /* controller command whose data comes next; 0: none */
    uint8_t  reply, reply_aux, replying; /* a reply that waits for the output buffer */
    uint8_t  released;           /* translation: F0 was seen */
    struct kbc_unit keyboard, mouse;
};

/* `reset`: pulsed high to reset the CPU. `a20`: level of the gate. Both are driven from here on, a20 at once. */
void kbc_init(struct kbc *k, struct timeq *q, struct irq_line irq1, struct irq_line irq12, struct irq_line a20,
              struct irq_line reset);
bool kbc_attach(struct kbc *k, struct bus *b, struct err *e);
/* A key goes down or up. `key`: its make code in set 1, with E0 in bits 15-8 for the grey keys. Codes without a key are
 * ignored; when the keyboard's buffer is full, the overrun code takes its last place. */
void kbc_key(struct kbc *k, uint16_t key, bool down);

#endif
