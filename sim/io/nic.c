/* The card's registers, its PCI side and its reset. See nic.h. */
#include "sim/io/nic.h"

#include <string.h>

enum { IDR0 = 0x00, MAR0 = 0x08, TSD0 = 0x10, TSAD0 = 0x20, RBSTART = 0x30, ERBCR = 0x34, ERSR = 0x36, CR = 0x37, CAPR = 0x38, CBR = 0x3A,
       IMR = 0x3C, ISR = 0x3E, TCR = 0x40, RCR = 0x44, TCTR = 0x48, MPC = 0x4C, CR9346 = 0x50, CONFIG0 = 0x51, CONFIG1 = 0x52, TIMERINT = 0x54,
       MSR = 0x58, CONFIG3 = 0x59, CONFIG4 = 0x5A, MULINT = 0x5C, RERID = 0x5E, TSAD = 0x60, BMCR = 0x62, BMSR = 0x64, ANAR = 0x66,
       ANLPAR = 0x68, ANER = 0x6A };
enum { TSD_OWN = 1 << 13, TSD_TUN = 1 << 14, TSD_TOK = 1 << 15, TSD_TABT = 1 << 30, TSD_WRITABLE = 0x003F1FFF };
enum { TCR_VERSION = 0x74000000, TCR_WRITABLE = 0x030707F1, TCR_RESET = 0x03000000, RCR_WRITABLE = 0x0F03FFFF };
enum { PIN_DO = 1, PIN_DI = 2, PIN_SK = 4, PIN_CS = 8, MODE_SHIFT = 6, MODE_LOAD = 1, MODE_PROGRAM = 2, MODE_CONFIG = 3 };
enum { BMCR_RESET = 0x8000, BMCR_RESTART = 0x0200, BMCR_LOCKED = 0x3100 /* only in the configuration mode */, BMCR_START = 0x3100 };
enum { CRYSTAL = 33333333 /* TCTR counts the PCI clock */, INTERRUPTS = 0xE07F };

/* ---- interrupts and the timer */

static void drive(struct nic *n) { irq_set(&n->irq, n->isr & n->imr); }

void nic_interrupt(struct nic *n, unsigned bits)
{
    n->isr |= (uint16_t)bits;
    drive(n);
}

static uint32_t timer_count(const struct nic *n)
{
    return (uint32_t)(clock_pulses(n->queue->clock, CRYSTAL, n->queue->clock->now) - n->timer_zero);
}

static void arm_tick(struct nic *n)
{
    uint32_t left = n->timer_int - timer_count(n);
    if (!n->timer_int || !left) timeq_cancel(n->queue, &n->tick);
    else {
        uint64_t pulse = clock_pulses(n->queue->clock, CRYSTAL, n->queue->clock->now) + left;
        timeq_arm(n->queue, &n->tick, clock_of_pulse(n->queue->clock, CRYSTAL, pulse));
    }
}

static void ticked(void *nic, uint64_t when)
{
    (void)when;
    nic_interrupt(nic, NIC_TIMEOUT);
}

/* ---- registers with a meaning, by number in their group */

static bool link(const struct nic *n) { return n->cable.send; }
static unsigned mode(const struct nic *n) { return n->reg[CR9346] >> MODE_SHIFT; }

static uint32_t get_tsd(const struct nic *n, unsigned i) { return n->tsd[i]; }
static void set_tsd(struct nic *n, unsigned i, uint32_t v)
{
    if (!(n->tsd[i] & TSD_OWN)) return; /* the card is not done with it */
    n->tsd[i] = v & (TSD_WRITABLE | TSD_OWN);
    nic_send_next(n);
}

static uint32_t get_tsad(const struct nic *n, unsigned i) { return n->tsad[i]; }
static void set_tsad(struct nic *n, unsigned i, uint32_t v) { n->tsad[i] = v; }

static uint32_t get_rbstart(const struct nic *n, unsigned i) { (void)i; return n->rbstart; }
static void set_rbstart(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->rbstart = v;
}

static void soft_reset(struct nic *n);

static uint32_t get_cr(const struct nic *n, unsigned i)
{
    (void)i;
    return (uint32_t)(n->command | (nic_ring_empty(n) ? NIC_BUFE : 0));
}
static void set_cr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    if (v & NIC_RST) {
        soft_reset(n);
        return;
    }
    bool starts = (v & NIC_TE) && !(n->command & NIC_TE);
    if ((v & NIC_RE) && !(n->command & NIC_RE)) n->cbr = 0;
    n->command = (uint8_t)(v & (NIC_TE | NIC_RE));
    if (starts) n->next = 0;
    nic_send_next(n);
}

static uint32_t get_capr(const struct nic *n, unsigned i) { (void)i; return n->capr; }
static void set_capr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->capr = (uint16_t)v;
}
static uint32_t get_cbr(const struct nic *n, unsigned i) { (void)i; return n->cbr; }

static uint32_t get_imr(const struct nic *n, unsigned i) { (void)i; return n->imr; }
static void set_imr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->imr = v & INTERRUPTS;
    drive(n);
}
static uint32_t get_isr(const struct nic *n, unsigned i) { (void)i; return n->isr; }
static void set_isr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->isr &= (uint16_t)~v;
    drive(n);
}

static uint32_t get_tcr(const struct nic *n, unsigned i) { (void)i; return n->tcr | TCR_VERSION; }
static void set_tcr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->tcr = v & TCR_WRITABLE & ~1u; /* bit 0 only asks: an aborted frame is to be sent again */
}
static uint32_t get_rcr(const struct nic *n, unsigned i) { (void)i; return n->rcr; }
static void set_rcr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->rcr = v & RCR_WRITABLE;
}

static uint32_t get_tctr(const struct nic *n, unsigned i) { (void)i; return timer_count(n); }
static void set_tctr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i, (void)v;
    n->timer_zero = clock_pulses(n->queue->clock, CRYSTAL, n->queue->clock->now);
    arm_tick(n);
}
static uint32_t get_timer_int(const struct nic *n, unsigned i) { (void)i; return n->timer_int; }
static void set_timer_int(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->timer_int = v;
    arm_tick(n);
}
static uint32_t get_mpc(const struct nic *n, unsigned i) { (void)i; return n->missed; }
static void set_mpc(struct nic *n, unsigned i, uint32_t v)
{
    (void)i, (void)v;
    n->missed = 0;
}

static void load_address(struct nic *n)
{
    for (unsigned i = 0; i < NET_ADDRESS / 2; i++) memcpy(n->reg + IDR0 + 2 * i, &n->eeprom.word[7 + i], 2);
}

static uint32_t get_eeprom(const struct nic *n, unsigned i)
{
    (void)i;
    bool out = mode(n) == MODE_PROGRAM && n->eeprom.select && n->eeprom.data;
    return (uint32_t)((n->reg[CR9346] & ~PIN_DO) | (out ? PIN_DO : 0));
}
static void set_eeprom(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->reg[CR9346] = (uint8_t)(v & ~0x31u);
    if (mode(n) == MODE_PROGRAM) nic_eeprom_pins(&n->eeprom, v & PIN_CS, v & PIN_SK, v & PIN_DI);
    if (mode(n) == MODE_LOAD) {
        load_address(n);
        n->reg[CR9346] = 0; /* back to normal by itself */
    }
}

/* CONFIG0, 1, 3, 4: only in the configuration mode. */
static uint32_t get_config(const struct nic *n, unsigned i) { return n->reg[CONFIG0 + i]; }
static void set_config(struct nic *n, unsigned i, uint32_t v)
{
    static const uint8_t writable[] = { 0, 0xF3, 0, 0, 0, 0, 0, 0, 0x61, 0xFF };
    if (mode(n) != MODE_CONFIG) return;
    uint8_t *byte = &n->reg[CONFIG0 + i];
    *byte = (uint8_t)((*byte & ~writable[i]) | (v & writable[i]));
}

static uint32_t get_msr(const struct nic *n, unsigned i) { (void)i; return (n->reg[MSR] & 0xC0u) | (link(n) ? 0 : 4u); }
static void set_msr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    n->reg[MSR] = v & 0xC0;
}
static uint32_t get_revision(const struct nic *n, unsigned i) { (void)n, (void)i; return 0x10; }

/* All four descriptors at a glance. */
static uint32_t get_tsad_all(const struct nic *n, unsigned i)
{
    (void)i;
    uint32_t v = 0;
    for (unsigned k = 0; k < NIC_DESCRIPTORS; k++) {
        uint32_t d = n->tsd[k];
        v |= ((d & TSD_OWN ? 1u : 0) | (d & TSD_TABT ? 0x10u : 0) | (d & TSD_TUN ? 0x100u : 0) | (d & TSD_TOK ? 0x1000u : 0)) << k;
    }
    return v;
}

static uint32_t reg16(const struct nic *n, unsigned at) { return (uint32_t)(n->reg[at] | n->reg[at + 1] << 8); }
static void put16(struct nic *n, unsigned at, uint32_t v) { memcpy(n->reg + at, &(uint16_t){ (uint16_t)v }, 2); }

static uint32_t get_bmcr(const struct nic *n, unsigned i) { (void)i; return reg16(n, BMCR); }
static void set_bmcr(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    uint32_t locked = mode(n) == MODE_CONFIG ? 0 : BMCR_LOCKED;
    v = (v & ~locked) | (reg16(n, BMCR) & locked);
    put16(n, BMCR, v & BMCR_RESET ? BMCR_START : v & ~(uint32_t)BMCR_RESTART); /* both are done at once */
}
/* Capable of all four speeds and of negotiation, which is complete if there is a link. */
static uint32_t get_bmsr(const struct nic *n, unsigned i) { (void)i; return 0x7809u | (link(n) ? 0x24u : 0); }
static uint32_t get_anar(const struct nic *n, unsigned i) { (void)i; return reg16(n, ANAR); }
static void set_anar(struct nic *n, unsigned i, uint32_t v)
{
    (void)i;
    put16(n, ANAR, (v & 0x3DE0) | 1);
}
static uint32_t get_partner(const struct nic *n, unsigned i) { (void)i; return link(n) ? 0x45E1u : 0; }
static uint32_t get_aner(const struct nic *n, unsigned i) { (void)i; return link(n) ? 1u : 0; }
static uint32_t get_zero(const struct nic *n, unsigned i) { (void)n, (void)i; return 0; }

/* at, bytes each, how many in a row; set NULL: read-only; clears: bytes that a write leaves out count as zero. */
static const struct row {
    uint8_t at, bytes, count;
    bool clears;
    uint32_t (*get)(const struct nic *n, unsigned i);
    void (*set)(struct nic *n, unsigned i, uint32_t v);
} rows[] = {
    { TSD0, 4, NIC_DESCRIPTORS, false, get_tsd, set_tsd }, { TSAD0, 4, NIC_DESCRIPTORS, false, get_tsad, set_tsad },
    { RBSTART, 4, 1, false, get_rbstart, set_rbstart }, { ERBCR, 2, 1, false, get_zero, NULL }, { ERSR, 1, 1, false, get_zero, NULL },
    { CR, 1, 1, false, get_cr, set_cr }, { CAPR, 2, 1, false, get_capr, set_capr }, { CBR, 2, 1, false, get_cbr, NULL },
    { IMR, 2, 1, false, get_imr, set_imr }, { ISR, 2, 1, true, get_isr, set_isr }, { TCR, 4, 1, false, get_tcr, set_tcr },
    { RCR, 4, 1, false, get_rcr, set_rcr }, { TCTR, 4, 1, false, get_tctr, set_tctr }, { MPC, 4, 1, false, get_mpc, set_mpc },
    { CR9346, 1, 1, false, get_eeprom, set_eeprom }, { CONFIG0, 1, 2, false, get_config, set_config },
    { TIMERINT, 4, 1, false, get_timer_int, set_timer_int }, { MSR, 1, 1, false, get_msr, set_msr },
    { RERID, 2, 1, false, get_revision, NULL }, { TSAD, 2, 1, false, get_tsad_all, NULL }, { BMCR, 2, 1, false, get_bmcr, set_bmcr },
    { BMSR, 2, 1, false, get_bmsr, NULL }, { ANAR, 2, 1, false, get_anar, set_anar }, { ANLPAR, 2, 1, false, get_partner, NULL },
    { ANER, 2, 1, false, get_aner, NULL },
};

static const struct row *row_at(unsigned at)
{
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (at >= rows[i].at && at - rows[i].at < (unsigned)rows[i].bytes * rows[i].count) return &rows[i];
    return NULL;
}

static uint8_t get_byte(const struct nic *n, unsigned at)
{
    const struct row *r = row_at(at);
    if (!r) return n->reg[at];
    unsigned in = at - r->at;
    return (uint8_t)(r->get(n, in / r->bytes) >> in % r->bytes * 8);
}

static uint32_t nic_peek(const struct device *d, uint32_t offset, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)get_byte((const struct nic *)d, (offset + i) & (NIC_BYTES - 1)) << 8 * i;
    return v;
}

static uint32_t nic_read(struct device *d, uint32_t offset, unsigned size) { return nic_peek(d, offset, size); }

/* Addresses, multicast filter, and what has no meaning here. */
static bool kept(unsigned at) { return at < TSD0 || at == MULINT || at == MULINT + 1 || at >= 0x6C; }

/* Those of the `size` bytes that lie in one register; returns how many. */
static unsigned write_some(struct nic *n, unsigned at, unsigned size, uint32_t value)
{
    const struct row *r = row_at(at);
    if (!r) {
        if (at == CONFIG3 || at == CONFIG4) set_config(n, at - CONFIG0, value & 0xFF);
        else if (kept(at)) n->reg[at] = (uint8_t)value;
        return 1;
    }
    unsigned in = at - r->at, i = in / r->bytes, low = in % r->bytes, bytes = r->bytes - low < size ? r->bytes - low : size;
    uint32_t mask = (bytes == 4 ? UINT32_MAX : (1u << 8 * bytes) - 1) << 8 * low;
    uint32_t old = r->clears ? 0 : r->get(n, i);
    if (r->set) r->set(n, i, (old & ~mask) | (value << 8 * low & mask));
    return bytes;
}

static void nic_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    for (unsigned done = 0, step; done < size; done += step)
        step = write_some((struct nic *)d, (offset + done) & (NIC_BYTES - 1), size - done, value >> 8 * done);
}

/* ---- reset, PCI */

static void soft_reset(struct nic *n)
{
    timeq_cancel(n->queue, &n->sent);
    n->sending = false;
    n->command = 0;
    n->imr = n->isr = 0;
    n->tcr = TCR_RESET;
    n->rcr = 0;
    n->capr = (uint16_t)-16;
    n->cbr = 0;
    n->missed = 0;
    n->next = 0;
    for (unsigned i = 0; i < NIC_DESCRIPTORS; i++) n->tsd[i] = TSD_OWN;
    drive(n);
}

static void nic_reset(struct device *d)
{
    struct nic *n = (struct nic *)d;
    memset(n->reg, 0, sizeof n->reg);
    memset(n->tsad, 0, sizeof n->tsad);
    n->rbstart = n->timer_int = 0;
    timeq_cancel(n->queue, &n->tick);
    n->timer_zero = clock_pulses(n->queue->clock, CRYSTAL, n->queue->clock->now);
    soft_reset(n);
    load_address(n);
    n->reg[CONFIG1] = 0x0C; /* both windows are mapped */
    put16(n, BMCR, BMCR_START);
    put16(n, ANAR, 0x05E1);
}

static const struct reg_desc regs[] = {
    { "cr", offsetof(struct nic, command), 1, 8, "command: RST 10h, RE 08h, TE 04h" },
    { "isr", offsetof(struct nic, isr), 2, 16, "what happened: ROK 1, TOK 4, RXOVW 10h" },
    { "imr", offsetof(struct nic, imr), 2, 16, "which of it interrupts" },
    { "tcr", offsetof(struct nic, tcr), 4, 32, "transmit configuration" },
    { "rcr", offsetof(struct nic, rcr), 4, 32, "receive configuration: filter, ring's size" },
    { "tsd0", offsetof(struct nic, tsd[0]), 4, 32, "descriptor 0: OWN 2000h, TOK 8000h, size" },
    { "tsd1", offsetof(struct nic, tsd[1]), 4, 32, "descriptor 1" },
    { "tsd2", offsetof(struct nic, tsd[2]), 4, 32, "descriptor 2" },
    { "tsd3", offsetof(struct nic, tsd[3]), 4, 32, "descriptor 3" },
    { "next", offsetof(struct nic, next), 1, 2, "the descriptor whose turn it is" },
    { "rbstart", offsetof(struct nic, rbstart), 4, 32, "the receive ring" },
    { "capr", offsetof(struct nic, capr), 2, 16, "where software reads, less 16" },
    { "cbr", offsetof(struct nic, cbr), 2, 16, "where the card stores" },
    { "missed", offsetof(struct nic, missed), 4, 24, "frames lost for want of room" },
    { "out", offsetof(struct nic, frames_out), 8, 64, "frames sent" },
    { "in", offsetof(struct nic, frames_in), 8, 64, "frames stored" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "nic", .regs = regs, .reset = nic_reset, .read = nic_read, .write = nic_write, .peek = nic_peek,
};

void nic_init(struct nic *n, struct bus *b, struct timeq *q, const struct nic_wiring *w)
{
    *n = (struct nic){ .device = { &ops }, .irq = w->irq, .queue = q, .trace = w->trace, .is_virtual = w->is_virtual,
                       .master = { .bus = b, .watch = w->watch, .map = w->map, .abort = w->abort, .source = w->source },
                       .sent = { .fire = nic_sent, .self = n }, .tick = { .fire = ticked, .self = n } };
    nic_eeprom_init(&n->eeprom, w->address);
    nic_reset(&n->device);
}

struct net_station nic_station(struct nic *n) { return (struct net_station){ nic_receive, n }; }

void nic_plug(struct nic *n, struct net_cable cable)
{
    bool was = link(n);
    n->cable = cable;
    if (link(n) != was) nic_interrupt(n, NIC_LINK);
}

static void configured(void *nic, const uint8_t *config)
{
    enum { COMMAND = 0x04, CMD_IO = 1, CMD_MEMORY = 2, CMD_MASTER = 4, BAR_IO = 0x10, BAR_MEMORY = 0x14 };
    struct nic *n = nic;
    uint32_t io, memory;
    memcpy(&io, config + BAR_IO, sizeof io);
    memcpy(&memory, config + BAR_MEMORY, sizeof memory);
    io = config[COMMAND] & CMD_IO && io < 0x10000 ? io & ~0xFFu : 0;
    memory = config[COMMAND] & CMD_MEMORY ? memory & ~0xFFu : 0;
    n->master.enabled = config[COMMAND] & CMD_MASTER;
    if (io != n->base) {
        n->base = (uint16_t)io;
        bus_move_ports(n->master.bus, &n->device, 0, io, NIC_BYTES);
    }
    if (memory != n->window) {
        n->window = memory;
        bus_place(n->master.bus, &n->device, memory, memory ? NIC_BYTES : 0);
    }
    nic_send_next(n);
}

bool nic_attach(struct nic *n, struct pci *p, struct err *e)
{
    enum { WINDOW_AT_FIRST = (int)0xFEBF1000u };
    n->window = (uint32_t)WINDOW_AT_FIRST;
    if (!bus_attach(n->master.bus, BUS_MEM, n->window, NIC_BYTES, 0, &n->device, e)) return false;
    pci_listen(p, PCI_NIC, (struct pci_listener){ configured, n });
    return true;
}
