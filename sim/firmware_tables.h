/* What firmware leaves in memory for an operating system to find: the MP table and the ACPI tables.
 *
 * Idea: they are bytes, laid out once in a block of 4 KB that may lie anywhere on a page below 1 MB; every pointer in them
 * is the block's address plus a fixed offset (firmware_tables.c has the map). Both say the same about the same board.
 *
 * MultiProcessor Specification 1.4, chapter 4; ACPI 1.0b, chapter 5; the DSDT is dsdt.asl. A board without APICs (a VM's)
 * has no MP table and no MADT. Not made: SMBIOS, $PIR, tables of later ACPI versions. */
#ifndef SIM_FIRMWARE_TABLES_H
#define SIM_FIRMWARE_TABLES_H

#include <stdbool.h>
#include <stdint.h>

enum { FIRMWARE_TABLES = 0xF8000, FIRMWARE_TABLES_SIZE = 0x1000, FIRMWARE_IOAPIC_ID = 1 };

/* Fills `block` for a place at `at` (a multiple of 4096, in F0000-FFFFF, where both pointers are looked for). */
void firmware_tables(uint8_t block[FIRMWARE_TABLES_SIZE], uint32_t at, bool apics);

#endif
