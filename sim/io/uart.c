/* See uart.h. */
#include "sim/io/uart.h"

#include "sim/io/bytewise.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR }; /* offsets */
enum { IER_RX = 0x01, IER_THR = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08 };
enum { IIR_NONE = 0x01, IIR_MODEM = 0x00, IIR_THR = 0x02, IIR_RX = 0x04, IIR_LINE = 0x06, IIR_LATE = 0x0C,
       IIR_SOURCE = 0x0F, IIR_FIFOS = 0xC0 };
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04, FCR_KEPT = 0xC9 };
enum { LCR_BITS = 0x03, LCR_TWO_STOPS = 0x04, LCR_PARITY = 0x08, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10, MCR_WRITABLE = 0x1F };
enum { LSR_DR = 0x01, LSR_OE = 0x02, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_ERRORS = 0x1E };
enum { MSR_DELTAS = 0x0F, MSR_TERI = 0x04, MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };

#define UART_HZ 1843200u /* the crystal; 16 pulses and the divisor make a bit */

static unsigned depth(const struct uart *u) { return u->fcr & FCR_ENABLE ? UART_FIFO : 1; }

static void fifo_put(struct uart_fifo *f, uint8_t byte) { f->byte[(f->head + f->count++) % UART_FIFO] = byte; }

static uint8_t fifo_get(struct uart_fifo *f)
{
    uint8_t byte = f->byte[f->head];
    f->head = (uint8_t)((f->head + 1) % UART_FIFO);
    f->count--;
    return byte;
}

static unsigned rx_trigger(const struct uart *u)
{
    static const uint8_t level[4] = { 1, 4, 8, 14 };
    return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

/* The most urgent enabled reason; the order of these lines is the data sheet's. */
static uint8_t reason(const struct uart *u)
{
    if ((u->ier & IER_LINE) && (u->lsr & LSR_ERRORS)) return IIR_LINE;
    if ((u->ier & IER_RX) && u->rx.count >= rx_trigger(u)) return IIR_RX;
    if ((u->ier & IER_RX) && u->late_int) return IIR_LATE;
    if ((u->ier & IER_THR) && u->thr_int) return IIR_THR;
    if ((u->ier & IER_MODEM) && (u->msr & MSR_DELTAS)) return IIR_MODEM;
    return IIR_NONE;
}

static bool may_talk(const struct uart *u)
{
    return u->source.get && !(u->mcr & MCR_LOOP) && ((u->mcr & (MCR_DTR | MCR_RTS)) || u->polled);
}

/* Would an access let the next character come (watch_line)? */
static bool is_settled(const struct uart *u)
{
    return may_talk(u) ? u->quiet || u->line_timer.armed || !uart_room(u) : !u->talking && !u->line_timer.armed;
}

static void show(struct uart *u)
{
    bool plain = is_settled(u);
    const uint8_t *lsr = plain && u->polled && !(u->lsr & LSR_ERRORS) ? &u->lsr : NULL;
    bus_show(u->bus, (uint16_t)(u->base + LSR), (struct bus_latch){ .read = lsr });
    bus_show(u->bus, (uint16_t)(u->base + LCR), (struct bus_latch){ .read = plain ? &u->lcr : NULL });
    bus_show(u->bus, (uint16_t)(u->base + MCR), (struct bus_latch){ .read = plain ? &u->mcr : NULL });
    uint8_t *scr = plain ? &u->scr : NULL;
    bus_show(u->bus, (uint16_t)(u->base + SCR), (struct bus_latch){ scr, scr, &bus_nothing_held });
}

void uart_follow(struct uart *u) { show(u); }

/* Brings LSR, IIR and the interrupt wire up to date. The loopback holds the OUT2 pin inactive, so the gate is shut. */
static void update(struct uart *u)
{
    u->lsr = (uint8_t)((u->lsr & LSR_ERRORS) | (u->rx.count ? LSR_DR : 0) | (u->tx.count ? 0 : LSR_THRE) |
                       (u->tx.count || u->shifting ? 0 : LSR_TEMT));
    show(u);
    uint8_t why = reason(u);
    u->iir = (uint8_t)(why | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0));
    uint8_t level = why != IIR_NONE && (u->mcr & MCR_OUT2) && !(u->mcr & MCR_LOOP);
    if (level == u->line) return;
    u->line = level;
    irq_set(&u->irq, level);
}

/* Cycles one character spends on the wire. Counted in half bits, for the one and a half stop bits of 5-bit words. */
static uint64_t char_cycles(const struct uart *u)
{
    unsigned data = 5 + (u->lcr & LCR_BITS);
    unsigned stop = !(u->lcr & LCR_TWO_STOPS) ? 2 : data == 5 ? 3 : 4;
    uint64_t halves = 2 + 2 * data + (u->lcr & LCR_PARITY ? 2 : 0) + stop;
    uint64_t divisor = u->divisor ? u->divisor : 65536;
    uint64_t cycles = halves * divisor * 8 * u->q->clock->hz / UART_HZ;
    return u->char_cycles_max && cycles > u->char_cycles_max ? u->char_cycles_max : cycles;
}

/* FIFO mode: four character times without a character in or out, and some are waiting below the trigger level. */
static void watch_rx(struct uart *u)
{
    if ((u->fcr & FCR_ENABLE) && u->rx.count) timeq_arm(u->q, &u->rx_timer, u->q->clock->now + 4 * char_cycles(u));
    else timeq_cancel(u->q, &u->rx_timer);
}

static void rx_late(void *self, uint64_t when)
{
    (void)when;
    struct uart *u = self;
    u->late_int = 1;
    update(u);
}

static uint8_t on_wire(const struct uart *u, uint8_t byte)
{
    return (uint8_t)(byte & 0xFF >> (3 - (u->lcr & LCR_BITS)));
}

/* Without FIFOs a late RBR is overwritten; a full FIFO keeps what it has. Either way somebody was overrun. */
static void arrive(struct uart *u, uint8_t byte)
{
    if (u->rx.count >= depth(u)) {
        u->lsr |= LSR_OE;
        if (depth(u) == 1) u->rx.byte[u->rx.head] = byte;
    } else {
        fifo_put(&u->rx, byte);
    }
    watch_rx(u);
}

/* ---- the other end's sender ---- */

enum { HESITATION_NS = 1000000 };

/* To be called after whatever may let the next character come. */
static void watch_line(struct uart *u)
{
    if (is_settled(u)) return;
    if (may_talk(u)) {
        uint64_t wait = u->talking ? char_cycles(u) : clock_from_ns(u->q->clock, HESITATION_NS);
        timeq_arm(u->q, &u->line_timer, u->q->clock->now + wait);
    } else {
        u->talking = 0;
        timeq_cancel(u->q, &u->line_timer);
    }
    show(u);
}

static void line_brings(void *self, uint64_t when)
{
    (void)when;
    struct uart *u = self;
    uint8_t byte;
    if (!uart_room(u)) return; /* the FIFOs were switched off meanwhile */
    u->talking = 1;
    u->quiet = !u->source.get(u->source.self, &byte);
    if (!u->quiet) {
        arrive(u, on_wire(u, byte));
        update(u);
    }
    watch_line(u);
}

void uart_listen(struct uart *u)
{
    u->quiet = 0;
    watch_line(u);
}

/* ---- the transmitter ---- */

static void start_shift(struct uart *u, uint64_t when)
{
    u->shift = on_wire(u, fifo_get(&u->tx));
    u->shifting = 1;
    if (!u->tx.count) u->thr_int = 1;
    timeq_arm(u->q, &u->tx_timer, when + char_cycles(u));
}

static void finish_shift(struct uart *u)
{
    u->shifting = 0;
    if (u->mcr & MCR_LOOP) arrive(u, u->shift);
    else if (u->sink.put) u->sink.put(u->sink.self, u->shift);
}

static void tx_done(void *self, uint64_t when)
{
    struct uart *u = self;
    finish_shift(u);
    if (u->tx.count) start_shift(u, when);
    update(u);
}

static void write_thr(struct uart *u, uint8_t value)
{
    u->thr_int = 0;
    if (u->tx.count < depth(u)) fifo_put(&u->tx, value);
    else if (depth(u) == 1) u->tx.byte[u->tx.head] = value;
    update(u); /* INT falls here, before an idle shift register empties THR again: the controller needs that edge */
    if (!u->shifting) start_shift(u, u->q->clock->now);
}

static void write_ier(struct uart *u, uint8_t value)
{
    if ((value & ~u->ier & IER_THR) && !u->tx.count) u->thr_int = 1;
    u->ier = value & 0x0F;
}

static void clear_rx(struct uart *u)
{
    u->rx = (struct uart_fifo){ 0 };
    u->late_int = 0;
    watch_rx(u);
}

static void clear_tx(struct uart *u)
{
    if (u->tx.count) u->thr_int = 1;
    u->tx = (struct uart_fifo){ 0 };
}

/* Other bits count only together with the enable bit; switching the FIFOs on or off empties both. */
static void write_fcr(struct uart *u, uint8_t value)
{
    bool flips = (value ^ u->fcr) & FCR_ENABLE;
    if (!(value & FCR_ENABLE)) value = 0;
    u->fcr = value & FCR_KEPT;
    if (flips || (value & FCR_CLEAR_RX)) clear_rx(u);
    if (flips || (value & FCR_CLEAR_TX)) clear_tx(u);
}

/* In loopback the four modem outputs come back as inputs; else the cable says all is well. RI counts when it ends. */
static void sample_modem(struct uart *u)
{
    uint8_t pins = MSR_CTS | MSR_DSR | MSR_DCD;
    if (u->mcr & MCR_LOOP)
        pins = (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                         (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
    uint8_t moved = (uint8_t)((pins ^ u->msr) >> 4);
    if (pins & MSR_RI) moved &= (uint8_t)~MSR_TERI;
    u->msr = (uint8_t)(pins | (u->msr & MSR_DELTAS) | moved);
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct uart *u = (struct uart *)d;
    bool dlab = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR:
        if (dlab) u->divisor = (uint16_t)((u->divisor & 0xFF00) | value);
        else write_thr(u, value);
        break;
    case IER:
        if (dlab) u->divisor = (uint16_t)((u->divisor & 0x00FF) | value << 8);
        else write_ier(u, value);
        break;
    case IIR_FCR: write_fcr(u, value); break;
    case LCR: u->lcr = value; break;
    case MCR:
        u->mcr = value & MCR_WRITABLE;
        sample_modem(u);
        break;
    case SCR: u->scr = value; break;
    default: break; /* LSR and MSR: writing is for the factory's tests */
    }
    update(u);
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    const struct uart *u = (const struct uart *)d;
    bool dlab = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR: return dlab ? (uint8_t)u->divisor : u->rx.byte[u->rx.head];
    case IER: return dlab ? (uint8_t)(u->divisor >> 8) : u->ier;
    case IIR_FCR: return u->iir;
    case LCR: return u->lcr;
    case MCR: return u->mcr;
    case LSR: return u->lsr;
    case MSR: return u->msr;
    default: return u->scr;
    }
}

static uint8_t read_byte(struct device *d, uint32_t offset)
{
    struct uart *u = (struct uart *)d;
    uint8_t v = peek_byte(d, offset);
    switch (offset) {
    case RBR_THR:
        if ((u->lcr & LCR_DLAB) || !u->rx.count) break;
        fifo_get(&u->rx);
        if (depth(u) == 1) u->rx.head = 0, u->rx.byte[0] = v; /* RBR keeps its last character */
        u->late_int = 0;
        watch_rx(u);
        break;
    case IIR_FCR:
        if ((v & IIR_SOURCE) == IIR_THR) u->thr_int = 0;
        break;
    case LSR:
        u->polled = 1;
        u->lsr &= (uint8_t)~LSR_ERRORS;
        break;
    case MSR: u->msr &= (uint8_t)~MSR_DELTAS; break;
    default: break;
    }
    update(u);
    return v;
}

static uint32_t uart_read(struct device *d, uint32_t offset, unsigned size)
{
    uint32_t v = bytewise_read(d, offset, size, read_byte);
    watch_line((struct uart *)d);
    return v;
}

static void uart_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    bytewise_write(d, offset, size, value, write_byte);
    watch_line((struct uart *)d);
}

static uint32_t uart_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static void uart_reset(struct device *d)
{
    struct uart *u = (struct uart *)d;
    timeq_cancel(u->q, &u->tx_timer);
    timeq_cancel(u->q, &u->rx_timer);
    timeq_cancel(u->q, &u->line_timer);
    u->polled = u->talking = 0;
    u->ier = u->fcr = u->mcr = u->lsr = u->scr = u->shift = u->shifting = u->thr_int = u->late_int = 0;
    u->rx = u->tx = (struct uart_fifo){ 0 };
    u->lcr = LCR_BITS;
    u->divisor = 12;
    u->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    update(u);
}

static const struct reg_desc regs[] = {
    { "ier", offsetof(struct uart, ier), 1, 4, "interrupts enabled: modem, line, THR empty, data" },
    { "iir", offsetof(struct uart, iir), 1, 8, "most urgent interrupt; bit 0: none" },
    { "fcr", offsetof(struct uart, fcr), 1, 8, "FIFO control" },
    { "lcr", offsetof(struct uart, lcr), 1, 8, "line control; bit 7: divisor latch access" },
    { "mcr", offsetof(struct uart, mcr), 1, 5, "loop, OUT2 (interrupt gate), OUT1, RTS, DTR" },
    { "lsr", offsetof(struct uart, lsr), 1, 8, "line status; bit 0: data ready, bit 5: THR empty" },
    { "msr", offsetof(struct uart, msr), 1, 8, "modem status" },
    { "scr", offsetof(struct uart, scr), 1, 8, "scratch" },
    { "divisor", offsetof(struct uart, divisor), 2, 16, "115200 / baud rate" },
    { "rx.count", offsetof(struct uart, rx.count), 1, 5, "characters received and not read" },
    { "tx.count", offsetof(struct uart, tx.count), 1, 5, "characters waiting to be sent" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "uart", .regs = regs, .reset = uart_reset, .read = uart_read, .write = uart_write, .peek = uart_peek,
};

void uart_init(struct uart *u, struct timeq *q, struct irq_line irq, struct serial_sink sink)
{
    *u = (struct uart){ .device = { &ops }, .q = q, .irq = irq, .sink = sink, .quiet = 1,
                        .tx_timer = { .fire = tx_done, .self = u }, .rx_timer = { .fire = rx_late, .self = u },
                        .line_timer = { .fire = line_brings, .self = u } };
    uart_reset(&u->device);
}

bool uart_attach(struct uart *u, struct bus *b, uint32_t base, struct err *e)
{
    if (!bus_attach(b, BUS_PORT, base, UART_PORTS, 0, &u->device, e)) return false;
    u->bus = b;
    u->base = base;
    show(u);
    return true;
}

void uart_receive(struct uart *u, uint8_t byte)
{
    if (u->mcr & MCR_LOOP) return;
    arrive(u, on_wire(u, byte));
    update(u);
}

unsigned uart_room(const struct uart *u)
{
    return u->rx.count < depth(u) ? depth(u) - u->rx.count : 0;
}

void uart_drain(struct uart *u)
{
    timeq_cancel(u->q, &u->tx_timer);
    while (u->shifting) {
        finish_shift(u);
        if (!u->tx.count) break;
        start_shift(u, u->q->clock->now);
        timeq_cancel(u->q, &u->tx_timer);
    }
    update(u);
}
