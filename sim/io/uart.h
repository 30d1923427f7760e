/* The 16550A serial port: eight registers, two FIFOs, one interrupt with four reasons.
 *
 * Idea 1: reasons are ranked. IIR names the most urgent one that is enabled; each is put away by its own register
 * access (LSR read, RBR read, IIR read or THR write, MSR read), and the INT pin is up while any is left.
 * Idea 2: a character in the shift register takes its time on the wire, then reaches the listener. On a PC, OUT2 of
 * the modem control register opens the gate between INT and the interrupt controller.
 *
 * Idea 3: whoever types at the other end minds the handshake: characters come one after the other while there is room,
 * and only once software has set the port up, by DTR or RTS or by looking at LSR. Then a millisecond passes before the first
 * one, so that nothing falls into a loopback test or is cleared with the FIFOs.
 *
 * National Semiconductor PC16550D data sheet (1995). The line is always connected and ready: CTS, DSR and DCD are up.
 * After reset it is set to 9600 8N1 as firmware would leave it. Not modelled: line noise (parity and framing
 * errors), break, the DMA pins, and the delay of the empty indication by one character in FIFO mode. */
#ifndef IO_UART_H
#define IO_UART_H

#include "sim/core/bus.h"

/* Where bytes go; lives outside the machine. `put` may be NULL: nobody listens, the line is ready all the same. */
struct serial_sink {
    void (*put)(void *self, uint8_t byte);
    void *self;
};

/* Where bytes come from: false, nothing now. `get` may be NULL: nobody types. */
struct serial_source {
    bool (*get)(void *self, uint8_t *byte);
    void *self;
};

enum { UART_FIFO = 16, UART_BASE = 0x3F8, UART_PORTS = 8 };

struct uart_fifo {
    uint8_t byte[UART_FIFO], head, count;
};

struct uart {
    struct device      device;
    struct timeq      *q;
    struct irq_line    irq;
    struct bus        *bus;               /* knows which ports are plain bytes for now */
    uint32_t           base;
    struct serial_sink sink;
    struct serial_source source;
    /* The longest a character may take, in cycles; 0: as long as the divisor says. At 3.8 GHz a character at 115200
     * baud is 330,000 cycles of a polling guest's life; beyond this limit the line is declared infinitely fast, as
     * emulators do. */
    uint64_t           char_cycles_max;
    uint8_t            ier, iir, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t           divisor;
    struct uart_fifo   rx, tx;            /* without FIFOs: the first place of each is RBR and THR */
    uint8_t            shift, shifting;   /* the transmitter's shift register; does it hold a character? */
    uint8_t            thr_int, late_int; /* pending: THR empty; characters waiting below the trigger level */
    uint8_t            line;              /* level last driven onto irq */
    uint8_t            polled;            /* LSR was read since reset */
    uint8_t            talking;           /* the other end has begun to send */
    uint8_t            quiet;             /* it had nothing when last asked */
    struct timer       tx_timer, rx_timer, line_timer;
};

/* Makes a port at rest. char_cycles_max starts as 0; set `source` afterwards if wanted. */
void uart_init(struct uart *u, struct timeq *q, struct irq_line irq, struct serial_sink sink);
bool uart_attach(struct uart *u, struct bus *b, uint32_t base, struct err *e);
void uart_follow(struct uart *u); /* its registers were put there by somebody else: device_state.h */
/* The source has something, or has something again: it is asked from now on until it says no. */
void     uart_listen(struct uart *u);
/* A character arrives from the line, now. Lost if the loopback is closed; an overrun if there is no room. */
void     uart_receive(struct uart *u, uint8_t byte);
unsigned uart_room(const struct uart *u); /* how many characters can arrive without an overrun */
/* The wire goes on when the CPU has stopped: hands every character still in the transmitter to the sink. For the end
 * of a run only. */
void     uart_drain(struct uart *u);

#endif
