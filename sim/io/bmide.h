/* The bus master of one IDE channel: moves what the drive asks for between its buffer and memory.
 *
 * Idea: software leaves a table of regions in memory (PRDs: address, length, and a mark on the last) and sets Start.
 * Nothing happens until the drive asks with DMARQ; then the regions are filled or emptied in order (busmaster.h).
 *
 * Intel 82371FB/SB (PIIX, PIIX3) data sheet 2.7; "Programming Interface for Bus Master IDE Controller" 1.0. A table or
 * a region that crosses a 64 KB boundary is forbidden and undefined: here it just goes on, as software that gets away
 * with it elsewhere expects. Not modelled: bus time. */
#ifndef IO_BMIDE_H
#define IO_BMIDE_H

#include "sim/io/busmaster.h"

enum { BMIDE_COMMAND = 0, BMIDE_STATUS = 2, BMIDE_TABLE = 4, BMIDE_PORTS = 8 };
enum { BMIDE_START = 0x01, BMIDE_TO_MEMORY = 0x08 };                               /* command */
enum { BMIDE_ACTIVE = 0x01, BMIDE_ERROR = 0x02, BMIDE_INTERRUPT = 0x04, BMIDE_CAPABLE = 0x60 }; /* status */

struct bmide {
    struct bus_master master;
    uint8_t  command, status;
    uint32_t table;           /* as written */
    uint32_t next;            /* address of the next descriptor */
    uint32_t at, left;        /* the current region */
    bool     last;            /* it is the table's last */
};

void bmide_reset(struct bmide *b);
uint8_t bmide_read(const struct bmide *b, unsigned offset);
/* Returns true if this set Start: the drive may be waiting. */
bool bmide_write(struct bmide *b, unsigned offset, uint8_t value);
/* The drive's DMARQ: moves up to `bytes`, an even number; returns how many. */
unsigned bmide_transfer(struct bmide *b, void *data, unsigned bytes, bool to_memory);

#endif
