/* See ide.h. */
#include "sim/io/ide.h"

#include "sim/io/bytewise.h"

enum { NIEN = 0x02, SRST = 0x04, HOB = 0x80, DIAGNOSTIC = 0x90 };
enum { OFF_CONTROL = 0x08, OFF_CHANNEL = 0x10, OFF_MASTER = 0x20 };
enum { CFG_COMMAND = 0x04, CMD_IO = 0x01, CMD_MASTER = 0x04, CFG_BASE = 0x20, CFG_TIMING = 0x40 };
#define FLOATING 0xFF7FFF7Fu /* nobody drives DD15..0: DD7 is pulled down, so that BSY does not seem set */

static struct ata *selected(struct ide_channel *c) { return &c->drive[c->selected]; }
static bool empty(const struct ide_channel *c) { return !ata_present(&c->drive[0]) && !ata_present(&c->drive[1]); }

/* --- the cable --- */

/* INTRQ is the selected drive's; nIEN lets go of the wire. Its rise is remembered by the bus master. */
static void drive_line(struct ide_channel *c)
{
    bool level = selected(c)->intrq && !(c->control & NIEN);
    if (level && !c->level) c->bm.status |= BMIDE_INTERRUPT;
    if (level != c->level) {
        c->level = level;
        c->interrupts += level;
        irq_set(&c->irq, level);
    }
}

static void drive_changed(void *channel) { drive_line(channel); }

static void drive_began(void *channel, uint64_t lba, uint32_t count)
{
    struct ide_channel *c = channel;
    const struct ata *a = selected(c);
    if (!c->trace) return;
    TRACE(c->trace, DISK, 0, .op = a->command, .drive = a->unit, .virtual_ = c->is_virtual, .lba = lba < UINT32_MAX ? (uint32_t)lba : UINT32_MAX,
          .count = count);
}

static unsigned drive_dma(void *channel, void *data, unsigned bytes, bool to_memory)
{
    return bmide_transfer(&((struct ide_channel *)channel)->bm, data, bytes, to_memory);
}

static void write_control(struct ide_channel *c, uint8_t value)
{
    bool was = c->control & SRST, is = value & SRST;
    c->control = value;
    for (unsigned d = 0; d < 2 && was != is; d++)
        if (ata_present(&c->drive[d])) ata_software_reset(&c->drive[d], is);
    if (was != is) c->selected = 0;
    drive_line(c);
}

static void write_command(struct ide_channel *c, uint8_t code)
{
    if (code == DIAGNOSTIC) { /* both carry it out; device 0 reports */
        for (unsigned d = 2; d--; )
            if (ata_present(&c->drive[d])) ata_write(&c->drive[d], ATA_COMMAND, code);
        c->selected = 0;
        drive_line(c);
    } else if (ata_present(selected(c))) {
        ata_write(selected(c), ATA_COMMAND, code);
    }
}

static void write_register(struct ide_channel *c, unsigned reg, uint8_t value)
{
    c->control &= (uint8_t)~HOB;
    if (ata_present(selected(c)) && (selected(c)->status & (ATA_BSY | ATA_DRQ))) return;
    if (reg == ATA_COMMAND) {
        write_command(c, value);
        return;
    }
    for (unsigned d = 0; d < 2; d++)
        if (ata_present(&c->drive[d])) ata_write(&c->drive[d], reg, value);
    if (reg == ATA_DEVICE) {
        c->selected = (value & ATA_DEV) != 0;
        drive_line(c);
    }
}

/* A register as it reads now. Device 0 lends its own to an absent device 1, but no status. */
static uint8_t peek_register(const struct ide_channel *c, unsigned reg)
{
    const struct ata *a = &c->drive[c->selected];
    if (empty(c)) return (uint8_t)FLOATING;
    if (ata_present(a)) return ata_read(a, reg, c->control & HOB);
    if (!c->selected) return (uint8_t)FLOATING; /* nobody answers for an absent device 0 */
    return reg == ATA_STATUS || reg == ATA_ERROR ? 0 : ata_read(&c->drive[0], reg, c->control & HOB);
}

static uint8_t read_register(struct ide_channel *c, unsigned reg)
{
    uint8_t v = peek_register(c, reg);
    if (reg == ATA_STATUS && ata_present(selected(c))) ata_acknowledge(selected(c));
    return v;
}

static uint32_t read_data(struct ide_channel *c, unsigned size)
{
    uint32_t v = FLOATING;
    if (!ata_present(selected(c))) return v;
    v = ata_data_in(selected(c));
    return size == 4 ? v | (uint32_t)ata_data_in(selected(c)) << 16 : v;
}

static void write_data(struct ide_channel *c, unsigned size, uint32_t value)
{
    if (!ata_present(selected(c))) return;
    ata_data_out(selected(c), (uint16_t)value);
    if (size == 4) ata_data_out(selected(c), (uint16_t)(value >> 16));
}

/* --- the ports --- */

static struct ide_channel *channel_of(const struct ide *i, uint32_t offset)
{
    unsigned n = offset >= OFF_MASTER ? offset >> 3 & 1 : offset / OFF_CHANNEL;
    return (struct ide_channel *)&i->channel[n];
}

static uint8_t peek_byte(const struct device *d, uint32_t offset)
{
    const struct ide_channel *c = channel_of((const struct ide *)d, offset);
    if (offset >= OFF_MASTER) return bmide_read(&c->bm, offset & 7);
    if (!c->decoded) return 0xFF;
    unsigned reg = offset % OFF_CHANNEL;
    const struct ata *a = &c->drive[c->selected];
    if (reg == ATA_DATA) return (uint8_t)(ata_present(a) ? ata_peek_data(a) : FLOATING);
    return peek_register(c, reg == OFF_CONTROL ? (unsigned)ATA_STATUS : reg);
}

static uint8_t read_byte(struct device *d, uint32_t offset)
{
    struct ide_channel *c = channel_of((struct ide *)d, offset);
    unsigned reg = offset % OFF_CHANNEL;
    if (offset >= OFF_MASTER || !c->decoded || reg == OFF_CONTROL) return peek_byte(d, offset);
    return reg == ATA_DATA ? (uint8_t)read_data(c, 1) : read_register(c, reg);
}

static void write_byte(struct device *d, uint32_t offset, uint8_t value)
{
    struct ide_channel *c = channel_of((struct ide *)d, offset);
    unsigned reg = offset % OFF_CHANNEL;
    if (offset >= OFF_MASTER) {
        if (bmide_write(&c->bm, offset & 7, value)) ata_dma_go(selected(c));
    } else if (c->decoded) {
        if (reg == OFF_CONTROL) write_control(c, value);
        else if (reg == ATA_DATA) write_data(c, 1, value);
        else write_register(c, reg, value);
    }
}

static bool is_data(const struct ide *i, uint32_t offset)
{
    return offset < OFF_MASTER && offset % OFF_CHANNEL == ATA_DATA && channel_of(i, offset)->decoded;
}

static uint32_t ide_read(struct device *d, uint32_t offset, unsigned size)
{
    struct ide *i = (struct ide *)d;
    i->accesses++;
    if (size > 1 && is_data(i, offset)) return read_data(channel_of(i, offset), size);
    return bytewise_read(d, offset, size, read_byte);
}

static void ide_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct ide *i = (struct ide *)d;
    i->accesses++;
    if (size > 1 && is_data(i, offset)) write_data(channel_of(i, offset), size, value);
    else bytewise_write(d, offset, size, value, write_byte);
}

static uint32_t ide_peek(const struct device *d, uint32_t offset, unsigned size)
{
    const struct ide *i = (const struct ide *)d;
    const struct ide_channel *c = channel_of(i, offset);
    if (size == 2 && is_data(i, offset) && ata_present(&c->drive[c->selected]))
        return ata_peek_data(&c->drive[c->selected]);
    return bytewise_peek(d, offset, size, peek_byte);
}

/* --- PCI --- */

void ide_configured(void *ide, const uint8_t *config)
{
    struct ide *i = ide;
    bool io = config[CFG_COMMAND] & CMD_IO;
    uint16_t base = (uint16_t)((config[CFG_BASE] & 0xF0) | config[CFG_BASE + 1] << 8);
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        struct ide_channel *c = &i->channel[n];
        c->decoded = io && (config[CFG_TIMING + 2 * n + 1] & 0x80);
        c->bm.master.enabled = config[CFG_COMMAND] & CMD_MASTER;
        if (c->bm.master.enabled) ata_dma_go(selected(c));
    }
    if (!io || config[CFG_BASE + 2] || config[CFG_BASE + 3]) base = 0; /* off, or beyond the last port */
    if (base == i->base) return;
    i->base = base;
    bus_move_ports(i->bus, &i->device, OFF_MASTER, base, IDE_CHANNELS * BMIDE_PORTS);
}

static void ide_reset(struct device *d)
{
    struct ide *i = (struct ide *)d;
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        struct ide_channel *c = &i->channel[n];
        c->control = c->selected = 0;
        bmide_reset(&c->bm);
        for (unsigned k = 0; k < 2; k++)
            if (ata_present(&c->drive[k])) ata_power_on(&c->drive[k]);
        drive_line(c);
    }
}

#define ROW(name, field, bytes, bits, about) { name, offsetof(struct ide, field), bytes, bits, about }
#define CHANNEL(n, k) \
    ROW("status" n, channel[k].drive[0].status, 1, 8, "device 0: BSY DRDY DF DSC DRQ . . ERR"), \
    ROW("error" n, channel[k].drive[0].error, 1, 8, "device 0: UNC 40h, IDNF 10h, ABRT 04h"), \
    ROW("command" n, channel[k].drive[0].command, 1, 8, "device 0: the last command"), \
    ROW("lba" n, channel[k].drive[0].lba, 8, 48, "device 0: the next sector to move"), \
    ROW("left" n, channel[k].drive[0].left, 4, 17, "device 0: sectors to go"), \
    ROW("select" n, channel[k].selected, 1, 1, "which device is selected"), \
    ROW("control" n, channel[k].control, 1, 8, "device control: nIEN 02h, SRST 04h, HOB 80h"), \
    ROW("bm_cmd" n, channel[k].bm.command, 1, 4, "bus master: start 01h, to memory 08h"), \
    ROW("bm_status" n, channel[k].bm.status, 1, 8, "bus master: active 01h, error 02h, interrupt 04h"), \
    ROW("bm_table" n, channel[k].bm.table, 4, 32, "bus master: descriptor table")
static const struct reg_desc regs[] = { CHANNEL("0", 0), CHANNEL("1", 1), { 0 } };

static const struct device_ops ops = {
    .name = "ide", .regs = regs, .reset = ide_reset, .read = ide_read, .write = ide_write, .peek = ide_peek,
};

static void name_commands(void)
{
    static const char *names[256];
    for (unsigned code = 0; code < 256; code++) {
        const char *name = ata_command_name((uint8_t)code);
        names[code] = name ? name : "(aborted)";
    }
    trace_names("ata", names, 256);
}

void ide_init(struct ide *i, struct bus *b, struct timeq *q, const struct ide_wiring *w)
{
    *i = (struct ide){ .device = { &ops }, .bus = b };
    name_commands();
    for (unsigned n = 0; n < IDE_CHANNELS; n++) {
        struct ide_channel *c = &i->channel[n];
        c->irq = w->irq[n];
        c->bm.master = (struct bus_master){ .bus = b, .watch = w->watch, .map = w->map, .abort = w->abort,
                                            .source = w->source };
        c->trace = w->trace;
        c->is_virtual = w->is_virtual;
        for (unsigned k = 0; k < 2; k++)
            ata_init(&c->drive[k], 2 * n + k, 2 * n + k < w->disks ? &w->disk[2 * n + k] : NULL, &w->times, q,
                     (struct ata_host){ drive_changed, drive_began, drive_dma, c });
        c->drive[0].alone = !ata_present(&c->drive[1]);
    }
    ide_reset(&i->device);
}

bool ide_attach(struct ide *i, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_PORT, 0x1F0, 8, 0, &i->device, e) &&
           bus_attach(b, BUS_PORT, 0x3F6, 1, OFF_CONTROL, &i->device, e) &&
           bus_attach(b, BUS_PORT, 0x170, 8, OFF_CHANNEL, &i->device, e) &&
           bus_attach(b, BUS_PORT, 0x376, 1, OFF_CHANNEL + OFF_CONTROL, &i->device, e);
}
