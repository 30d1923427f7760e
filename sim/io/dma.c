/* See dma.h. */
#include "sim/io/dma.h"

#include "sim/io/bytewise.h"

/* Offsets into the device: first chip, second chip (its ports halved), page registers. */
enum { OFF_FIRST = 0x00, OFF_SECOND = 0x20, OFF_PAGES = 0x40 };
enum { STATUS_COMMAND = 8, REQUEST, MASK_ONE, MODE, CLEAR_HIGH, MASTER_CLEAR, CLEAR_MASKS, MASK_ALL };
enum { ALL_MASKED = 0x0F, CASCADE_MODE = 0xC0 };

static struct dma_chip *chip_of(struct dma *d, uint32_t offset, unsigned *reg)
{
    *reg = offset < OFF_SECOND ? offset : (offset - OFF_SECOND) / 2;
    return &d->chip[offset >= OFF_SECOND];
}

static void master_clear(struct dma_chip *c)
{
    c->command = c->request = c->high = 0;
    c->mask = ALL_MASKED;
}

static void set_bit(uint8_t *set, uint8_t value) /* bits 1-0: which; bit 2: set or clear */
{
    uint8_t bit = (uint8_t)(1u << (value & 3));
    *set = (uint8_t)(value & 4 ? *set | bit : *set & ~bit);
}

static void write_count(struct dma_chip *c, unsigned reg, uint8_t value)
{
    uint16_t *base = &c->channel[reg / 2].base[reg & 1];
    *base = (uint16_t)(c->high ? (*base & 0x00FF) | value << 8 : (*base & 0xFF00) | value);
    c->channel[reg / 2].now[reg & 1] = *base;
    c->high = !c->high;
}

static void write_chip(struct dma_chip *c, unsigned reg, uint8_t value)
{
    switch (reg) {
    case STATUS_COMMAND: c->command = value; break;
    case REQUEST: set_bit(&c->request, value); break;
    case MASK_ONE: set_bit(&c->mask, value); break;
    case MODE: c->channel[value & 3].mode = value & 0xFC; break;
    case CLEAR_HIGH: c->high = 0; break;
    case MASTER_CLEAR: master_clear(c); break;
    case CLEAR_MASKS: c->mask = 0; break;
    case MASK_ALL: c->mask = value & ALL_MASKED; break;
    default: write_count(c, reg, value);
    }
}

static void write_byte(struct device *device, uint32_t offset, uint8_t value)
{
    struct dma *d = (struct dma *)device;
    unsigned reg;
    if (offset >= OFF_PAGES) {
        d->page[offset - OFF_PAGES] = value;
        return;
    }
    struct dma_chip *c = chip_of(d, offset, &reg);
    write_chip(c, reg, value);
}

static uint8_t peek_chip(const struct dma_chip *c, unsigned reg)
{
    switch (reg) {
    case STATUS_COMMAND: return (uint8_t)(c->request << 4); /* no channel has ever reached its terminal count */
    case MASTER_CLEAR: return 0; /* the temporary register */
    case MASK_ALL: return (uint8_t)(0xF0 | c->mask);
    default: return reg < STATUS_COMMAND ? (uint8_t)(c->channel[reg / 2].now[reg & 1] >> (c->high ? 8 : 0)) : 0xFF;
    }
}

static uint8_t peek_byte(const struct device *device, uint32_t offset)
{
    struct dma copy = *(const struct dma *)device;
    unsigned reg;
    if (offset >= OFF_PAGES) return copy.page[offset - OFF_PAGES];
    const struct dma_chip *c = chip_of(&copy, offset, &reg);
    return peek_chip(c, reg);
}

static uint8_t read_byte(struct device *device, uint32_t offset)
{
    uint8_t v = peek_byte(device, offset);
    unsigned reg;
    if (offset >= OFF_PAGES) return v;
    struct dma_chip *c = chip_of((struct dma *)device, offset, &reg);
    if (reg < STATUS_COMMAND) c->high = !c->high;
    return v;
}

static uint32_t dma_read(struct device *d, uint32_t offset, unsigned size) { return bytewise_read(d, offset, size, read_byte); }
static uint32_t dma_peek(const struct device *d, uint32_t offset, unsigned size) { return bytewise_peek(d, offset, size, peek_byte); }
static void dma_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    bytewise_write(d, offset, size, value, write_byte);
}

/* Channel 4 carries the first chip; a BIOS sets that up, and nothing else is of use. */
static void dma_reset(struct device *device)
{
    struct dma *d = (struct dma *)device;
    for (unsigned i = 0; i < 2; i++) {
        d->chip[i] = (struct dma_chip){ 0 };
        master_clear(&d->chip[i]);
    }
    for (unsigned i = 0; i < 16; i++) d->page[i] = 0;
    d->chip[1].channel[0].mode = CASCADE_MODE;
}

#define CHIP_REGS(n, who)                                                                            \
    { who ".command", offsetof(struct dma, chip[n].command), 1, 8, "as written" },                   \
    { who ".mask", offsetof(struct dma, chip[n].mask), 1, 4, "1: the channel does not ask" },        \
    { who ".high", offsetof(struct dma, chip[n].high), 1, 1, "flip-flop: the next byte is the high one" }
static const struct reg_desc regs[] = { CHIP_REGS(0, "first"), CHIP_REGS(1, "second"), { 0 } };

static const struct device_ops ops = {
    .name = "dma", .regs = regs, .reset = dma_reset, .read = dma_read, .write = dma_write, .peek = dma_peek,
};

void dma_init(struct dma *d)
{
    *d = (struct dma){ .device = { &ops } };
    dma_reset(&d->device);
}

bool dma_attach(struct dma *d, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x00, 0x10, OFF_FIRST, &d->device, e) &&
           bus_attach(b, BUS_PORT, 0xC0, 0x20, OFF_SECOND, &d->device, e) &&
           bus_attach(b, BUS_PORT, 0x81, 0x0F, OFF_PAGES + 1, &d->device, e);
}
