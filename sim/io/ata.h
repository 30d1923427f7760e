/* An ATA disk drive: the registers of one device behind an IDE cable, and its commands.
 *
 * Idea 1: whatever takes the drive time is one step: BSY is set, a timer is armed, and when it fires the drive takes
 * that step and says DRQ, or done. Between steps everything is still, so the host's pace never matters.
 * Idea 2: data passes in blocks of at most 16 sectors through one buffer: a sector for READ SECTORS, what SET MULTIPLE
 * said for READ MULTIPLE, 16 for DMA. A request that leaves the medium moves what exists and ends with IDNF.
 *
 * ATA/ATAPI-4 to -6 (T13/1153D, 1321D, 1410D): registers chapter 7, commands chapter 8, protocols chapter 9. Sizes:
 * CHS with translation, LBA28, LBA48. Commands: ata_command.def. The write cache is always clean: a sector is on the
 * medium when its command ends. Not modelled: packet devices, overlap and queuing, SMART, security, host protected
 * area, power-up in standby, the standby timer, transfer modes' timing (any mode is as fast as the medium). */
#ifndef IO_ATA_H
#define IO_ATA_H

#include <stdbool.h>
#include <stdint.h>
#include "sim/core/clock.h"
#include "sim/io/disk.h"

enum { ATA_DATA, ATA_ERROR, ATA_COUNT, ATA_LOW, ATA_MID, ATA_HIGH, ATA_DEVICE, ATA_STATUS, ATA_REGS };
enum { ATA_FEATURES = ATA_ERROR, ATA_COMMAND = ATA_STATUS }; /* the same, written */
enum { ATA_ERR = 0x01, ATA_DRQ = 0x08, ATA_DSC = 0x10, ATA_DF = 0x20, ATA_DRDY = 0x40, ATA_BSY = 0x80 };
enum { ATA_ABRT = 0x04, ATA_IDNF = 0x10, ATA_UNC = 0x40 };
enum { ATA_DEV = 0x10, ATA_LBA = 0x40 };  /* of the device register */
enum { ATA_BLOCK = 16 };                  /* sectors in the buffer */

struct ata_geometry {
    uint16_t cylinders;
    uint8_t  heads, sectors; /* per track */
};

/* The cable, as the drive sees it. */
struct ata_host {
    void     (*changed)(void *self);  /* the drive's interrupt request may have changed */
    void     (*began)(void *self, uint64_t lba, uint32_t count); /* a command: its first sector, how many; or 0, 0 */
    unsigned (*dma)(void *self, void *data, unsigned bytes, bool to_memory); /* DMARQ: returns how many bytes moved */
    void      *self;
};

struct ata {
    struct timeq   *q;
    struct timer    timer;
    struct disk     disk;
    struct disk_times times;
    struct ata_host host;
    uint8_t  unit;                      /* 0..3 on the board; even: device 0 of its cable */
    bool     alone;                     /* device 0, and there is no device 1 */
    struct ata_geometry natural, current; /* as built; as INITIALIZE DEVICE PARAMETERS said */
    uint8_t  reg[ATA_REGS][2];          /* [0] written last, [1] before that; reg[ATA_ERROR] is features */
    uint8_t  error, status, command;
    bool     intrq;                     /* wants to interrupt */
    uint8_t  phase, result;             /* enum phase in ata.c; the error of a command that is ending */
    uint8_t  multiple, mode_mw, mode_u; /* sectors per block; the selected DMA mode's bit, of words 63 and 88 */
    bool     write_cache, look_ahead;
    uint8_t  power;                     /* enum ata_power */
    uint64_t lba, head;                 /* next sector to move; where the heads are */
    uint32_t left, block;               /* sectors to go; of them in the buffer */
    uint32_t at, end;                   /* bytes of the buffer moved, to be moved */
    uint32_t ticket;                    /* of what a medium that is far away was asked last */
    uint64_t commands;                  /* begun, for people */
    uint8_t  buffer[ATA_BLOCK * DISK_SECTOR];
};
enum ata_power { ATA_ACTIVE, ATA_IDLE, ATA_STANDBY, ATA_SLEEPING };

/* Makes a drive at power-on. A disk without sectors: no drive; nothing below may be called then but ata_present. */
void ata_init(struct ata *a, unsigned unit, const struct disk *disk, const struct disk_times *times, struct timeq *q,
              struct ata_host host);
static inline bool ata_present(const struct ata *a) { return a->disk.sectors != 0; }
void ata_power_on(struct ata *a);                            /* the hardware reset: all settings too */
void ata_software_reset(struct ata *a, bool level);          /* SRST of the device control register */
void ata_write(struct ata *a, unsigned reg, uint8_t value);  /* ATA_FEATURES..ATA_DEVICE; ATA_COMMAND starts it */
uint8_t ata_read(const struct ata *a, unsigned reg, bool previous); /* without effects; `previous`: HOB */
void ata_acknowledge(struct ata *a);                         /* the status register was read: INTRQ falls */
uint16_t ata_peek_data(const struct ata *a);                 /* the word ata_data_in would return */
uint16_t ata_data_in(struct ata *a);                         /* one word through the data register */
void ata_data_out(struct ata *a, uint16_t word);
void ata_dma_go(struct ata *a);                              /* the host is ready for DMA: go on if that was awaited */
/* A medium that is far away has moved what that ticket was for, or could not. An old ticket is for what a reset has ended. */
void ata_arrived(struct ata *a, uint32_t ticket, bool good);
const char *ata_command_name(uint8_t code);                  /* "READ DMA"; NULL: aborted */

/* --- ata_address.c --- */

/* The geometry of a disk: 16 heads of 63 sectors where it is large enough, so that C*H*S never exceeds it. */
struct ata_geometry ata_geometry_of(uint64_t sectors);
/* The same disk seen with other heads and sectors of a track, neither 0. */
struct ata_geometry ata_geometry_with(uint64_t sectors, unsigned heads, unsigned track);
/* Sets a->lba to the sector the registers name (`ext`: 48 bits); false if that is none under the current geometry. */
bool ata_locate(struct ata *a, bool ext);
/* Says in the registers which sector it was, and that a->left were left. */
void ata_show(struct ata *a, bool ext, uint64_t lba);
uint32_t ata_count(const struct ata *a, bool ext); /* sectors asked for: 1 to 256, or to 65536 */

/* --- ata_identify.c --- */

/* IDENTIFY DEVICE's 512 bytes, into the buffer. */
void ata_fill_identify(struct ata *a);

#endif
