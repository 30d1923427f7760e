/* See pic.h. */
#include "sim/io/pic.h"

#include "sim/io/bytewise.h"

enum { ICW1_IC4 = 0x01, ICW1_SNGL = 0x02, ICW1_ADI = 0x04, ICW1_LTIM = 0x08, ICW1_ID = 0x10 };
enum { ICW4_UPM = 0x01, ICW4_AEOI = 0x02, ICW4_SFNM = 0x10 };
enum { OCW3_RIS = 0x01, OCW3_RR = 0x02, OCW3_POLL = 0x04, OCW3_ID = 0x08, OCW3_SMM = 0x20, OCW3_ESMM = 0x40 };
enum { CASCADE = 2, SPURIOUS = 7, FLOATING = 0xFF };
enum { PORT_MASTER = 0x20, PORT_SLAVE = 0xA0, OFF_ELCR = 4 /* offsets: 0-1 first chip, 2-3 second chip, 4-5 ELCR */ };

static const uint8_t elcr_writable[2] = { 0xF8, 0xDE }; /* timer, keyboard, cascade; RTC, FPU are edges by wiring */

/* Rank of an input, 0 the most urgent. */
static unsigned rank(const struct pic_chip *c, int level) { return (unsigned)(level - c->lowest - 1) & 7; }

/* The most urgent of a set of inputs; -1 if it is empty. */
static int most_urgent(const struct pic_chip *c, uint8_t set)
{
    unsigned first = c->lowest + 1u, turned = (set * 0x101u >> (first & 7)) & 0xFF;
    return turned ? (int)((first + (unsigned)__builtin_ctz(turned)) & 7) : -1;
}

/* Does this input carry another chip? Only the first chip can have any, and ICW3 says where. */
static bool has_slave(const struct pic *p, const struct pic_chip *c, int level)
{
    return c == &p->chip[0] && !(c->icw1 & ICW1_SNGL) && (c->icw3 >> level & 1);
}

/* The request that gets through; -1 if there is none. In special fully nested mode a slave's input is not blocked by
 * itself, because a more urgent request may have come up within the slave. */
static int request(const struct pic *p, const struct pic_chip *c)
{
    if (!c->ready) return -1;
    int r = most_urgent(c, (uint8_t)(c->irr & ~c->imr));
    if (r < 0) return -1;
    int s = most_urgent(c, c->special_mask ? (uint8_t)(c->isr & ~c->imr) : c->isr);
    if (s < 0 || rank(c, r) < rank(c, s)) return r;
    return r == s && (c->icw4 & ICW4_SFNM) && has_slave(p, c, r) ? r : -1;
}

static void set_pin(struct pic_chip *c, unsigned n, bool level)
{
    uint8_t bit = (uint8_t)(1u << n);
    if (level && !(c->pins & bit)) c->edges |= bit;
    if (!level) c->edges &= (uint8_t)~bit;
    c->pins = (uint8_t)(level ? c->pins | bit : c->pins & ~bit);
}

static void sample_requests(struct pic_chip *c)
{
    uint8_t by_level = c->icw1 & ICW1_LTIM ? 0xFF : c->elcr;
    c->irr = (uint8_t)((c->pins & by_level) | (c->edges & ~by_level));
}

/* Brings both INT pins up to date: the slave's first, for it is an input of the master. */
static void update(struct pic *p)
{
    struct pic_chip *m = &p->chip[0], *s = &p->chip[1];
    sample_requests(s);
    s->out = request(p, s) >= 0;
    set_pin(m, CASCADE, s->out);
    sample_requests(m);
    uint8_t out = request(p, m) >= 0;
    if (out == m->out) return;
    m->out = out;
    irq_set(&p->intr, out);
}

/* INT falls with the acknowledge and rises again if more is waiting: the master, edge-triggered, needs that edge. */
static void lower_int(struct pic *p, struct pic_chip *c)
{
    c->out = 0;
    if (c == &p->chip[1]) set_pin(&p->chip[0], CASCADE, false);
    else irq_set(&p->intr, false);
}

/* Puts the winning request in service and returns its input; -1 if none is left: a spurious acknowledge. */
static int accept(struct pic *p, struct pic_chip *c)
{
    int r = request(p, c);
    if (r < 0) return -1;
    uint8_t bit = (uint8_t)(1u << r);
    c->edges &= (uint8_t)~bit;
    if (!(c->icw4 & ICW4_AEOI)) c->isr |= bit;
    else if (c->rotate_auto) c->lowest = (uint8_t)r;
    return r;
}

/* What the chip drives onto the bus at the second INTA. In MCS-80/85 mode that is the low byte of a CALL address. */
static uint8_t vector(const struct pic_chip *c, int level)
{
    unsigned n = level < 0 ? SPURIOUS : (unsigned)level;
    if (c->icw4 & ICW4_UPM) return (uint8_t)((c->icw2 & 0xF8) | n);
    return (uint8_t)(c->icw1 & ICW1_ADI ? (c->icw1 & 0xE0) | n << 2 : (c->icw1 & 0xC0) | n << 3);
}

uint8_t pic_ack(struct pic *p)
{
    struct pic_chip *m = &p->chip[0], *s = &p->chip[1];
    int r = accept(p, m);
    uint8_t v = vector(m, r);
    if (r >= 0 && has_slave(p, m, r)) {
        bool answers = r == CASCADE && s->ready && (s->icw3 & 7) == CASCADE;
        v = answers ? vector(s, accept(p, s)) : FLOATING;
        if (answers) lower_int(p, s);
    }
    lower_int(p, m);
    update(p);
    return v;
}

bool pic_pending(const struct pic *p) { return p->chip[0].out; }

static void line_set(void *self, unsigned n, bool level)
{
    struct pic *p = self;
    struct pic_chip *c = &p->chip[n >> 3];
    bool rises = level && !(c->pins >> (n & 7) & 1);
    set_pin(c, n & 7, level);
    if (rises && p->trace) TRACE(p->trace, RAISE, 0, .line = (uint8_t)n, .virtual_ = p->is_virtual);
    update(p);
}

struct irq_line pic_line(struct pic *p, unsigned irq)
{
    return (struct irq_line){ line_set, p, irq == CASCADE ? 9 : irq & 15 };
}

/* ICW1 resets the edge sense circuit, so only a new rising edge counts; ELCR and the pins are not the chip's. */
static void begin_init(struct pic_chip *c, uint8_t icw1)
{
    *c = (struct pic_chip){ .pins = c->pins, .elcr = c->elcr, .out = c->out,
                            .icw1 = icw1, .icw3 = SPURIOUS, .expect = 2, .lowest = 7 };
}

static void write_icw(struct pic_chip *c, uint8_t value)
{
    bool single = c->icw1 & ICW1_SNGL, need4 = c->icw1 & ICW1_IC4;
    switch (c->expect) {
    case 2:
        c->icw2 = value;
        c->expect = !single ? 3 : need4 ? 4 : 0;
        break;
    case 3:
        c->icw3 = value;
        c->expect = need4 ? 4 : 0;
        break;
    default:
        c->icw4 = value;
        c->expect = 0;
    }
    c->ready = !c->expect;
}

/* Unless a chip is polled, reading it changes nothing; and a mask is but stored if it lets no request come or go. */
static void show(struct pic *p, unsigned n)
{
    struct pic_chip *c = &p->chip[n];
    uint16_t port = n ? PORT_SLAVE : PORT_MASTER;
    bool plain = !c->poll, masks = !c->expect && !c->special_mask;
    bus_show(p->bus, port, (struct bus_latch){ .read = !plain ? NULL : c->read_isr ? &c->isr : &c->irr });
    const uint8_t *held = c->ready ? &c->irr : &bus_nothing_held;
    bus_show(p->bus, port + 1, (struct bus_latch){ plain ? &c->imr : NULL, masks ? &c->imr : NULL, held });
}

void pic_follow(struct pic *p)
{
    for (unsigned n = 0; n < 2; n++) show(p, n);
}

void pic_mask(struct pic *p, const uint8_t mask[2], uint8_t was[2])
{
    for (unsigned n = 0; n < 2; n++) was[n] = p->chip[n].imr, p->chip[n].imr = mask[n];
    update(p);
    pic_follow(p);
}

/* Bits 7-5 are Rotate, Specific, EOI. 010 is "no operation". */
static void write_ocw2(struct pic_chip *c, uint8_t value)
{
    bool rotate = value & 0x80, specific = value & 0x40, eoi = value & 0x20;
    if (!eoi && !specific) {
        c->rotate_auto = rotate;
        return;
    }
    /* In special mask mode a non-specific EOI passes over levels that are masked. */
    uint8_t ends = c->special_mask ? (uint8_t)(c->isr & ~c->imr) : c->isr;
    int level = specific ? value & 7 : most_urgent(c, ends);
    if (level < 0) return;
    if (eoi) c->isr &= (uint8_t)~(1u << level);
    if (rotate) c->lowest = (uint8_t)level;
}

static void write_ocw3(struct pic_chip *c, uint8_t value)
{
    if (value & OCW3_ESMM) c->special_mask = (value & OCW3_SMM) != 0;
    if (value & OCW3_POLL) c->poll = 1;
    else if (value & OCW3_RR) c->read_isr = value & OCW3_RIS;
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct pic *p = (struct pic *)d;
    struct pic_chip *c = &p->chip[offset >= OFF_ELCR ? offset & 1 : offset >> 1];
    if (offset >= OFF_ELCR) c->elcr = value & elcr_writable[offset & 1];
    else if (!(offset & 1) && (value & ICW1_ID)) begin_init(c, value);
    else if (!(offset & 1) && (value & OCW3_ID)) write_ocw3(c, value);
    else if (!(offset & 1)) write_ocw2(c, value);
    else if (c->expect) write_icw(c, value);
    else if (!(c->irr & (c->imr ^ value)) && !c->special_mask) { /* no request comes or goes by this mask */
        c->imr = value;
        return;
    } else c->imr = value;
    update(p);
    show(p, offset >> 1 & 1);
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    const struct pic *p = (const struct pic *)d;
    if (offset >= OFF_ELCR) return p->chip[offset & 1].elcr;
    const struct pic_chip *c = &p->chip[offset >> 1];
    if (offset & 1 && !c->poll) return c->imr;
    if (c->poll) {
        int r = request(p, c);
        return (uint8_t)(r < 0 ? SPURIOUS : 0x80 | r);
    }
    return offset & 1 ? c->imr : c->read_isr ? c->isr : c->irr;
}

static uint8_t read_byte(struct device *d, uint32_t offset)
{
    struct pic *p = (struct pic *)d;
    uint8_t v = peek_byte(d, offset);
    struct pic_chip *c = &p->chip[offset >> 1 & 1];
    if (offset < OFF_ELCR && c->poll) { /* a polled read is the acknowledge */
        c->poll = 0;
        if (accept(p, c) >= 0) lower_int(p, c);
        update(p);
        show(p, offset >> 1);
    }
    return v;
}

static uint32_t pic_read(struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_read(d, offset, size, read_byte);
}

static void pic_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    bytewise_write(d, offset, size, value, write_byte);
}

static uint32_t pic_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static void pic_reset(struct device *d)
{
    struct pic *p = (struct pic *)d;
    for (unsigned i = 0; i < 2; i++)
        p->chip[i] = (struct pic_chip){ .pins = p->chip[i].pins, .out = p->chip[i].out, .lowest = 7 };
    update(p);
    for (unsigned i = 0; i < 2; i++) show(p, i);
}

#define CHIP_REGS(n, who)                                                                                   \
    { who ".irr", offsetof(struct pic, chip[n].irr), 1, 8, "interrupt requests waiting" },                  \
    { who ".imr", offsetof(struct pic, chip[n].imr), 1, 8, "mask: 1 hides the request" },                   \
    { who ".isr", offsetof(struct pic, chip[n].isr), 1, 8, "in service, until EOI" },                       \
    { who ".base", offsetof(struct pic, chip[n].icw2), 1, 8, "vector of input 0 (ICW2)" },                  \
    { who ".elcr", offsetof(struct pic, chip[n].elcr), 1, 8, "1: level-triggered" },                        \
    { who ".lowest", offsetof(struct pic, chip[n].lowest), 1, 3, "input with the lowest priority" },        \
    { who ".pins", offsetof(struct pic, chip[n].pins), 1, 8, "levels of the inputs" },                      \
    { who ".int", offsetof(struct pic, chip[n].out), 1, 1, "the INT pin" }

static const struct reg_desc regs[] = { CHIP_REGS(0, "master"), CHIP_REGS(1, "slave"), { 0 } };

static const struct device_ops ops = {
    .name = "pic", .regs = regs, .reset = pic_reset, .read = pic_read, .write = pic_write, .peek = pic_peek,
};

void pic_init(struct pic *p, struct irq_line intr)
{
    *p = (struct pic){ .device = { &ops }, .intr = intr };
    pic_reset(&p->device);
}

bool pic_attach(struct pic *p, struct bus *b, struct err *e)
{
    if (!bus_attach(b, BUS_PORT, PORT_MASTER, 2, 0, &p->device, e) || !bus_attach(b, BUS_PORT, PORT_SLAVE, 2, 2, &p->device, e) ||
        !bus_attach(b, BUS_PORT, 0x4D0, 2, OFF_ELCR, &p->device, e)) return false;
    p->bus = b;
    for (unsigned n = 0; n < 2; n++) show(p, n);
    return true;
}
