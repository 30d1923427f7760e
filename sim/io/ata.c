/* See ata.h: phases, the movement of data, and the commands of ata_command.def. */
#include "sim/io/ata.h"

#include <stddef.h>
#include <string.h>

enum phase {
    PHASE_IDLE,
    PHASE_END,    /* busy: then the command ends with `result` */
    PHASE_FETCH,  /* busy: then a block is in the buffer */
    PHASE_ASK,    /* busy: then the first block of a DMA command is wanted */
    PHASE_IN,     /* the host reads the buffer */
    PHASE_OUT,    /* the host writes the buffer */
    PHASE_STORE,  /* busy: then the buffer is on the medium */
    PHASE_AWAIT,  /* busy: a medium that is far away moves the buffer, and says when */
    PHASE_DMA,    /* the buffer moves through DMARQ, now or when the host is ready */
    PHASE_HELD,   /* SRST is set */
    PHASE_RESET,  /* busy: then ready */
};
enum { MEDIA = 1, IN = 2, OUT = 4, DMA = 8, MULTI = 16, EXT = 32 };
enum { READY = ATA_DRDY | ATA_DSC };

typedef void begin_fn(struct ata *a);
static begin_fn recalibrate, transfer, seek, diagnostic, geometry, standby, idle, check_power, sleep_mode,
                set_multiple, read_buffer, write_buffer, flush, identify, set_features;

static const struct command {
    uint8_t first, last, flags;
    const char *name;
    begin_fn *begin;
} commands[] = {
#define ATA_COMMAND(first, last, name, begin, flags) { first, last, flags, name, begin },
#include "sim/io/ata_command.def"
#undef ATA_COMMAND
};

static const struct command *find(uint8_t code)
{
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (code >= commands[i].first && code <= commands[i].last) return &commands[i];
    return NULL;
}

const char *ata_command_name(uint8_t code)
{
    const struct command *c = find(code);
    return c ? c->name : NULL;
}

/* Of the command in progress, which has a row. */
static uint8_t flags_of(const struct ata *a)
{
    const struct command *c = find(a->command);
    return c ? c->flags : 0;
}

/* --- time and status --- */

static void raise(struct ata *a, bool level)
{
    a->intrq = level;
    a->host.changed(a->host.self);
}

static void busy(struct ata *a, enum phase then, uint64_t ns)
{
    a->phase = (uint8_t)then;
    a->status = ATA_BSY | READY;
    timeq_arm(a->q, &a->timer, a->q->clock->now + clock_from_ns(a->q->clock, ns));
}

static void end_later(struct ata *a, uint8_t error, uint64_t ns)
{
    a->result = error;
    busy(a, PHASE_END, ns);
}

static void end_with(struct ata *a, uint8_t error)
{
    a->phase = PHASE_IDLE;
    a->error = error;
    a->status = READY | (error ? ATA_ERR : 0);
    raise(a, true);
}

/* --- addresses (ata_address.c) --- */

static bool is_ext(const struct ata *a) { return flags_of(a) & EXT; }
static bool locate(struct ata *a) { return ata_locate(a, is_ext(a)); }

static uint64_t seek_ns(const struct ata *a) { return a->lba == a->head ? 0 : a->times.seek_ns; }
static uint64_t reach_ns(const struct ata *a) { return a->times.command_ns + seek_ns(a); }

/* --- data --- */

/* How many sectors the next block has; 0: the next one does not exist. */
static uint32_t next_block(const struct ata *a)
{
    uint8_t f = flags_of(a);
    uint64_t n = f & MULTI ? a->multiple : f & DMA ? ATA_BLOCK : 1;
    if (!(f & MEDIA)) return 1;
    if (n > a->left) n = a->left;
    if (a->lba >= a->disk.sectors) return 0;
    return (uint32_t)(n < a->disk.sectors - a->lba ? n : a->disk.sectors - a->lba);
}

static void end_here(struct ata *a, uint8_t error)
{
    ata_show(a, is_ext(a), a->lba);
    end_with(a, error);
}

/* The block between buffer and medium is under way, to be told by ata_arrived. */
static bool is_far(struct ata *a, bool write)
{
    if (!a->disk.begin || !(flags_of(a) & MEDIA)) return false;
    a->phase = PHASE_AWAIT;
    a->disk.begin(a->disk.self, a->lba, a->block, write, ++a->ticket);
    return true;
}

static void fetched(struct ata *a);

/* The heads are over the next block: into the buffer with it. */
static void fetch(struct ata *a)
{
    a->block = next_block(a);
    if (!a->block) {
        end_here(a, ATA_IDNF);
        return;
    }
    if (is_far(a, false)) return;
    for (uint32_t i = 0; (flags_of(a) & MEDIA) && i < a->block; i++)
        if (!a->disk.read(a->disk.self, a->lba + i, a->buffer + i * DISK_SECTOR)) {
            a->lba += i;
            end_here(a, ATA_UNC);
            return;
        }
    fetched(a);
}

/* The block is in the buffer: the host's turn. */
static void fetched(struct ata *a)
{
    uint8_t f = flags_of(a);
    if (!(f & MEDIA) && find(a->command)->begin == identify) ata_fill_identify(a);
    a->at = 0;
    a->end = a->block * DISK_SECTOR;
    a->status = READY | ATA_DRQ;
    a->phase = f & DMA ? PHASE_DMA : PHASE_IN;
    if (f & DMA) ata_dma_go(a);
    else raise(a, true);
}

/* Asks the host for the next block. The first one of a PIO command comes without an interrupt. */
static void ask(struct ata *a, bool first)
{
    uint8_t f = flags_of(a);
    a->block = next_block(a);
    if (!a->block) {
        if (first) end_later(a, ATA_IDNF, a->times.command_ns);
        else end_here(a, ATA_IDNF);
        return;
    }
    a->at = 0;
    a->end = a->block * DISK_SECTOR;
    a->status = READY | ATA_DRQ;
    a->phase = f & DMA ? PHASE_DMA : PHASE_OUT;
    if (f & DMA) ata_dma_go(a);
    else if (!first) raise(a, true);
}

/* A block is done. False: it was the last, and the registers say so. */
static bool more(struct ata *a)
{
    if (!(flags_of(a) & MEDIA)) return false;
    a->lba += a->block;
    a->left -= a->block;
    a->head = a->lba;
    if (a->left) return true;
    ata_show(a, is_ext(a), a->lba - 1);
    return false;
}

static void not_stored(struct ata *a)
{
    ata_show(a, is_ext(a), a->lba);
    end_with(a, ATA_ABRT);
    a->status |= ATA_DF;
}

static void stored(struct ata *a)
{
    if (more(a)) ask(a, false);
    else end_with(a, 0);
}

static void store(struct ata *a)
{
    if (is_far(a, true)) return;
    for (uint32_t i = 0; (flags_of(a) & MEDIA) && i < a->block; i++)
        if (!a->disk.write(a->disk.self, a->lba + i, a->buffer + i * DISK_SECTOR)) {
            a->lba += i;
            not_stored(a);
            return;
        }
    stored(a);
}

void ata_arrived(struct ata *a, uint32_t ticket, bool good)
{
    bool write = flags_of(a) & OUT;
    if (a->phase != PHASE_AWAIT || ticket != a->ticket) return;
    if (!good && write) not_stored(a);
    else if (!good) end_here(a, ATA_UNC);
    else if (write) stored(a);
    else fetched(a);
}

static uint64_t block_ns(const struct ata *a)
{
    uint32_t n = next_block(a);
    return (uint64_t)(n ? n : 1) * a->times.sector_ns;
}

/* The buffer has passed to the host, or has come from it. PIO to the host ends with its last word, without an
 * interrupt. */
static void moved(struct ata *a)
{
    uint8_t f = flags_of(a);
    if (f & OUT) busy(a, PHASE_STORE, seek_ns(a) + (uint64_t)a->block * a->times.sector_ns);
    else if (more(a)) busy(a, PHASE_FETCH, block_ns(a));
    else if (f & DMA) end_with(a, 0);
    else {
        a->phase = PHASE_IDLE;
        a->status = READY;
    }
}

void ata_dma_go(struct ata *a)
{
    if (a->phase != PHASE_DMA) return;
    a->at += a->host.dma(a->host.self, a->buffer + a->at, a->end - a->at, !(flags_of(a) & OUT));
    if (a->at == a->end) moved(a);
}

uint16_t ata_peek_data(const struct ata *a)
{
    if (a->phase != PHASE_IN) return UINT16_MAX;
    return (uint16_t)(a->buffer[a->at] | a->buffer[a->at + 1] << 8);
}

uint16_t ata_data_in(struct ata *a)
{
    uint16_t word = ata_peek_data(a);
    if (a->phase != PHASE_IN) return word;
    a->at += 2;
    if (a->at == a->end) moved(a);
    return word;
}

void ata_data_out(struct ata *a, uint16_t word)
{
    if (a->phase != PHASE_OUT) return;
    a->buffer[a->at] = (uint8_t)word;
    a->buffer[a->at + 1] = (uint8_t)(word >> 8);
    a->at += 2;
    if (a->at == a->end) moved(a);
}

/* --- commands --- */

static void abort_command(struct ata *a) { end_later(a, ATA_ABRT, a->times.command_ns); }
static void do_nothing(struct ata *a) { end_later(a, 0, a->times.command_ns); }

static void verify(struct ata *a)
{
    uint64_t exists = a->lba < a->disk.sectors ? a->disk.sectors - a->lba : 0;
    uint64_t n = a->left < exists ? a->left : exists, ns = reach_ns(a) + n * a->times.sector_ns;
    bool good = n == a->left;
    a->left -= (uint32_t)n;
    a->head = a->lba += n;
    ata_show(a, is_ext(a), good ? a->lba - 1 : a->lba);
    end_later(a, good ? 0 : ATA_IDNF, ns);
}

static void transfer(struct ata *a)
{
    uint8_t f = flags_of(a);
    a->left = ata_count(a, is_ext(a));
    a->power = ATA_ACTIVE;
    if ((f & MULTI) && !a->multiple) abort_command(a);
    else if (!locate(a)) end_later(a, ATA_IDNF, a->times.command_ns);
    else if (!(f & (IN | OUT))) verify(a);
    else if (f & IN) busy(a, PHASE_FETCH, reach_ns(a) + block_ns(a));
    else if (f & DMA) busy(a, PHASE_ASK, a->times.command_ns);
    else ask(a, true);
}

static void seek(struct ata *a)
{
    bool good = locate(a) && a->lba < a->disk.sectors;
    uint64_t ns = good ? reach_ns(a) : a->times.command_ns;
    if (good) a->head = a->lba;
    end_later(a, good ? 0 : ATA_IDNF, ns);
}

static void recalibrate(struct ata *a)
{
    a->lba = 0;
    uint64_t ns = reach_ns(a);
    a->head = 0;
    end_later(a, 0, ns);
}

/* Device parameters: heads and sectors of a track. The cylinders follow. */
static void geometry(struct ata *a)
{
    uint8_t sectors = a->reg[ATA_COUNT][0], heads = (uint8_t)((a->reg[ATA_DEVICE][0] & 15) + 1);
    if (!sectors) {
        abort_command(a);
        return;
    }
    a->current = ata_geometry_with(a->disk.sectors, heads, sectors);
    do_nothing(a);
}

static void set_multiple(struct ata *a)
{
    uint8_t n = a->reg[ATA_COUNT][0];
    if (n > ATA_BLOCK || (n & (n - 1))) {
        abort_command(a);
        return;
    }
    a->multiple = n;
    do_nothing(a);
}

static void identify(struct ata *a) { busy(a, PHASE_FETCH, a->times.command_ns); }
static void read_buffer(struct ata *a) { busy(a, PHASE_FETCH, a->times.command_ns); }
static void write_buffer(struct ata *a) { ask(a, true); }
static void flush(struct ata *a) { do_nothing(a); }

static void set_power(struct ata *a, enum ata_power power)
{
    a->power = (uint8_t)power;
    do_nothing(a);
}

static void standby(struct ata *a) { set_power(a, ATA_STANDBY); }
static void idle(struct ata *a) { set_power(a, ATA_IDLE); }
static void sleep_mode(struct ata *a) { set_power(a, ATA_SLEEPING); }

static void check_power(struct ata *a)
{
    static const uint8_t answer[] = { [ATA_ACTIVE] = 0xFF, [ATA_IDLE] = 0x80, [ATA_STANDBY] = 0, [ATA_SLEEPING] = 0 };
    a->reg[ATA_COUNT][0] = answer[a->power];
    do_nothing(a);
}

/* Table 44: the type in bits 7:3, the mode in 2:0. Only one DMA mode, of either kind, is selected at a time. */
static bool set_transfer_mode(struct ata *a)
{
    unsigned type = a->reg[ATA_COUNT][0] >> 3, mode = a->reg[ATA_COUNT][0] & 7;
    if (type == 0) return mode < 2;
    if (type == 1) return mode < 5;
    if ((type != 4 || mode > 2) && (type != 8 || mode > 5)) return false;
    a->mode_mw = (uint8_t)(type == 4 ? 1u << mode : 0);
    a->mode_u = (uint8_t)(type == 8 ? 1u << mode : 0);
    return true;
}

static void set_features(struct ata *a)
{
    bool good = true;
    switch (a->reg[ATA_FEATURES][0]) {
    case 0x02: a->write_cache = true; break;
    case 0x82: a->write_cache = false; break;
    case 0x03: good = set_transfer_mode(a); break;
    case 0x55: a->look_ahead = false; break;
    case 0xAA: a->look_ahead = true; break;
    case 0x66: case 0xCC: break; /* what a software reset keeps: everything, either way */
    default: good = false;
    }
    if (good) do_nothing(a);
    else abort_command(a);
}

static void sign(struct ata *a)
{
    static const uint8_t signature[ATA_REGS] = { [ATA_COUNT] = 1, [ATA_LOW] = 1 };
    for (unsigned r = 0; r < ATA_REGS; r++) a->reg[r][0] = a->reg[r][1] = signature[r];
    a->error = 0x01; /* the diagnostic code: no error */
}

static void diagnostic(struct ata *a)
{
    sign(a);
    end_later(a, 0x01, a->times.reset_ns);
}

static void tell(struct ata *a)
{
    bool placed = (flags_of(a) & MEDIA) && locate(a);
    a->host.began(a->host.self, placed ? a->lba : 0, placed ? ata_count(a, is_ext(a)) : 0);
}

static void start(struct ata *a, uint8_t code)
{
    const struct command *c = find(code);
    if (a->power == ATA_SLEEPING) return; /* only a reset wakes it */
    a->command = code;
    a->commands++;
    a->error = 0;
    raise(a, false);
    tell(a);
    if (c) c->begin(a);
    else abort_command(a);
}

/* --- the rest of the drive --- */

static void fire(void *self, uint64_t when)
{
    (void)when;
    struct ata *a = self;
    switch ((enum phase)a->phase) {
    case PHASE_FETCH: fetch(a); break;
    case PHASE_ASK: ask(a, true); break;
    case PHASE_STORE: store(a); break;
    case PHASE_END:
        end_with(a, a->result);
        if (a->command == 0x90) a->status = READY; /* there, the error register holds a good code */
        break;
    case PHASE_RESET:
        a->phase = PHASE_IDLE;
        a->status = READY;
        break;
    default: break;
    }
}

void ata_software_reset(struct ata *a, bool level)
{
    if (level) {
        timeq_cancel(a->q, &a->timer);
        a->phase = PHASE_HELD;
        a->status = ATA_BSY;
        a->power = ATA_ACTIVE;
        raise(a, false);
    } else if (a->phase == PHASE_HELD) {
        sign(a);
        busy(a, PHASE_RESET, a->times.reset_ns);
    }
}

void ata_power_on(struct ata *a)
{
    timeq_cancel(a->q, &a->timer);
    a->natural = a->current = ata_geometry_of(a->disk.sectors);
    a->multiple = ATA_BLOCK;
    a->mode_mw = 1 << 2; /* as a BIOS leaves it */
    a->mode_u = 0;
    a->write_cache = a->look_ahead = true;
    a->power = ATA_ACTIVE;
    a->phase = PHASE_IDLE; /* spinning up was the BIOS's time */
    a->status = READY;
    a->head = a->left = 0;
    sign(a);
    raise(a, false);
}

void ata_init(struct ata *a, unsigned unit, const struct disk *disk, const struct disk_times *times, struct timeq *q,
              struct ata_host host)
{
    *a = (struct ata){ .q = q, .timer = { .fire = fire, .self = a }, .unit = (uint8_t)unit, .host = host };
    if (disk) a->disk = *disk;
    if (times) a->times = *times;
}

void ata_write(struct ata *a, unsigned reg, uint8_t value)
{
    if (reg == ATA_COMMAND) {
        start(a, value);
        return;
    }
    a->reg[reg][1] = a->reg[reg][0];
    a->reg[reg][0] = value;
}

uint8_t ata_read(const struct ata *a, unsigned reg, bool previous)
{
    if (reg == ATA_ERROR) return a->error;
    if (reg == ATA_STATUS) return a->status;
    return a->reg[reg][previous && reg != ATA_DEVICE];
}

void ata_acknowledge(struct ata *a) { raise(a, false); }
