// vm's disk controller: two IDE channels with a bus master each, in front of the host's drives.
//
// Idea: a command is carried out when it has come, before the guest goes on: the host's kernel is asked for the sectors, and this process
// sleeps until they are there; so the guest never sees the drive busy. With a bus master the table in the guest's memory is read
// here, and the regions it names go to the kernel, whose drive stores there. By PIO a sector is in a buffer of ours.
// Manual: ATA-4 (T13/1153D): register descriptions, commands; Programming Interface for Bus Master IDE Controller 1.0.
// READ and WRITE MULTIPLE save the guest interrupts; each sector is still asked for by itself.
// Not here: CHS addresses, LBA48, packets, commands that overlap.
#include "mini/user/vm.h"

enum { DATA, ERROR /* written: FEATURE */, COUNT, LBA, DEVICE = 6, STATUS /* written: COMMAND */ };
enum { ERR = 0x01, DRQ = 0x08, SEEK = 0x10, READY = 0x40, ABORTED = 0x04, NOT_FOUND = 0x10, SECOND = 0x10, NO_INTERRUPTS = 2, RESET = 4 };
enum { M_COMMAND, M_STATUS = 2, M_TABLE = 4, M_PORTS = 8, M_START = 1, M_TO_MEMORY = 8, M_ACTIVE = 1, M_FAILED = 2, M_INTERRUPT = 4, M_CAPABLE = 0x60 };
enum { CHANNELS = 2, DRIVES = 2, WORDS = SECTOR / 2, MOST = 256, MULTIPLE = 16 /* sectors an interrupt, at most */ };

static struct channel {
    uint32_t sectors[DRIVES];
    uint8_t count, lba[3], device, status, error, control;
    bool line;                    // INTRQ
    bool writing, dma;            // the command that is under way: its direction; it waits for the bus master
    uint32_t sector, left, at;    // where it is, what is left, and the byte of the buffer that is next
    uint8_t multiple[DRIVES];     // sectors an interrupt of READ and WRITE MULTIPLE; 0: these are refused
    uint32_t block, passed;       // the same of the command that is under way, and the sectors of it that are over
    uint8_t master, master_status;
    uint32_t table;
    struct vm_disk disk;          // what the kernel is asked; its buffer is the drive's
} channels[CHANNELS];

static uint32_t unit(const struct channel *c) { return c->device & SECOND ? 1 : 0; }
static bool present(const struct channel *c) { return c->sectors[unit(c)] != 0; }
static bool empty(const struct channel *c) { return !c->sectors[0] && !c->sectors[1]; }

static void signature(struct channel *c)
{
    c->count = c->lba[0] = c->error = 1;
    c->lba[1] = c->lba[2] = c->device = 0;
    c->status = READY | SEEK;
    c->left = 0;
    c->dma = c->line = false;
}

void ide_init(void)
{
    for (uint32_t i = 0; i < CHANNELS * DRIVES; i++) {
        struct channel *c = &channels[i / DRIVES];
        c->disk = (struct vm_disk){ .drive = i };
        int sectors = vm_call(VM_DISK, &c->disk);
        c->sectors[i % DRIVES] = sectors > 0 ? (uint32_t)sectors : 0;
        c->multiple[i % DRIVES] = MULTIPLE; // as the hypervisor's drives have it
        signature(c);
    }
}

bool ide_interrupts(uint32_t channel) { return channels[channel].line && !(channels[channel].control & NO_INTERRUPTS); }

// ---- The end of a command, or of a sector ------------------------------------------------------------------------------

static void interrupt(struct channel *c)
{
    c->line = true;
    c->master_status |= M_INTERRUPT;
}

static void done(struct channel *c, uint8_t error)
{
    c->error = error;
    c->status = (uint8_t)(READY | SEEK | (error ? ERR : 0));
    c->left = 0;
    c->dma = false;
    interrupt(c);
}

static bool ask(struct channel *c, uint32_t count, uint32_t parts)
{
    c->disk.drive = (uint32_t)(c - channels) * DRIVES + unit(c);
    c->disk.sector = c->sector;
    c->disk.count = count;
    c->disk.write = c->writing;
    c->disk.parts = parts;
    return vm_call(VM_DISK, &c->disk) == 0;
}

// ---- PIO: a sector, or as many as SET MULTIPLE said, then an interrupt -----------------------------------------------------

static void next_read(struct channel *c)
{
    if (!ask(c, 1, 0)) {
        done(c, NOT_FOUND);
        return;
    }
    c->at = 0;
    c->status = READY | SEEK | DRQ;
    if (c->passed % c->block == 0) interrupt(c);
}

static void sector_over(struct channel *c)
{
    if (c->writing && !ask(c, 1, 0)) {
        done(c, NOT_FOUND);
        return;
    }
    c->sector++;
    c->passed++;
    if (--c->left == 0) { // of a read the last interrupt was the sector's own
        c->status = READY | SEEK;
        if (c->writing) interrupt(c);
    } else if (c->writing) {
        c->at = 0;
        if (c->passed % c->block == 0) interrupt(c);
    } else
        next_read(c);
}

static uint32_t data(struct channel *c, uint32_t size, bool write, uint32_t value)
{
    if (!(c->status & DRQ)) return 0xFFFFFFFF;
    for (uint32_t i = 0; i < size && c->at < SECTOR; i++, c->at++) {
        if (write) c->disk.buffer[c->at] = (uint8_t)(value >> 8 * i);
        else value = (value & ~(0xFFu << 8 * i)) | (uint32_t)c->disk.buffer[c->at] << 8 * i;
    }
    if (c->at == SECTOR) sector_over(c);
    return value;
}

// ---- The bus master -----------------------------------------------------------------------------------------------------

static bool flush(struct channel *c, uint32_t bytes, uint32_t parts)
{
    uint32_t count = bytes / SECTOR;
    if (!ask(c, count, parts)) return false;
    for (uint32_t i = 0; i < parts && !c->writing; i++) vm_stored(c->disk.part[i].at, c->disk.part[i].size);
    c->sector += count;
    c->left -= count;
    return true;
}

// Walks the table of regions. The kernel takes so many of them at once, and whole sectors.
static bool walk(struct channel *c)
{
    uint32_t bytes = 0, parts = 0, want = c->left * SECTOR;
    for (uint32_t row = c->table; want; row += 8) {
        const uint32_t *words = vm_memory(row, 8);
        if (!words) return false;
        uint32_t size = words[1] & 0xFFFE ? words[1] & 0xFFFE : 0x10000;
        if (size > want) size = want;
        if (parts == DISK_PARTS || !vm_memory(words[0] & ~1u, size)) return false;
        c->disk.part[parts].at = words[0] & ~1u;
        c->disk.part[parts++].size = size;
        bytes += size;
        want -= size;
        bool last = words[1] >> 31;
        if (bytes % SECTOR == 0 && (parts == DISK_PARTS || last || !want)) {
            if (!flush(c, bytes, parts)) return false;
            bytes = parts = 0;
        }
        if (last) return !want;
    }
    return true;
}

static void transfer(struct channel *c)
{
    if (!c->dma || !(c->master_status & M_ACTIVE)) return; // the command, and the start: whichever comes last
    bool ok = c->writing == !(c->master & M_TO_MEMORY) && walk(c);
    c->master_status &= (uint8_t)~M_ACTIVE;
    if (!ok) c->master_status |= M_FAILED;
    done(c, ok ? 0 : ABORTED);
}

static uint8_t master_byte(const struct channel *c, uint32_t offset)
{
    if (offset == M_COMMAND) return c->master;
    if (offset == M_STATUS) return c->master_status;
    return offset < M_TABLE ? 0 : (uint8_t)(c->table >> 8 * (offset - M_TABLE));
}

uint32_t ide_master_read(uint32_t offset, uint32_t size)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++) value |= (uint32_t)master_byte(&channels[(offset + i) / M_PORTS % CHANNELS], (offset + i) % M_PORTS) << 8 * i;
    return value;
}

static void master_set(struct channel *c, uint32_t offset, uint8_t value)
{
    if (offset == M_COMMAND) {
        bool starts = (value & M_START) && !(c->master & M_START);
        c->master = value & (M_START | M_TO_MEMORY);
        if (!(value & M_START)) c->master_status &= (uint8_t)~M_ACTIVE;
        if (starts) c->master_status |= M_ACTIVE;
        transfer(c);
    } else if (offset == M_STATUS) { // ones clear
        c->master_status = (uint8_t)((c->master_status & ~(value & (M_FAILED | M_INTERRUPT)) & ~M_CAPABLE) | (value & M_CAPABLE));
    } else if (offset >= M_TABLE) {
        uint32_t shift = 8 * (offset - M_TABLE);
        c->table = ((c->table & ~(0xFFu << shift)) | (uint32_t)value << shift) & ~3u;
    }
}

void ide_master_write(uint32_t offset, uint32_t size, uint32_t value)
{
    for (uint32_t i = 0; i < size; i++) master_set(&channels[(offset + i) / M_PORTS % CHANNELS], (offset + i) % M_PORTS, (uint8_t)(value >> 8 * i));
}

// ---- Commands -------------------------------------------------------------------------------------------------------------

static void put_text(uint16_t *at, uint32_t words, const char *text)
{
    for (uint32_t i = 0; i < words; i++) {
        uint8_t first = *text ? (uint8_t)*text++ : ' ', second = *text ? (uint8_t)*text++ : ' ';
        at[i] = (uint16_t)(first << 8 | second);
    }
}

static void identify(struct channel *c)
{
    enum { HEADS = 16, TRACK = 63, CYLINDERS = 16383, LBA_AND_DMA = 0x300, MULTIWORD_2 = 0x0407, PIO_3_4 = 3, ATA_4 = 0x1E };
    uint16_t *w = (uint16_t *)(void *)c->disk.buffer;
    uint32_t sectors = c->sectors[unit(c)], cylinders = sectors / (HEADS * TRACK);
    memset(w, 0, SECTOR);
    w[0] = 0x40;
    w[1] = w[54] = (uint16_t)(cylinders < CYLINDERS ? cylinders : CYLINDERS);
    w[3] = w[55] = HEADS;
    w[6] = w[56] = TRACK;
    put_text(w + 10, 10, "1");
    put_text(w + 23, 4, "1.0");
    put_text(w + 27, 20, "HOSTED DISK");
    w[47] = 0x8000 | MULTIPLE;
    w[49] = LBA_AND_DMA;
    w[53] = 3;
    if (c->multiple[unit(c)]) w[59] = 0x100u | c->multiple[unit(c)];
    w[60] = (uint16_t)sectors;
    w[61] = (uint16_t)(sectors >> 16);
    w[63] = MULTIWORD_2;
    w[64] = PIO_3_4;
    w[65] = w[66] = w[67] = w[68] = 120;
    w[80] = ATA_4;
    c->writing = false;
    c->left = c->block = 1;
    c->at = 0;
    c->status = READY | SEEK | DRQ;
    interrupt(c);
}

// At most that many, and a power of two.
static uint8_t set_multiple(struct channel *c)
{
    if (c->count > MULTIPLE || (c->count & (c->count - 1))) return ABORTED;
    c->multiple[unit(c)] = c->count;
    return 0;
}

// Of the registers, by LBA. False: by CHS, or beyond the end.
static bool where(struct channel *c)
{
    c->sector = c->lba[0] | (uint32_t)c->lba[1] << 8 | (uint32_t)c->lba[2] << 16 | (c->device & 0x0Fu) << 24;
    c->left = c->count ? c->count : MOST;
    uint32_t all = c->sectors[unit(c)];
    return (c->device & 0x40) && c->left <= all && c->sector <= all - c->left;
}

static void command(struct channel *c, uint8_t code)
{
    enum { READ = 0x20, READ_ONCE, WRITE = 0x30, WRITE_ONCE, VERIFY = 0x40, DIAGNOSTIC = 0x90, GEOMETRY, READ_MULTIPLE = 0xC4, WRITE_MULTIPLE, SET_MULTIPLE, READ_DMA = 0xC8, WRITE_DMA = 0xCA,
           STANDBY = 0xE0, IDLE = 0xE3, FLUSH = 0xE7, IDENTIFY = 0xEC, FEATURES = 0xEF };
    if (code == DIAGNOSTIC) {
        signature(c);
        interrupt(c);
        return;
    }
    if (!present(c)) return;
    c->line = false;
    c->error = 0;
    bool multiple = code == READ_MULTIPLE || code == WRITE_MULTIPLE, dma = code == READ_DMA || code == WRITE_DMA;
    bool pio = multiple || (code & ~1) == READ || (code & ~1) == WRITE;
    c->block = multiple ? c->multiple[unit(c)] : 1;
    c->passed = 0;
    if (code == IDENTIFY) identify(c);
    else if (code == SET_MULTIPLE) done(c, set_multiple(c));
    else if (multiple && !c->block) done(c, ABORTED);
    else if (dma || pio || code == VERIFY) {
        c->writing = code == WRITE_DMA || code == WRITE_MULTIPLE || (code & ~1) == WRITE;
        if (!where(c)) done(c, NOT_FOUND);
        else if (dma) c->dma = true, c->status = READY | SEEK, transfer(c);
        else if (code == VERIFY) done(c, 0);
        else if (!c->writing) next_read(c);
        else c->at = 0, c->status = READY | SEEK | DRQ; // the first sector is asked for without an interrupt
    } else
        done(c, code == GEOMETRY || code == FLUSH || code == FEATURES || (code >= STANDBY && code <= IDLE) ? 0 : ABORTED);
}

// ---- Registers ---------------------------------------------------------------------------------------------------------

static uint8_t reg_read(struct channel *c, uint32_t offset)
{
    bool status = offset == STATUS || offset == IDE_CONTROL;
    if (empty(c)) return 0x7F; // nobody drives the cable: DD7 is pulled down
    if (!present(c)) return status || offset == ERROR ? 0 : 0xFF;
    if (offset == STATUS) c->line = false;
    if (status) return c->status;
    switch (offset) {
    case ERROR: return c->error;
    case COUNT: return c->count;
    case DEVICE: return c->device | 0xA0;
    default: return c->lba[offset - LBA];
    }
}

static void reg_write(struct channel *c, uint32_t offset, uint8_t value)
{
    if (offset == IDE_CONTROL) {
        if ((c->control & RESET) && !(value & RESET)) signature(c);
        c->control = value;
    } else if (offset == STATUS) command(c, value);
    else if (offset == COUNT) c->count = value;
    else if (offset == DEVICE) c->device = value;
    else if (offset >= LBA) c->lba[offset - LBA] = value;
}

uint32_t ide_read(uint32_t channel, uint32_t offset, uint32_t size)
{
    struct channel *c = &channels[channel];
    return offset == DATA ? data(c, size, false, 0) : reg_read(c, offset);
}

void ide_write(uint32_t channel, uint32_t offset, uint32_t size, uint32_t value)
{
    struct channel *c = &channels[channel];
    if (offset == DATA) data(c, size, true, value);
    else reg_write(c, offset, (uint8_t)value);
}
