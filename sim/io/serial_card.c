/* See serial_card.h. */
#include "sim/io/serial_card.h"

#include "sim/io/devices.h"

static struct device *line_of(const struct device *d, uint32_t offset)
{
    return &((const struct serial_card *)(const void *)d)->line[offset / UART_PORTS].device;
}

static uint32_t card_read(struct device *d, uint32_t offset, unsigned size)
{
    struct device *line = line_of(d, offset);
    return line->ops->read(line, offset % UART_PORTS, size);
}

static void card_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct device *line = line_of(d, offset);
    line->ops->write(line, offset % UART_PORTS, size, value);
}

static uint32_t card_peek(const struct device *d, uint32_t offset, unsigned size)
{
    const struct device *line = line_of(d, offset);
    return line->ops->peek(line, offset % UART_PORTS, size);
}

static void card_reset(struct device *d)
{
    struct serial_card *c = (struct serial_card *)(void *)d;
    for (unsigned n = 0; n < c->lines; n++) c->line[n].device.ops->reset(&c->line[n].device);
}

static const struct device_ops ops = {
    .name = "serial-card", .reset = card_reset, .read = card_read, .write = card_write, .peek = card_peek,
};

bool serial_card_init(struct serial_card *c, unsigned lines, struct bus *b, struct timeq *q, struct arena *a, struct err *e)
{
    *c = (struct serial_card){ { &ops }, lines, arena_alloc(a, lines * sizeof *c->line) };
    for (unsigned n = 0; n < lines; n++) {
        uart_init(&c->line[n], q, (struct irq_line){ 0 }, (struct serial_sink){ 0 });
        c->line[n].char_cycles_max = DEVICES_CHAR_CYCLES;
    }
    return bus_attach(b, BUS_PORT, SERIAL_CARD_BASE, lines * UART_PORTS, 0, &c->device, e);
}
