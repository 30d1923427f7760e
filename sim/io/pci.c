/* See pci.h. */
#include "sim/io/pci.h"

#include <string.h>

enum { PIRQRC = 0x60, PIRQRC_OFF = 0x80, INTERRUPT_LINE = 0x3C };
enum { STATUS_HIGH = 0x07, RECEIVED_MASTER_ABORT = 0x20 }; /* the status register's upper byte: ones clear */
enum { OFF_DATA = 4, OFF_RESET = 1, CF9_HARD = 0x02, CF9_RESET = 0x04 };
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_MASK   0x80FFFFFCu

static const uint8_t devfn[PCI_FUNCTIONS] = { 0x00, 0x08, 0x09, 0x0B, 0x10, PCI_NIC_SLOT << 3, PCI_NIC_SLOT << 3, 0x20, 0x28, 0x30, 0x38 };

/* What the configuration space holds: `value` little-endian in `size` bytes at `at`, of which software can change the
 * bits of `writable`. All else is zero and read-only. */
/* Virtio devices of revision 0: the legacy interface. A disk's slot's interrupt may be the network card's. */
#define VIRTIO(f, id, class, ports, irq)                   \
    { f, 0x00, 4, 0x1AF4 | (id) << 16, 0 },                \
    { f, 0x04, 4, 0x00000007, 0x00000107 },                \
    { f, 0x08, 4, (class) << 24, 0 },                      \
    { f, 0x0C, 4, 0, 0x0000FF00 },                         \
    { f, 0x10, 4, (ports) | 1, 0xFFFFFFC0 },           /* 64 ports */ \
    { f, 0x2C, 4, 0x1AF4 | ((id) - 0xFFF) << 16, 0 }, /* what it is: 1 a card, 2 a disk */ \
    { f, 0x3C, 4, 0x00000100 | (irq), 0x000000FF }

static const struct row {
    uint8_t function, at, size;
    uint32_t value, writable;
} rows[] = {
    { PCI_HOST, 0x00, 4, 0x12378086, 0 },
    { PCI_HOST, 0x04, 4, 0x02800006, 0x00000100 },
    { PCI_HOST, 0x08, 4, 0x06000002, 0 },
    { PCI_HOST, 0x0C, 4, 0, 0x0000F800 },
    { PCI_HOST, 0x2C, 4, 0x11001AF4, 0 },             /* subsystem: by it some firmware knows a simulated board */
    { PCI_HOST, 0x58, 4, 0, 0x33333000 },             /* PAM0-2: shadow RAM */
    { PCI_HOST, 0x5C, 4, 0, 0x33333333 },             /* PAM3-6 */
    { PCI_HOST, 0x72, 1, 0x02, 0x78 },                /* SMRAM */
    { PCI_ISA, 0x00, 4, 0x70008086, 0 },
    { PCI_ISA, 0x04, 4, 0x02000007, 0x00000008 },
    { PCI_ISA, 0x08, 4, 0x06010000, 0 },
    { PCI_ISA, 0x0C, 4, 0x00800000, 0 },              /* more functions follow */
    { PCI_ISA, 0x4C, 4, 0x0003004D, 0x01FF007F },     /* recovery times, chip selects */
    { PCI_ISA, 0x60, 4, 0x80808080, 0x8F8F8F8F },     /* PIRQ routes: none */
    { PCI_ISA, 0x69, 1, 0x02, 0xFE },                 /* top of memory */
    { PCI_IDE, 0x00, 4, 0x70108086, 0 },
    { PCI_IDE, 0x04, 4, 0x02800005, 0x00000005 },     /* ports decoded, bus master enabled */
    { PCI_IDE, 0x08, 4, 0x01018000, 0 },
    { PCI_IDE, 0x0C, 4, 0, 0x0000F000 },
    { PCI_IDE, 0x20, 4, 0x0000C001, 0xFFFFFFF0 },     /* bus master registers: 16 ports (see pci.h) */
    { PCI_IDE, 0x40, 4, 0x80008000, 0xF3FFF3FF },     /* both channels' ports are decoded */
    { PCI_PM, 0x00, 4, 0x71138086, 0 },
    { PCI_PM, 0x04, 4, 0x02800001, 0x00000001 },
    { PCI_PM, 0x08, 4, 0x06800003, 0 },
    { PCI_PM, 0x3C, 4, 0x00000109, 0x000000FF },      /* INTA, which is IRQ 9 */
    { PCI_PM, 0x40, 4, 0x0000B001, 0x0000FFC0 },      /* base of the ports */
    { PCI_PM, 0x58, 4, 0x02000000, 0x0FFFFFFF },      /* APMC_EN: SMM is set up, says this to firmware. There is none */
    { PCI_PM, 0x80, 1, 0x01, 0x01 },                  /* which are decoded */
    { PCI_VGA, 0x04, 4, 0x02000000, 0x00000003 },
    { PCI_VGA, 0x08, 4, 0x03000000, 0 },
    { PCI_VGA, 0x30, 4, 0, 0xFFFF0001 },              /* its ROM: 64 KB */
    { PCI_NIC, 0x00, 4, 0x813910EC, 0 },
    { PCI_NIC, 0x04, 4, 0x02800007, 0x00000107 },
    { PCI_NIC, 0x08, 4, 0x02000010, 0 },
    { PCI_NIC, 0x0C, 4, 0x00004000, 0x0000FF00 },
    { PCI_NIC, 0x10, 4, 0x0000C201, 0xFFFFFF00 },     /* 256 ports */
    { PCI_NIC, 0x14, 4, 0xFEBF1000, 0xFFFFFF00 },     /* 256 bytes */
    { PCI_NIC, 0x2C, 4, 0x813910EC, 0 },
    { PCI_NIC, 0x3C, 4, 0x40200100 | PCI_NIC_IRQ, 0x000000FF }, /* INTA */
    VIRTIO(PCI_VIRTIO_NET, 0x1000, 2, 0xC200, PCI_NIC_IRQ),
    VIRTIO(PCI_VIRTIO_BLK, 0x1001, 1, 0xC300, PCI_VIRTIO_IRQ), VIRTIO(PCI_VIRTIO_BLK + 1, 0x1001, 1, 0xC340, PCI_VIRTIO_IRQ),
    VIRTIO(PCI_VIRTIO_BLK + 2, 0x1001, 1, 0xC380, PCI_VIRTIO_IRQ), VIRTIO(PCI_VIRTIO_BLK + 3, 0x1001, 1, 0xC3C0, PCI_NIC_IRQ),
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool present(const struct pci *p, int f)
{
    if (f >= PCI_VIRTIO_BLK) return f - PCI_VIRTIO_BLK < p->virtio;
    if (f == PCI_VGA) return p->vga != 0;
    return f == PCI_NIC ? p->nic == PCI_NIC_RTL8139 : f == PCI_VIRTIO_NET ? p->nic == PCI_NIC_VIRTIO : true;
}

uint16_t pci_source(enum pci_function f) { return devfn[f]; }

/* The function that CF8h selects; -1 if nobody answers. */
static int selected(const struct pci *p)
{
    if (!(p->address & ADDRESS_ENABLE)) return -1;
    for (int f = 0; f < PCI_FUNCTIONS; f++)
        if (present(p, f) && (p->address >> 8 & 0xFFFF) == devfn[f]) return f; /* bus 0 */
    return -1;
}

static uint8_t writable(int function, unsigned at)
{
    for (unsigned i = 0; i < ROWS; i++) {
        const struct row *r = &rows[i];
        if (r->function == function && at - r->at < r->size) return (uint8_t)(r->writable >> 8 * (at - r->at));
    }
    return 0;
}

static void tell(struct pci *p, unsigned function)
{
    const struct pci_listener *l = &p->listener[function];
    if (l->changed) l->changed(l->self, p->config[function]);
}

void pci_listen(struct pci *p, enum pci_function f, struct pci_listener l)
{
    p->listener[f] = l;
    tell(p, f);
}

void pci_follow(struct pci *p)
{
    for (unsigned f = 0; f < PCI_FUNCTIONS; f++) tell(p, f);
}

/* PAM0-6, each a nibble of two bits, read and write: F0000-FFFFF in the high one of 59h, then from the low one of 5Ah on
 * 16 KB each from C0000. */
enum { PAM_FIRST = 0x59, PAM_LAST = 0x5F, PAM_PAGES = 4, PAM_BIOS_PAGES = 16 };

static void drive_shadow(const struct pci *p, unsigned at)
{
    uint8_t pam = p->config[PCI_HOST][at];
    const struct shadow_line *s = &p->shadow;
    if (!s->set) return;
    if (at == PAM_FIRST) {
        s->set(s->self, SHADOW_PAGES - PAM_BIOS_PAGES, PAM_BIOS_PAGES, pam >> 4 & SHADOW_RAM);
        return;
    }
    unsigned page = (at - PAM_FIRST - 1) * 2 * PAM_PAGES;
    s->set(s->self, page, PAM_PAGES, pam & SHADOW_RAM);
    s->set(s->self, page + PAM_PAGES, PAM_PAGES, pam >> 4 & SHADOW_RAM);
}

static void write_config(struct pci *p, unsigned at, uint8_t value)
{
    int f = selected(p);
    uint8_t mask = writable(f, at), *byte = &p->config[f][at];
    *byte = (uint8_t)((*byte & ~mask) | (value & mask));
    if (at == STATUS_HIGH) *byte &= (uint8_t)~(value & RECEIVED_MASTER_ABORT);
    if (f == PCI_HOST && at >= PAM_FIRST && at <= PAM_LAST) drive_shadow(p, at);
}

static void aborted(void *pci, unsigned function, bool level)
{
    if (level) ((struct pci *)pci)->config[function][STATUS_HIGH] |= RECEIVED_MASTER_ABORT;
}

struct irq_line pci_abort_line(struct pci *p, enum pci_function f) { return (struct irq_line){ aborted, p, f }; }

static void write_reset(struct pci *p, uint8_t value)
{
    bool rises = (value & CF9_RESET) && !(p->control & CF9_RESET);
    p->control = value & (CF9_RESET | CF9_HARD);
    if (rises) irq_set(&p->reset[(value & CF9_HARD) != 0], true);
}

static void pci_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct pci *p = (struct pci *)d;
    unsigned reg = p->address & 0xFC;
    if (offset == 0 && size == 4) p->address = value & ADDRESS_MASK;
    else if (offset == OFF_RESET && size == 1) write_reset(p, (uint8_t)value);
    else if (offset >= OFF_DATA && selected(p) >= 0) {
        for (unsigned i = 0; i < size; i++) write_config(p, reg + offset - OFF_DATA + i, (uint8_t)(value >> 8 * i));
        tell(p, (unsigned)selected(p));
    }
}

static uint32_t pci_peek(const struct device *d, uint32_t offset, unsigned size)
{
    const struct pci *p = (const struct pci *)d;
    if (offset == 0 && size == 4) return p->address;
    if (offset == OFF_RESET && size == 1) return p->control;
    int f = selected(p);
    if (offset < OFF_DATA || f < 0) return UINT32_MAX;
    uint32_t v = 0;
    memcpy(&v, &p->config[f][(p->address & 0xFC) + offset - OFF_DATA], size);
    return v;
}

static uint32_t pci_read(struct device *d, uint32_t offset, unsigned size) { return pci_peek(d, offset, size); }

static void pci_reset(struct device *d)
{
    struct pci *p = (struct pci *)d;
    p->address = 0;
    p->control = 0;
    memset(p->config, 0, sizeof p->config);
    for (unsigned i = 0; i < ROWS; i++) memcpy(&p->config[rows[i].function][rows[i].at], &rows[i].value, rows[i].size);
    memcpy(p->config[PCI_VGA], &p->vga, sizeof p->vga);
    for (int f = PCI_NIC; f < PCI_FUNCTIONS; f++) /* where firmware has routed them */
        if (present(p, f)) p->config[PCI_ISA][PIRQRC + ((devfn[f] >> 3) - 1) % 4] = p->config[f][INTERRUPT_LINE];
    for (unsigned f = 0; f < PCI_FUNCTIONS; f++) tell(p, f);
    for (unsigned at = PAM_FIRST; at <= PAM_LAST; at++) {
        p->config[PCI_HOST][at] = (uint8_t)(p->pam_reset * (at == PAM_FIRST ? 0x10 : 0x11));
        drive_shadow(p, at);
    }
}

static const struct reg_desc regs[] = {
    { "address", offsetof(struct pci, address), 4, 32, "configuration address: enable, bus, device, function, register" },
    { "reset", offsetof(struct pci, control), 1, 3, "port CF9h: bit 1 hard, bit 2 its rise resets" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "pci", .regs = regs, .reset = pci_reset, .read = pci_read, .write = pci_write, .peek = pci_peek,
};

void pci_init(struct pci *p, struct irq_line reset_cpu, struct irq_line reset_board)
{
    *p = (struct pci){ .device = { &ops }, .reset = { reset_cpu, reset_board } };
    pci_reset(&p->device);
}

/* IRQ 0, 1, 2, 8 and 13 are reserved values: no device may be routed there. */
int pci_pirq_route(const struct pci *p, unsigned pirq)
{
    const unsigned reserved = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 8 | 1 << 13;
    uint8_t route = p->config[PCI_ISA][PIRQRC + pirq];
    unsigned irq = route & 0x0F;
    return (route & PIRQRC_OFF) || (reserved >> irq & 1) ? -1 : (int)irq;
}

bool pci_attach(struct pci *p, struct bus *b, struct err *e) { return bus_attach(b, BUS_PORT, 0xCF8, 8, 0, &p->device, e); }
