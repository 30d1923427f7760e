/* See glue.h. */
#include "sim/io/glue.h"

enum { P92_RESET = 0x01, P92_A20 = 0x02 };

static void port92_set(struct port92 *p, uint8_t value)
{
    uint8_t rises = value & (uint8_t)~p->value;
    p->value = value & (P92_RESET | P92_A20);
    irq_set(&p->a20, p->value & P92_A20);
    if (rises & P92_RESET) irq_set(&p->reset, true);
}

static void port92_reset(struct device *d) { port92_set((struct port92 *)d, 0); }

static void port92_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)offset, (void)size; /* the window is one port wide: every access is a byte */
    port92_set((struct port92 *)d, (uint8_t)value);
}

static uint32_t port92_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)offset, (void)size;
    return ((const struct port92 *)d)->value;
}

static uint32_t port92_read(struct device *d, uint32_t offset, unsigned size) { return port92_peek(d, offset, size); }

static const struct reg_desc port92_regs[] = {
    { "value", offsetof(struct port92, value), 1, 2, "bit 1: A20 open; bit 0: its rise resets the CPU" },
    { 0 },
};

static const struct device_ops port92_ops = {
    .name = "port92", .regs = port92_regs, .reset = port92_reset,
    .read = port92_read, .write = port92_write, .peek = port92_peek,
};

void port92_init(struct port92 *p, struct irq_line a20, struct irq_line reset)
{
    *p = (struct port92){ .device = { &port92_ops }, .a20 = a20, .reset = reset };
}

bool port92_attach(struct port92 *p, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x92, 1, 0, &p->device, e);
}

enum { POST_PORT = 0x80, POST_190 = 1 /* the window of port 190h, which cannot be read */ };

static void post_show(struct post *p)
{
    bus_show(p->bus, POST_PORT, (struct bus_latch){ &p->code, p->written ? &p->code : NULL, &bus_nothing_held });
}

void post_follow(struct post *p) { post_show(p); }

static void post_reset(struct device *d) { ((struct post *)d)->code = 0; }

static void post_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)offset, (void)size;
    struct post *p = (struct post *)d;
    p->code = (uint8_t)value;
    p->written = 1;
    post_show(p);
}

static uint32_t post_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)size;
    return offset == POST_190 ? 0xFF : ((const struct post *)d)->code;
}

static uint32_t post_read(struct device *d, uint32_t offset, unsigned size) { return post_peek(d, offset, size); }

static const struct reg_desc post_regs[] = {
    { "code", offsetof(struct post, code), 1, 8, "last value written to port 80h or 190h" },
    { "written", offsetof(struct post, written), 1, 1, "1: there was one" },
    { 0 },
};

static const struct device_ops post_ops = {
    .name = "post", .regs = post_regs, .reset = post_reset, .read = post_read, .write = post_write, .peek = post_peek,
};

void post_init(struct post *p) { *p = (struct post){ .device = { &post_ops } }; }

bool post_attach(struct post *p, struct bus *b, struct err *e)
{
    if (!bus_attach(b, BUS_PORT, POST_PORT, 1, 0, &p->device, e) || !bus_attach(b, BUS_PORT, 0x190, 1, POST_190, &p->device, e))
        return false;
    p->bus = b;
    post_show(p);
    return true;
}

/* ---- the x87 unit's error ---- */

static void ignore(struct coprocessor *p, bool level)
{
    p->ignores = level;
    irq_set(&p->ignne, level);
}

static void ferr_pin(void *self, unsigned n, bool level)
{
    (void)n;
    struct coprocessor *p = self;
    if (p->ferr == level) return;
    p->ferr = level;
    if (level) irq_set(&p->irq, true);
    else ignore(p, false);
}

struct irq_line coprocessor_ferr(struct coprocessor *p) { return (struct irq_line){ ferr_pin, p, 0 }; }

static void coprocessor_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    (void)offset, (void)size, (void)value;
    struct coprocessor *p = (struct coprocessor *)d;
    irq_set(&p->irq, false);
    if (p->ferr) ignore(p, true);
}

static uint32_t coprocessor_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)d, (void)offset, (void)size;
    return UINT32_MAX;
}

static uint32_t coprocessor_read(struct device *d, uint32_t offset, unsigned size) { return coprocessor_peek(d, offset, size); }

static void coprocessor_reset(struct device *d)
{
    struct coprocessor *p = (struct coprocessor *)d;
    p->ferr = false;
    irq_set(&p->irq, false);
    ignore(p, false);
}

static const struct reg_desc coprocessor_regs[] = {
    { "ferr", offsetof(struct coprocessor, ferr), 1, 1, "FERR# is asserted" },
    { "ignne", offsetof(struct coprocessor, ignores), 1, 1, "IGNNE# is asserted" },
    { 0 },
};

static const struct device_ops coprocessor_ops = {
    .name = "coprocessor", .regs = coprocessor_regs, .reset = coprocessor_reset,
    .read = coprocessor_read, .write = coprocessor_write, .peek = coprocessor_peek,
};

void coprocessor_init(struct coprocessor *p, struct irq_line irq, struct irq_line ignne)
{
    *p = (struct coprocessor){ .device = { &coprocessor_ops }, .irq = irq, .ignne = ignne };
}

bool coprocessor_attach(struct coprocessor *p, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0xF0, 1, 0, &p->device, e);
}
