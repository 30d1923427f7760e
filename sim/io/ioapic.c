/* See ioapic.h. */
#include "sim/io/ioapic.h"

enum { OFF_SELECT = 0x00, OFF_DATA = 0x10, WINDOW = 0x1000 };
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_ENTRIES = 0x10 };
enum { VERSION = (IOAPIC_PINS - 1) << 16 | 0x11 };
enum { E_LOGICAL = 1 << 11, E_LOW = 1 << 13, E_REMOTE = 1 << 14, E_LEVEL = 1 << 15, E_MASKED = 1 << 16 };
enum { E_WRITABLE = 0x1AFFF, E_VECTOR = 0xFF };
#define PCI_PINS (0xFFFFFFu << IOAPIC_FIRST_PCI & 0xFFFFFFu)

static unsigned delivery_of(uint32_t entry) { return entry >> 8 & 7; }

/* Is the input active, as its entry sees it? */
static bool active(const struct ioapic *a, unsigned n)
{
    bool level = a->pins >> n & 1;
    return a->entry[n][0] & E_LOW ? !level : level;
}

/* NMI, SMI, INIT and ExtINT are edges whatever the entry says. */
static bool by_level(uint32_t entry) { return (entry & E_LEVEL) && delivery_of(entry) <= APIC_LOWEST; }

static struct apic_message message(const struct ioapic *a, unsigned n)
{
    uint32_t low = a->entry[n][0];
    return (struct apic_message){ .dest = (uint8_t)(a->entry[n][1] >> 24), .vector = (uint8_t)low,
                                  .delivery = (uint8_t)delivery_of(low), .logical = low & E_LOGICAL, .level = by_level(low) };
}

static void send_edge(struct ioapic *a, unsigned n)
{
    uint32_t low = a->entry[n][0];
    if ((low & E_MASKED) || by_level(low) || delivery_of(low) == APIC_EXTINT) return;
    struct apic_message m = message(a, n);
    lapic_message(a->lapic, &m);
}

static void send_level(struct ioapic *a, unsigned n)
{
    uint32_t *low = &a->entry[n][0];
    if ((*low & (E_MASKED | E_REMOTE)) || !by_level(*low) || !active(a, n)) return;
    struct apic_message m = message(a, n);
    if (lapic_message(a->lapic, &m)) *low |= E_REMOTE;
}

static void drive_extint(struct ioapic *a)
{
    bool wanted = false;
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        struct apic_message m = message(a, n);
        if (m.delivery == APIC_EXTINT && !(a->entry[n][0] & E_MASKED) && active(a, n))
            wanted |= lapic_is_addressed(a->lapic, &m);
    }
    lapic_extint(a->lapic, wanted);
}

void ioapic_pin(struct ioapic *a, unsigned n, bool asks)
{
    bool was = active(a, n), level = asks != (n >= IOAPIC_FIRST_PCI);
    a->pins = level ? a->pins | 1u << n : a->pins & ~(1u << n);
    if (active(a, n) && !was) send_edge(a, n);
    send_level(a, n);
    if (delivery_of(a->entry[n][0]) == APIC_EXTINT) drive_extint(a);
}

void ioapic_eoi(struct ioapic *a, uint8_t vector)
{
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        if ((a->entry[n][0] & E_VECTOR) != vector || !(a->entry[n][0] & E_REMOTE)) continue;
        a->entry[n][0] &= ~(uint32_t)E_REMOTE;
        send_level(a, n);
    }
}

void ioapic_retry(struct ioapic *a)
{
    for (unsigned n = 0; n < IOAPIC_PINS; n++) send_level(a, n);
    drive_extint(a);
}

bool ioapic_sends(const struct ioapic *a, enum apic_delivery delivery)
{
    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        if (!(a->entry[n][0] & E_MASKED) && delivery_of(a->entry[n][0]) == delivery) return true;
    return false;
}

/* An entry that becomes edge-triggered forgets that it waits for an EOI: how software gets rid of a lost one. */
static void write_entry(struct ioapic *a, unsigned n, bool high, uint32_t value)
{
    uint32_t *word = &a->entry[n][high];
    if (high) {
        *word = value & 0xFF000000u;
        return;
    }
    *word = (value & E_WRITABLE) | (*word & E_REMOTE);
    if (!by_level(*word)) *word &= ~(uint32_t)E_REMOTE;
    send_level(a, n);
}

static void write_data(struct ioapic *a, uint32_t value)
{
    uint32_t reg = a->select;
    if (reg == REG_ID) a->id = value & 0x0F000000u;
    else if (reg - REG_ENTRIES < 2 * IOAPIC_PINS) write_entry(a, (reg - REG_ENTRIES) / 2, reg & 1, value);
    drive_extint(a);
}

static uint32_t read_data(const struct ioapic *a)
{
    uint32_t reg = a->select;
    switch (reg) {
    case REG_ID: case REG_ARBITRATION: return a->id; /* the arbitration ID is loaded with the ID */
    case REG_VERSION: return VERSION;
    default: return reg - REG_ENTRIES < 2 * IOAPIC_PINS ? a->entry[(reg - REG_ENTRIES) / 2][reg & 1] : 0;
    }
}

static uint32_t ioapic_peek(const struct device *d, uint32_t offset, unsigned size)
{
    (void)size;
    const struct ioapic *a = (const struct ioapic *)d;
    uint32_t reg = offset & ~3u, v = reg == OFF_SELECT ? a->select : reg == OFF_DATA ? read_data(a) : 0;
    return v >> 8 * (offset & 3);
}

static uint32_t ioapic_read(struct device *d, uint32_t offset, unsigned size) { return ioapic_peek(d, offset, size); }

/* The index is a byte, and software writes it as one, too; data must be written whole. */
static void ioapic_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct ioapic *a = (struct ioapic *)d;
    if (offset == OFF_SELECT) a->select = value & 0xFF;
    else if (offset == OFF_DATA && size == 4) write_data(a, value);
}

static void ioapic_reset(struct device *d)
{
    struct ioapic *a = (struct ioapic *)d;
    a->select = a->id = 0;
    for (unsigned n = 0; n < IOAPIC_PINS; n++) a->entry[n][0] = E_MASKED, a->entry[n][1] = 0;
    drive_extint(a);
}

#define ENTRY(n) \
    { "pin" #n, offsetof(struct ioapic, entry[n][0]), 4, 17, "vector; 10-8 delivery, 13 active low, 15 level, 16 masked" }
static const struct reg_desc regs[] = {
    { "id", offsetof(struct ioapic, id), 4, 32, "identifier, bits 27-24" },
    { "select", offsetof(struct ioapic, select), 4, 8, "register at 10h" },
    { "pins", offsetof(struct ioapic, pins), 4, 24, "levels of the inputs" },
    ENTRY(0), ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4), ENTRY(5), ENTRY(6), ENTRY(7), ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11),
    ENTRY(12), ENTRY(13), ENTRY(14), ENTRY(15), ENTRY(16), ENTRY(17), ENTRY(18), ENTRY(19), ENTRY(20), ENTRY(21),
    ENTRY(22), ENTRY(23),
    { 0 },
};

static const struct device_ops ops = {
    .name = "ioapic", .regs = regs, .reset = ioapic_reset, .read = ioapic_read, .write = ioapic_write, .peek = ioapic_peek,
};

void ioapic_init(struct ioapic *a, struct lapic *lapic)
{
    *a = (struct ioapic){ .device = { &ops }, .lapic = lapic, .pins = PCI_PINS };
    ioapic_reset(&a->device);
}

bool ioapic_attach(struct ioapic *a, struct bus *b, struct err *e)
{
    return bus_attach(b, BUS_MEM, IOAPIC_BASE, WINDOW, 0, &a->device, e);
}
