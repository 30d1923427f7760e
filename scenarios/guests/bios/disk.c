// int 13h: disks, by ATA programmed I/O.
//
// Idea 1: up to four IDE drives are asked who they are; hard disks become 80h, 81h, ... in the order found, with a logical
// geometry that fits the 1024 cylinders of the interface.
// Idea 2: the board has no floppy controller. If the first drive is exactly as large as a floppy disk it is served as
// drive 00h with that disk's geometry, and is no hard disk: an image of a floppy disk boots as one.
// Manuals: ATA/ATAPI-4 (commands 20h, 30h, 40h, ECh); Phoenix Enhanced Disk Drive Specification 1.1; Ralf Brown, INT 13.
// Not here: CD-ROMs, El Torito, DMA, formatting, more than 2^28 sectors.
#include "bios/bios.h"

enum { DRIVES = 4, SECTOR = 512, ATTEMPTS = 1000000 };
enum { COUNT = 2, LBA0 = 3, LBA1 = 4, LBA2 = 5, SELECT = 6, STATUS = 7, COMMAND = 7, ERROR = 1 }; // ports of a channel
enum { ST_ERROR = 0x01, ST_DATA = 0x08, ST_FAULT = 0x20, ST_READY = 0x40, ST_BUSY = 0x80 };
enum { READ = 0x20, WRITE = 0x30, VERIFY = 0x40, IDENTIFY = 0xEC };
enum { NO_INTERRUPTS = 0x0A, INTERRUPTS_ON = 0x08 };
enum status { OK = 0x00, BAD_PARAMETER = 0x01, NOT_FOUND = 0x04, BAD_SECTOR = 0x0A, BAD_DATA = 0x10, FAILED = 0x20, TIMEOUT = 0x80 };

struct geometry { uint16_t cylinders; uint8_t heads, sectors; };
struct drive {
    uint16_t port, control;
    uint8_t  select, type;       // type: of a floppy disk, as AH=08h returns it; 0: a hard disk
    struct geometry physical, logical;
    uint32_t total;
};
static struct drive drives[DRIVES];
static uint8_t found, floppies;  // the floppy, if any, is drives[0]
static uint16_t buffer[SECTOR / 2];

static const struct { uint16_t total; uint8_t type; struct geometry g; } floppy_kinds[] = {
    { 320, 1, { 40, 1, 8 } }, { 360, 1, { 40, 1, 9 } }, { 640, 1, { 40, 2, 8 } }, { 720, 1, { 40, 2, 9 } },
    { 1440, 3, { 80, 2, 9 } }, { 2400, 2, { 80, 2, 15 } }, { 2880, 4, { 80, 2, 18 } }, { 5760, 6, { 80, 2, 36 } },
};
enum { FLOPPY_KINDS = sizeof floppy_kinds / sizeof floppy_kinds[0] };

// --- ATA

static void words_in(uint16_t port, uint16_t segment, uint16_t offset)
{
    uint32_t to = offset, words = SECTOR / 2;
    __asm__ volatile("pushw es; mov es, %w2; rep insw; popw es" : "+D"(to), "+c"(words) : "r"(segment), "d"(port) : "memory");
}

static void words_out(uint16_t port, uint16_t segment, uint16_t offset)
{
    uint32_t from = offset, words = SECTOR / 2;
    __asm__ volatile("pushw ds; mov ds, %w2; rep outsw; popw ds" : "+S"(from), "+c"(words) : "r"(segment), "d"(port) : "memory");
}

static enum status error_of(const struct drive *d, uint8_t status)
{
    uint8_t error = inb(d->port + ERROR);
    if (status & ST_FAULT) return FAILED;
    if (error & 0x10) return NOT_FOUND;
    if (error & 0x40) return BAD_DATA;
    return error & 0x80 ? BAD_SECTOR : FAILED;
}

// Waits until the drive is not busy and, if `data`, has or wants data.
static enum status wait(const struct drive *d, bool data)
{
    for (uint32_t n = 0; n < ATTEMPTS; n++) {
        uint8_t status = inb(d->port + STATUS);
        if (status & ST_BUSY) continue;
        if (status & (ST_ERROR | ST_FAULT)) return error_of(d, status);
        if (!data || status & ST_DATA) return OK;
    }
    return TIMEOUT;
}

static enum status command(const struct drive *d, uint32_t lba, uint8_t count, uint8_t code)
{
    outb(d->control, NO_INTERRUPTS);
    outb(d->port + SELECT, (uint8_t)(d->select | 0x40 | (lba >> 24 & 0x0F)));
    for (uint32_t n = 0; inb(d->port + STATUS) & ST_BUSY; n++)
        if (n == ATTEMPTS) return TIMEOUT;
    outb(d->port + COUNT, count);
    outb(d->port + LBA0, (uint8_t)lba);
    outb(d->port + LBA1, (uint8_t)(lba >> 8));
    outb(d->port + LBA2, (uint8_t)(lba >> 16));
    outb(d->port + COMMAND, code);
    inb(d->control); // 400 ns
    return OK;
}

// Moves sectors between the disk and SEGMENT:OFFSET; *done says how many. VERIFY moves nothing.
static enum status transfer(const struct drive *d, uint8_t code, uint32_t lba, uint8_t count, uint16_t segment,
                            uint16_t offset, uint8_t *done)
{
    enum status s = command(d, lba, count, code);
    segment = (uint16_t)(segment + (offset >> 4));
    offset &= 15;
    for (*done = 0; s == OK && *done < count && code != VERIFY; ) {
        s = wait(d, true);
        if (s != OK) break;
        if (code == READ) words_in(d->port, segment, offset);
        else words_out(d->port, segment, offset);
        segment = (uint16_t)(segment + SECTOR / 16);
        ++*done;
    }
    if (s == OK) s = wait(d, false);
    if (s == OK) *done = count;
    inb(d->port + STATUS);
    outb(d->control, INTERRUPTS_ON);
    return s;
}

// --- who is there

static struct geometry logical_of(const struct drive *d)
{
    struct geometry g = d->physical;
    uint32_t cylinders = d->total / 63 / 1024; // per head
    if (g.cylinders <= 1024 && g.heads && g.sectors) return g;
    g.sectors = 63;
    g.heads = cylinders > 127 ? 255 : cylinders > 63 ? 128 : cylinders > 31 ? 64 : cylinders > 15 ? 32 : 16;
    cylinders = d->total / 63 / g.heads;
    g.cylinders = (uint16_t)(cylinders > 1024 ? 1024 : cylinders);
    return g;
}

static bool identify(struct drive *d)
{
    outb(d->port + SELECT, d->select);
    uint8_t status = inb(d->port + STATUS);
    if (status == 0xFF || status == 0x7F || status == 0) return false; // no cable, or no drive on it
    if (command(d, 0, 0, IDENTIFY) != OK || wait(d, true) != OK) return false;
    words_in(d->port, 0xEC00, (uint16_t)(uint32_t)buffer);
    outb(d->control, INTERRUPTS_ON);
    d->physical = (struct geometry){ buffer[1], (uint8_t)buffer[3], (uint8_t)buffer[6] };
    d->total = buffer[60] | (uint32_t)buffer[61] << 16;
    d->logical = logical_of(d);
    return d->total != 0;
}

static void take_for_floppy(struct drive *d)
{
    for (unsigned n = 0; n < FLOPPY_KINDS; n++)
        if (d->total == floppy_kinds[n].total) {
            d->type = floppy_kinds[n].type;
            d->logical = floppy_kinds[n].g;
            floppies = 1;
        }
}

// The fixed disk parameter table of int 41h or 46h.
static void write_table(const struct drive *d, uint8_t index)
{
    uint16_t at = (uint16_t)(EBDA_DISK_TABLES + 16 * index);
    far_word_set(EBDA_SEGMENT, at, d->logical.cylinders);
    far_byte_set(EBDA_SEGMENT, at + 2, d->logical.heads);
    far_word_set(EBDA_SEGMENT, at + 5, 0xFFFF);
    far_byte_set(EBDA_SEGMENT, at + 8, d->logical.heads > 8 ? 0x08 : 0);
    far_word_set(EBDA_SEGMENT, at + 12, d->logical.cylinders);
    far_byte_set(EBDA_SEGMENT, at + 14, d->logical.sectors);
    low_long_set((index ? 0x46 : 0x41) * 4, (uint32_t)EBDA_SEGMENT << 16 | at);
}

void disk_init(void)
{
    for (uint8_t n = 0; n < DRIVES; n++) {
        struct drive *d = &drives[found];
        *d = (struct drive){ .port = n & 2 ? 0x170 : 0x1F0, .control = n & 2 ? 0x376 : 0x3F6, .select = n & 1 ? 0xB0 : 0xA0 };
        if (!identify(d)) continue;
        if (n == 0) take_for_floppy(d);
        found++;
    }
    uint8_t disks = (uint8_t)(found - floppies);
    low_byte_set(BDA_DISKS, disks);
    if (floppies) low_word_set(BDA_EQUIPMENT, low_word(BDA_EQUIPMENT) | 1);
    for (uint8_t n = 0; n < disks && n < 2; n++) write_table(&drives[floppies + n], n);
}

static const struct drive *drive_of(uint8_t number)
{
    if (number < 0x80) return number < floppies ? &drives[number] : 0;
    uint8_t n = (uint8_t)(number - 0x80 + floppies);
    return n < found ? &drives[n] : 0;
}

bool disk_boot(uint8_t *drive)
{
    for (unsigned n = 0; n < 2; n++) {
        const struct drive *d = drive_of(*drive = n ? 0x80 : 0x00);
        uint8_t done;
        if (d && transfer(d, READ, 0, 1, 0, 0x7C00, &done) == OK && low_word(0x7DFE) == 0xAA55) return true;
    }
    return false;
}

// --- the service, by cylinder, head and sector

static enum status by_chs(struct regs *r, const struct drive *d, uint8_t code)
{
    uint8_t count = r->ax.l, head = r->dx.h, sector = r->cx.l & 0x3F;
    uint16_t cylinder = (uint16_t)(r->cx.h | (r->cx.l & 0xC0) << 2);
    const struct geometry *g = &d->logical;
    r->ax.l = 0;
    if (!count || count > 128 || !sector || sector > g->sectors || head >= g->heads || cylinder >= g->cylinders)
        return BAD_PARAMETER;
    uint32_t lba = ((uint32_t)cylinder * g->heads + head) * g->sectors + sector - 1;
    if (lba + count > d->total) return NOT_FOUND;
    return transfer(d, code, lba, count, r->es, r->bx.x, &r->ax.l);
}

// The last cylinder of a hard disk is kept for diagnostics, by custom.
static enum status parameters(struct regs *r, const struct drive *d)
{
    const struct geometry *g = &d->logical;
    uint16_t reserved = !d->type && g->cylinders > 1, last = (uint16_t)(g->cylinders - 1 - reserved);
    r->ax.x = 0;
    r->bx.l = d->type;
    r->cx.h = (uint8_t)last;
    r->cx.l = (uint8_t)(g->sectors | (last >> 2 & 0xC0));
    r->dx.h = (uint8_t)(g->heads - 1);
    r->dx.l = d->type ? floppies : low_byte(BDA_DISKS);
    if (d->type) {
        r->es = low_word(0x1E * 4 + 2);
        r->di.x = low_word(0x1E * 4);
    }
    return OK;
}

// AH = 15h has its answer where others have the status.
static void drive_type(struct regs *r, const struct drive *d)
{
    if (d && !d->type) {
        uint32_t total = (uint32_t)(d->logical.cylinders - (d->logical.cylinders > 1)) * d->logical.heads * d->logical.sectors;
        r->cx.x = (uint16_t)(total >> 16);
        r->dx.x = (uint16_t)total;
    }
    r->ax.h = (uint8_t)(!d ? 0 : d->type ? 1 : 3);
    set_flag(r, CARRY, false);
}

// --- the service, by packets (EDD)

struct packet { uint8_t size, zero, count, zero2; uint16_t offset, segment; uint32_t lba, lba_high; };

static enum status by_packet(const struct regs *r, const struct drive *d, uint8_t code)
{
    struct packet p;
    uint8_t done = 0;
    far_fetch(&p, r->ds, r->si.x, sizeof p);
    if (p.size < sizeof p || p.count > 127) return BAD_PARAMETER;
    enum status s = p.lba_high || p.lba >= d->total || d->total - p.lba < p.count ? NOT_FOUND
                    : !p.count ? OK : transfer(d, code, p.lba, p.count, p.segment, p.offset, &done);
    if (s != OK) far_byte_set(r->ds, r->si.x + 2, done);
    return s;
}

static enum status packet_parameters(const struct regs *r, const struct drive *d)
{
    struct { uint16_t size, flags; uint32_t cylinders, heads, sectors, total, total_high; uint16_t bytes; uint32_t table; }
        __attribute__((packed)) p = { 0 };
    uint16_t room;
    far_fetch(&room, r->ds, r->si.x, sizeof room);
    if (room < 26) return BAD_PARAMETER;
    p.size = room < 30 ? 26 : 30;
    p.flags = 2; // the geometry is valid
    p.cylinders = d->physical.cylinders;
    p.heads = d->physical.heads;
    p.sectors = d->physical.sectors;
    p.total = d->total;
    p.bytes = SECTOR;
    p.table = UINT32_MAX;
    far_copy(r->ds, r->si.x, &p, p.size);
    return OK;
}

static enum status extensions(struct regs *r, const struct drive *d)
{
    if (d->type || r->bx.x != 0x55AA) return BAD_PARAMETER;
    r->bx.x = 0xAA55;
    r->cx.x = 5; // packets, and AH=48h
    return OK;
}

static enum status serve(struct regs *r, const struct drive *d)
{
    switch (r->ax.h) {
    case 0x00: case 0x09: case 0x0C: case 0x0D: case 0x10: case 0x11: case 0x14: case 0x47: return OK;
    case 0x02: return by_chs(r, d, READ);
    case 0x03: return by_chs(r, d, WRITE);
    case 0x04: return by_chs(r, d, VERIFY);
    case 0x08: return parameters(r, d);
    case 0x16: return d->type ? OK : BAD_PARAMETER; // the disk was not changed
    case 0x41: return extensions(r, d);
    }
    if (d->type) return BAD_PARAMETER;
    switch (r->ax.h) {
    case 0x42: return by_packet(r, d, READ);
    case 0x43: return by_packet(r, d, WRITE);
    case 0x44: return by_packet(r, d, VERIFY);
    case 0x48: return packet_parameters(r, d);
    }
    return BAD_PARAMETER;
}

void int_13(struct regs *r)
{
    uint8_t function = r->ax.h, drive = r->dx.l;
    uint16_t last = drive < 0x80 ? BDA_FLOPPY_STATUS : BDA_DISK_STATUS;
    const struct drive *d = drive_of(drive);
    if (function == 0x15) {
        drive_type(r, d);
        return;
    }
    if (function == 0x01) {
        r->ax.h = low_byte(last);
    } else {
        enum status s = d ? serve(r, d) : function == 0 ? OK : BAD_PARAMETER;
        r->ax.h = (uint8_t)(function == 0x41 && s == OK ? 0x21 : s);
        low_byte_set(last, (uint8_t)s);
    }
    set_flag(r, CARRY, low_byte(last) != OK);
}
