/* See firmware_tables.h. The block:
 *   000 RSDP        020 MP pointer   040 FACS   080 RSDT
 *   0C0 FADT        140 MADT         200 MP configuration table        400 DSDT */
#include "sim/firmware_tables.h"

#include <string.h>

#include "sim/cpu/cpuid.h"
#include "sim/io/devices.h"

enum { AT_RSDP = 0, AT_MP = 0x20, AT_FACS = 0x40, AT_RSDT = 0x80, AT_FADT = 0xC0, AT_MADT = 0x140, AT_CONFIG = 0x200, AT_DSDT = 0x400 };
enum { HEADER = 36, RSDP_SIZE = 20, MP_SIZE = 16, FACS_SIZE = 64, FADT_SIZE = 116 };
enum { BUS_PCI = 0, BUS_ISA = 1, ALL_CPUS = 0xFF };
enum { HIGH_LEVEL = 0x0D, LOW_LEVEL = 0x0F }; /* active high or low, by level; 0: as the bus has it. MP 4.3.4, MADT */

static const uint8_t dsdt[] = {
#include "sim/dsdt.def"
};
_Static_assert(AT_DSDT + sizeof dsdt <= FIRMWARE_TABLES_SIZE, "the DSDT fits");

/* Bytes being appended. */
struct pen {
    uint8_t *block;
    uint32_t at;
};

static void bytes(struct pen *p, const void *from, unsigned n)
{
    memcpy(p->block + p->at, from, n);
    p->at += n;
}
static void put(struct pen *p, unsigned size, uint32_t v) { bytes(p, &v, size); } /* little-endian, as we are */
static void skip(struct pen *p, unsigned n) { p->at += n; }

/* Makes the sum of all bytes 0. */
static void check_sum(uint8_t *block, uint32_t table, uint32_t size, unsigned field)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++) sum = (uint8_t)(sum + block[table + i]);
    block[table + field] = (uint8_t)(block[table + field] - sum);
}

/* ---- ACPI ---- */

static struct pen begin(uint8_t *block, uint32_t at, const char *signature)
{
    struct pen p = { block, at };
    bytes(&p, signature, 4);
    put(&p, 4, 0); /* length: see end */
    put(&p, 2, 1); /* revision 1; checksum */
    bytes(&p, "RNGSDERINGSIDE", 14);
    put(&p, 4, 1);
    bytes(&p, "RNGS", 4);
    put(&p, 4, 1);
    return p;
}

static void end(const struct pen *p, uint32_t table)
{
    struct pen length = { p->block, table + 4 };
    put(&length, 4, p->at - table);
    check_sum(p->block, table, p->at - table, 9);
}

static void rsdp(uint8_t *block, uint32_t at)
{
    struct pen p = { block, AT_RSDP };
    bytes(&p, "RSD PTR \0RNGSDE\0", 16); /* checksum, OEM, revision 0 */
    put(&p, 4, at + AT_RSDT);
    check_sum(block, AT_RSDP, RSDP_SIZE, 8);
}

static void rsdt(uint8_t *block, uint32_t at, bool apics)
{
    struct pen p = begin(block, AT_RSDT, "RSDT");
    put(&p, 4, at + AT_FADT);
    if (apics) put(&p, 4, at + AT_MADT);
    end(&p, AT_RSDT);
}

static void facs(uint8_t *block)
{
    struct pen p = { block, AT_FACS };
    bytes(&p, "FACS", 4);
    put(&p, 4, FACS_SIZE);
}

/* No SMI command port: the machine is in ACPI mode from the start. No fixed buttons, no general-purpose events. */
static void fadt(uint8_t *block, uint32_t at, bool apics)
{
    enum { FLAGS = 0x75 /* WBINVD, C1, no fixed power or sleep button, no fixed RTC wake */, NO_C2 = 101, NO_C3 = 1001 };
    struct pen p = begin(block, AT_FADT, "FACP");
    put(&p, 4, at + AT_FACS);
    put(&p, 4, at + AT_DSDT);
    put(&p, 2, apics);           /* interrupt model: APICs, or the 8259 pair alone */
    put(&p, 2, IRQ_SCI);
    skip(&p, 8);                 /* SMI command port and its values */
    put(&p, 4, PM_BASE);         /* PM1a events */
    put(&p, 4, 0);
    put(&p, 4, PM_BASE + 4);     /* PM1a control */
    put(&p, 4, 0);
    put(&p, 4, 0);               /* PM2 control */
    put(&p, 4, PM_BASE + 8);     /* timer */
    skip(&p, 8);                 /* general-purpose events */
    put(&p, 4, 4 | 2 << 8 | 0 << 16 | 4u << 24); /* lengths: events, control, PM2, timer */
    skip(&p, 4);
    put(&p, 2, NO_C2);
    put(&p, 2, NO_C3);
    skip(&p, 8);                 /* flush, duty cycle, RTC alarm registers */
    put(&p, 4, 0x32);            /* CMOS index of the century */
    put(&p, 4, FLAGS);
    end(&p, AT_FADT);
}

static void override(struct pen *p, unsigned irq, unsigned input, unsigned flags)
{
    put(p, 4, 2 | 10 << 8 | 0 << 16 | irq << 24); /* type, length, ISA, line */
    put(p, 4, input);
    put(p, 2, flags);
}

static void madt(uint8_t *block)
{
    struct pen p = begin(block, AT_MADT, "APIC");
    put(&p, 4, LAPIC_BASE);
    put(&p, 4, 1);                                /* there is an 8259 pair, too */
    put(&p, 4, 0 | 8 << 8);                       /* processor 0, APIC 0 */
    put(&p, 4, 1);                                /* enabled */
    put(&p, 4, 1 | 12 << 8 | FIRMWARE_IOAPIC_ID << 16);
    put(&p, 4, IOAPIC_BASE);
    put(&p, 4, 0);                                /* its inputs are interrupts 0 to 23 */
    override(&p, IRQ_TIMER, 2, 0);
    override(&p, IRQ_SCI, IRQ_SCI, HIGH_LEVEL);
    put(&p, 4, 4 | 6 << 8 | (uint32_t)ALL_CPUS << 16); /* NMI at LINT1 of all */
    put(&p, 2, 1 << 8);
    end(&p, AT_MADT);
}

/* ---- MP ---- */

static void interrupt(struct pen *p, unsigned type, unsigned kind, unsigned flags, unsigned bus, unsigned irq, unsigned apic,
                      unsigned input)
{
    put(p, 4, type | kind << 8 | flags << 16);
    put(p, 4, bus | irq << 8 | apic << 16 | input << 24);
}

static unsigned interrupts(struct pen *p)
{
    enum { IO = 3, LOCAL = 4, INT = 0, NMI = 1, EXTINT = 3, FIRST_SLOT = 2, LAST_SLOT = 5 };
    uint32_t from = p->at;
    interrupt(p, IO, EXTINT, 0, BUS_ISA, 0, FIRMWARE_IOAPIC_ID, 0);
    for (unsigned irq = 0; irq < 16; irq++)
        if (irq != 2) /* the cascade */
            interrupt(p, IO, INT, irq == IRQ_SCI ? HIGH_LEVEL : 0, BUS_ISA, irq, FIRMWARE_IOAPIC_ID, irq ? irq : 2);
    interrupt(p, IO, INT, HIGH_LEVEL, BUS_PCI, 1 << 2, FIRMWARE_IOAPIC_ID, IRQ_SCI); /* function 1.3: power management */
    for (unsigned slot = FIRST_SLOT; slot <= LAST_SLOT; slot++)
        for (unsigned pin = 0; pin < 4; pin++)
            interrupt(p, IO, INT, LOW_LEVEL, BUS_PCI, slot << 2 | pin, FIRMWARE_IOAPIC_ID,
                      IOAPIC_FIRST_PCI + devices_pirq(slot, pin));
    interrupt(p, LOCAL, EXTINT, 0, BUS_ISA, 0, ALL_CPUS, 0);
    interrupt(p, LOCAL, NMI, 0, BUS_ISA, 0, ALL_CPUS, 1);
    return (p->at - from) / 8;
}

static void configuration(uint8_t *block)
{
    struct pen p = { block, AT_CONFIG };
    bytes(&p, "PCMP", 4);
    put(&p, 4, 4 << 16); /* length: below; revision 1.4, checksum */
    bytes(&p, "RINGSIDEPC          ", 20);
    skip(&p, 6);         /* no OEM table */
    uint32_t count = p.at;
    skip(&p, 2);
    put(&p, 4, LAPIC_BASE);
    skip(&p, 4);         /* no extended entries */
    put(&p, 4, 0 | 0x14 << 16 | 3u << 24); /* processor, APIC 0, version; enabled, bootstrap */
    put(&p, 4, CPUID_SIGNATURE);
    put(&p, 4, cpuid_features() | FEATURE_APIC);
    skip(&p, 8);
    put(&p, 2, 1 | BUS_PCI << 8), bytes(&p, "PCI   ", 6);
    put(&p, 2, 1 | BUS_ISA << 8), bytes(&p, "ISA   ", 6);
    put(&p, 4, 2 | FIRMWARE_IOAPIC_ID << 8 | 0x11 << 16 | 1u << 24);
    put(&p, 4, IOAPIC_BASE);
    unsigned entries = 4 + interrupts(&p);
    put(&(struct pen){ block, count }, 2, entries);
    put(&(struct pen){ block, AT_CONFIG + 4 }, 2, p.at - AT_CONFIG);
    check_sum(block, AT_CONFIG, p.at - AT_CONFIG, 7);
}

/* Virtual wire mode, without an IMCR: feature bytes of zeros. */
static void mp(uint8_t *block, uint32_t at)
{
    struct pen p = { block, AT_MP };
    bytes(&p, "_MP_", 4);
    put(&p, 4, at + AT_CONFIG);
    put(&p, 2, 1 | 4 << 8); /* one paragraph; version 1.4 */
    check_sum(block, AT_MP, MP_SIZE, 10);
    configuration(block);
}

void firmware_tables(uint8_t block[FIRMWARE_TABLES_SIZE], uint32_t at, bool apics)
{
    memset(block, 0, FIRMWARE_TABLES_SIZE);
    rsdp(block, at);
    rsdt(block, at, apics);
    facs(block);
    fadt(block, at, apics);
    if (apics) madt(block);
    if (apics) mp(block, at);
    memcpy(block + AT_DSDT, dsdt, sizeof dsdt);
}
