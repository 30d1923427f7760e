/* The MP and ACPI tables: found where systems look, with right sums and lengths, saying what the devices are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/firmware_tables.h"
#include "sim/io/devices.h"

static uint8_t block[FIRMWARE_TABLES_SIZE];

static uint32_t word(uint32_t at, unsigned size)
{
    uint32_t v = 0;
    assert_true(at + size <= sizeof block);
    memcpy(&v, block + at, size);
    return v;
}
static uint8_t sum(uint32_t at, uint32_t n)
{
    uint8_t s = 0;
    assert_true(at + n <= sizeof block);
    while (n--) s = (uint8_t)(s + block[at++]);
    return s;
}

/* The offset of a structure found by scanning paragraphs for its signature; -1 if there is none. */
static int scan(const char *signature, unsigned size)
{
    for (uint32_t at = 0; at < sizeof block; at += 16)
        if (!memcmp(block + at, signature, strlen(signature)) && !sum(at, size)) return (int)at;
    return -1;
}

static uint32_t table(uint32_t pointer, const char *signature)
{
    uint32_t at = pointer - FIRMWARE_TABLES;
    assert_memory_equal(block + at, signature, 4);
    assert_int_equal(sum(at, word(at + 4, 4)), 0);
    return at;
}

static uint32_t the_rsdt(void)
{
    int rsdp = scan("RSD PTR ", 20);
    assert_true(rsdp >= 0);
    assert_int_equal(block[rsdp + 15], 0); /* ACPI 1.0 */
    return table(word((uint32_t)rsdp + 16, 4), "RSDT");
}

static void fixed(void **state)
{
    (void)state;
    firmware_tables(block, FIRMWARE_TABLES, true);
    uint32_t rsdt = the_rsdt(), fadt = table(word(rsdt + 36, 4), "FACP"), facs = word(fadt + 36, 4) - FIRMWARE_TABLES;
    assert_int_equal(word(rsdt + 4, 4), 36 + 2 * 4);
    static const struct { uint8_t at, size; uint32_t value; } rows[] = {
        { 4, 4, 116 }, { 46, 2, 9 }, { 48, 4, 0 }, { 56, 4, PM_BASE }, { 60, 4, 0 }, { 64, 4, PM_BASE + 4 }, { 68, 4, 0 },
        { 76, 4, PM_BASE + 8 }, { 80, 4, 0 }, { 88, 4, 0x04000204 }, { 96, 2, 101 }, { 98, 2, 1001 }, { 108, 1, 0x32 },
        { 112, 4, 0x75 } };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(word(fadt + rows[i].at, rows[i].size), rows[i].value);
    assert_memory_equal(block + facs, "FACS", 4);
    assert_int_equal(facs % 64, 0);
    assert_int_equal(word(facs + 4, 4), 64);
    uint32_t dsdt = table(word(fadt + 40, 4), "DSDT");
    /* As systems without an interpreter look for it: NameOp, name, PackageOp, length, four small integers. */
    static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12, 0x06, 0x04, 0, 0, 0, 0 };
    assert_non_null(memmem(block + dsdt, word(dsdt + 4, 4), s5, sizeof s5));
}

static void madt(void **state)
{
    (void)state;
    firmware_tables(block, FIRMWARE_TABLES, true);
    uint32_t at = table(word(the_rsdt() + 40, 4), "APIC"), end = at + word(at + 4, 4);
    static const uint8_t entries[] = {
        0, 8, 0, 0, 1, 0, 0, 0, 1, 12, FIRMWARE_IOAPIC_ID, 0, 0x00, 0x00, 0xC0, 0xFE, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0,
        2, 10, 0, 9, 9, 0, 0, 0, 0x0D, 0, 4, 6, 0xFF, 0, 0, 1 };
    assert_int_equal(word(at + 36, 4), LAPIC_BASE);
    assert_int_equal(word(at + 40, 4), 1);
    assert_int_equal(end - at - 44, sizeof entries);
    assert_memory_equal(block + at + 44, entries, sizeof entries);
}

static void mp(void **state)
{
    (void)state;
    firmware_tables(block, FIRMWARE_TABLES, true);
    int pointer = scan("_MP_", 16);
    assert_true(pointer >= 0);
    assert_int_equal(word((uint32_t)pointer + 8, 4) & 0xFFFF, 1 | 4 << 8);
    assert_int_equal(word((uint32_t)pointer + 11, 4), 0); /* a table, not a default; virtual wire */
    uint32_t at = word((uint32_t)pointer + 4, 4) - FIRMWARE_TABLES, end = at + word(at + 4, 2), n = word(at + 34, 2);
    assert_memory_equal(block + at, "PCMP", 4);
    assert_int_equal(sum(at, end - at), 0);
    assert_int_equal(word(at + 36, 4), LAPIC_BASE);
    unsigned kinds[5] = { 0 }, input[16] = { 0 };
    for (at += 44; n; n--) {
        uint8_t kind = block[at];
        assert_true(kind < 5);
        kinds[kind]++;
        if (kind == 3 && block[at + 4] == 1 && block[at + 1] == 0) input[block[at + 5]] = 1 + block[at + 7];
        if (kind == 3) assert_int_equal(block[at + 6], FIRMWARE_IOAPIC_ID);
        if (kind == 3 && block[at + 4] == 0 && block[at + 5] >> 2 > 1)
            assert_int_equal(block[at + 7], 16 + devices_pirq(block[at + 5] >> 2, block[at + 5] & 3));
        if (kind == 2) assert_int_equal(word(at + 4, 4), IOAPIC_BASE);
        at += kind ? 8 : 20;
    }
    assert_int_equal(at, end);
    static const unsigned wanted[5] = { 1, 2, 1, 1 + 15 + 1 + 16, 2 };
    assert_memory_equal(kinds, wanted, sizeof kinds);
    for (unsigned irq = 0; irq < 16; irq++) assert_int_equal(input[irq], irq == 2 ? 0 : irq ? 1 + irq : 3);
}

/* A VM's board has no APICs: nothing may say otherwise. Elsewhere, everything points elsewhere. */
static void without_apics(void **state)
{
    (void)state;
    static uint8_t other[FIRMWARE_TABLES_SIZE];
    firmware_tables(block, FIRMWARE_TABLES, false);
    uint32_t rsdt = the_rsdt();
    assert_int_equal(word(rsdt + 4, 4), 36 + 4);
    table(word(rsdt + 36, 4), "FACP");
    assert_int_equal(scan("_MP_", 16), -1);
    assert_null(memmem(block, sizeof block, "APIC", 4));
    firmware_tables(other, 0xFF000, false);
    uint32_t there, here;
    memcpy(&there, other + 16, 4), memcpy(&here, block + 16, 4);
    assert_int_equal(there - here, 0xFF000 - FIRMWARE_TABLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed), cmocka_unit_test(madt), cmocka_unit_test(mp), cmocka_unit_test(without_apics) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
