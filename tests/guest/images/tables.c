// The tables that firmware leaves, found and read as a kernel without an ACPI interpreter does it; then power off.
//
// Idea: what is found is printed in words that do not depend on where it lies. Sums are over what the tables claim to be.
// Manual: MultiProcessor Specification 1.4, chapter 4; ACPI 1.0b, chapter 5.
// Not here: AML, but for the one package that every system picks out of it by hand.
#include "probe.h"

static uint8_t byte(uint32_t at) { return *(volatile uint8_t *)at; }
static uint32_t word(uint32_t at) { return *(volatile uint32_t *)at; }
static uint16_t half(uint32_t at) { return *(volatile uint16_t *)at; }
static bool is(uint32_t at, const char *name)
{
    for (; *name; name++, at++)
        if (byte(at) != (uint8_t)*name)
            return false;
    return true;
}
static uint8_t sum(uint32_t at, uint32_t n)
{
    uint8_t s = 0;
    while (n--)
        s = (uint8_t)(s + byte(at++));
    return s;
}
static uint32_t scan(uint32_t from, const char *name, uint32_t size)
{
    for (uint32_t at = from; at < 0x100000; at += 16)
        if (is(at, name) && !sum(at, size))
            return at;
    return 0;
}

static void mp(void)
{
    uint32_t pointer = scan(0xF0000, "_MP_", 16);
    fact("MP pointer", pointer != 0);
    if (!pointer)
        return;
    uint32_t at = word(pointer + 4), n = half(at + 34), end = at + half(at + 4);
    fact("its table's sum", sum(at, end - at));
    fact("local APICs at", word(at + 36));
    for (at += 44; n; n--) {
        static const char *const kinds[] = {"processor", "bus", "I/O APIC", "interrupt", "local interrupt"};
        uint8_t kind = byte(at);
        fact2(kinds[kind], word(at), word(at + 4));
        at += kind ? 8 : 20;
    }
    fact("bytes left", end - at);
}

static uint16_t control;

static void fadt(uint32_t at)
{
    fact2("interrupt of ACPI, power timer", half(at + 46), word(at + 76));
    control = half(at + 64);
    uint32_t dsdt = word(at + 40), s5 = dsdt;
    fact("DSDT's sum", sum(dsdt, word(dsdt + 4)));
    while (!is(s5, "_S5_"))
        s5++;
    fact("sleep types of S5", half(s5 + 7)); // behind PackageOp, its length, the number of elements
    uint16_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "d"(control));
    fact("in ACPI mode", value & 1);
}

static void acpi(void)
{
    uint32_t rsdp = scan(0xE0000, "RSD PTR ", 20);
    fact("ACPI pointer", rsdp != 0);
    uint32_t rsdt = word(rsdp + 16);
    fact("its table's sum", sum(rsdt, word(rsdt + 4)));
    for (uint32_t at = rsdt + 36; at < rsdt + word(rsdt + 4); at += 4) {
        uint32_t t = word(at);
        char name[5] = {(char)byte(t), (char)byte(t + 1), (char)byte(t + 2), (char)byte(t + 3), 0};
        fact2(name, sum(t, word(t + 4)), word(t + 4));
        if (is(t, "FACP"))
            fadt(t);
    }
}

void kmain(void)
{
    serial_init();
    probe_init();
    mp();
    acpi();
    print("off\n");
    while ((inb(0x3FD) & 0x40) == 0)
        ;
    __asm__ volatile("out %0, %1" : : "d"(control), "a"((uint16_t)0x2000));
    finish(false);
}
