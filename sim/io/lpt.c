/* See lpt.h. */
#include "sim/io/lpt.h"

#include "sim/io/bytewise.h"

enum { REG_DATA, REG_STATUS, REG_CONTROL, UNIT_PORTS = 4 };
enum { /* status: as the wires are, BUSY inverted; the rest reads ones */
    ST_READY = 0x80, ST_NO_ACK = 0x40, ST_SELECTED = 0x10, ST_NO_ERROR = 0x08, ST_ONES = 0x07,
    CTL_STROBE = 0x01, CTL_RUN = 0x04 /* low: the printer is held in reset */, CTL_KEPT = 0x1F, CTL_ONES = 0xE0,
};

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct lpt *l = (struct lpt *)d;
    struct lpt_unit *u = &l->unit[offset / UNIT_PORTS];
    unsigned reg = offset % UNIT_PORTS;
    if (reg == REG_DATA) u->data = value;
    if (reg != REG_CONTROL) return;
    bool strobe = value & ~u->control & CTL_STROBE;
    u->control = value & CTL_KEPT;
    if (strobe && (u->control & CTL_RUN) && l->sink.put) l->sink.put(l->sink.self, u->data);
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    const struct lpt_unit *u = &((const struct lpt *)d)->unit[offset / UNIT_PORTS];
    switch (offset % UNIT_PORTS) {
    case REG_DATA: return u->data;
    case REG_STATUS: return ST_READY | ST_NO_ACK | ST_SELECTED | ST_NO_ERROR | ST_ONES;
    default: return u->control | CTL_ONES;
    }
}

static void lpt_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    bytewise_write(d, offset, size, value, write_byte);
}

static uint32_t lpt_peek(const struct device *d, uint32_t offset, unsigned size)
{
    return bytewise_peek(d, offset, size, peek_byte);
}

static uint32_t lpt_read(struct device *d, uint32_t offset, unsigned size) { return lpt_peek(d, offset, size); }

static void lpt_reset(struct device *d)
{
    struct lpt *l = (struct lpt *)d;
    for (unsigned n = 0; n < LPT_UNITS; n++) l->unit[n] = (struct lpt_unit){ .control = CTL_RUN };
}

static const struct reg_desc regs[] = {
    { "data1", offsetof(struct lpt, unit[0].data), 1, 8, "data at 3BC" },
    { "control1", offsetof(struct lpt, unit[0].control), 1, 5, "control at 3BE: bit 0 strobe, bit 2 run" },
    { "data2", offsetof(struct lpt, unit[1].data), 1, 8, "data at 378" },
    { "control2", offsetof(struct lpt, unit[1].control), 1, 5, "control at 37A" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "lpt", .regs = regs, .reset = lpt_reset, .read = lpt_read, .write = lpt_write, .peek = lpt_peek,
};

void lpt_init(struct lpt *l, struct serial_sink sink)
{
    *l = (struct lpt){ .device = { &ops }, .sink = sink };
    lpt_reset(&l->device);
}

bool lpt_attach(struct lpt *l, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x3BC, REG_CONTROL + 1, 0, &l->device, e) &&
           bus_attach(b, BUS_PORT, 0x378, REG_CONTROL + 1, UNIT_PORTS, &l->device, e);
}
