/* ROM images: the chip at the reset vector, and the video BIOS of a card.
 *
 * The program carries a BIOS of its own, built from scenarios/guests/bios; a machine that boots a disk and was given no
 * other ROM has that one.
 *
 * Idea: a ROM is a file of bytes that never change; the bus shows them where hardware does (core/bus.h). What a file must
 * be like is checked here, before anything is built: no hardware has a chip of an odd size.
 *
 * Intel 82371SB (PIIX3) 2.1.2 (BIOS decoding); IBM PC AT technical reference (expansion ROMs: 55 AA, length in 512 bytes
 * at byte 2). Not modelled: flash commands (writes are lost), more than one card's ROM. */
#ifndef SIM_ROM_H
#define SIM_ROM_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/err.h"

#define ROM_VECTOR     0xFFFFFFF0u /* where an IA-32 CPU fetches its first instruction */
#define ROM_VECTOR_LOW 0xFFFF0u    /* the same bytes below 1 MB, where the last ROM_LOW_SIZE are seen once more */
enum { ROM_LOW_SIZE = 128 << 10 };

enum { ROM_BUILTIN_SIZE = 64 << 10, ROM_BUILTIN_BASE = 0xF0000 };
extern const uint8_t rom_builtin_bytes[ROM_BUILTIN_SIZE];

struct rom {
    uint8_t *chip;       /* on the heap; NULL: the machine has none */
    uint32_t size;       /* a multiple of 64 KB, at most 16 MB */
    uint8_t *video;      /* padded with ones to whole pages; NULL: no video ROM */
    uint32_t video_size;
    uint32_t video_pci;  /* the card it is for: device and vendor number, from its PCI data structure; 0: an ISA card */
    uint64_t hash;       /* FNV-1a of both files */
};

/* The BIOS that the program carries, with the tables (firmware_tables.h) for a board with or without APICs. */
bool rom_builtin(struct rom *r, bool apics, struct err *e);
/* Reads "FILE" or "FILE,VIDEO-FILE". On failure one line in `e` (EXIT_INPUT), and `r` is empty. */
bool rom_read(struct rom *r, const char *paths, struct err *e);
void rom_done(struct rom *r);

#endif
