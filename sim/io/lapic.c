/* See lapic.h. */
#include "sim/io/lapic.h"

#include <string.h>

enum { /* offsets of registers */
    REG_ID = 0x020, REG_VERSION = 0x030, REG_TPR = 0x080, REG_APR = 0x090, REG_PPR = 0x0A0, REG_EOI = 0x0B0,
    REG_LDR = 0x0D0, REG_DFR = 0x0E0, REG_SVR = 0x0F0, REG_ISR = 0x100, REG_TMR = 0x180, REG_IRR = 0x200, REG_ESR = 0x280,
    REG_ICR0 = 0x300, REG_ICR1 = 0x310, REG_LVT = 0x320, REG_INITIAL = 0x380, REG_COUNT = 0x390, REG_DIVIDE = 0x3E0
};
enum { VERSION = (LVT_COUNT - 1) << 16 | 0x14 };
enum { SVR_ENABLE = 0x100, SVR_WRITABLE = 0x3FF, SVR_RESET = 0x0FF };
enum { LVT_MODE = 8, LVT_REMOTE = 1 << 14, LVT_LEVEL = 1 << 15, LVT_MASKED = 1 << 16, LVT_PERIODIC = 1 << 17 };
enum { ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15, ICR_WRITABLE = 0xCCFFF };
enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS }; /* ICR bits 19-18 */
enum { ERR_SENT = 1 << 5, ERR_RECEIVED = 1 << 6, ERR_REGISTER = 1 << 7, FIRST_LEGAL = 16 };
#define BROADCAST  0xFFu
#define HIGH_BYTE  0xFF000000u
#define FLAT_MODEL 0xFFFFFFFFu

/* The bits of each entry of the local vector table that software can write. */
static const uint32_t lvt_writable[LVT_COUNT] = { 0x300FF, 0x107FF, 0x107FF, 0x1A7FF, 0x1A7FF, 0x100FF };

/* ---- sets of vectors ---- */

static bool has(const uint32_t *set, unsigned v) { return set[v / 32] >> (v % 32) & 1; }
static void add(uint32_t *set, unsigned v) { set[v / 32] |= 1u << (v % 32); }
static void drop(uint32_t *set, unsigned v) { set[v / 32] &= ~(1u << (v % 32)); }

/* The highest member; -1 if there is none. */
static int highest(const uint32_t *set)
{
    for (int i = 7; i >= 0; i--)
        if (set[i]) return i * 32 + 31 - __builtin_clz(set[i]);
    return -1;
}

static unsigned class_of(int vector) { return vector < 0 ? 0 : (unsigned)vector >> 4; }

/* ---- priorities: SDM 10.8.3 ---- */

static uint32_t processor_priority(const struct lapic *l)
{
    unsigned service = class_of(highest(l->isr));
    return l->tpr >> 4 >= service ? l->tpr : service << 4;
}

static uint32_t arbitration_priority(const struct lapic *l)
{
    unsigned task = l->tpr >> 4, request = class_of(highest(l->irr)), service = class_of(highest(l->isr));
    if (task >= request && task > service) return l->tpr;
    unsigned most = request > service ? request : service;
    return (task > most ? task : most) << 4;
}

/* The vector that gets through; -1 if none does. */
static int request(const struct lapic *l)
{
    int v = highest(l->irr);
    return class_of(v) > processor_priority(l) >> 4 ? v : -1;
}

uint32_t lapic_threshold(const struct lapic *l)
{
    unsigned asks = class_of(highest(l->irr));
    return asks > class_of(highest(l->isr)) ? asks << 4 : 0;
}

/* ---- the pin to the CPU ---- */

static unsigned delivery_of(uint32_t entry) { return entry >> LVT_MODE & 7; }

/* Does the 8259 pair ask for an INTA cycle, and may it? */
static bool wants_intack(const struct lapic *l)
{
    uint32_t lint0 = l->lvt[LVT_LINT0];
    if (!l->enabled) return l->pins & 1;
    return l->extint || ((l->pins & 1) && !(lint0 & LVT_MASKED) && delivery_of(lint0) == APIC_EXTINT);
}

static void drive(struct lapic *l)
{
    bool out = (l->enabled && request(l) >= 0) || wants_intack(l);
    if (out == l->out) return;
    l->out = out;
    irq_set(&l->w.intr, out);
}

/* ---- arriving ---- */

static void local_event(struct lapic *l, enum lapic_lvt which);

static void error(struct lapic *l, uint32_t bit)
{
    l->errors |= bit;
    local_event(l, LVT_ERROR);
}

/* A fixed interrupt. False if a disabled APIC does not take it. */
static bool accept(struct lapic *l, uint8_t vector, bool level)
{
    if (!(l->svr & SVR_ENABLE)) return false;
    if (vector < FIRST_LEGAL) {
        if (!(l->errors & ERR_RECEIVED)) error(l, ERR_RECEIVED); /* the error entry may itself hold such a vector */
        return true;
    }
    add(l->irr, vector);
    if (level) add(l->tmr, vector);
    else drop(l->tmr, vector);
    drive(l);
    return true;
}

static bool deliver(struct lapic *l, unsigned delivery, uint8_t vector, bool level)
{
    switch (delivery) {
    case APIC_FIXED: case APIC_LOWEST: return accept(l, vector, level);
    case APIC_NMI: irq_set(&l->w.nmi, true); return true;
    case APIC_INIT: irq_set(&l->w.init, true); return true;
    default: return false; /* SMI: no SMM here; start-up: we run already */
    }
}

static void local_event(struct lapic *l, enum lapic_lvt which)
{
    uint32_t entry = l->lvt[which];
    if (!l->enabled || (entry & LVT_MASKED)) return;
    deliver(l, which == LVT_TIMER || which == LVT_ERROR ? APIC_FIXED : delivery_of(entry), (uint8_t)entry, false);
}

static void timer_expired(void *self) { local_event(self, LVT_TIMER); }

/* A fixed, level-triggered LINT is asked for until EOI, and again if it is still up then. */
static void sample_level(struct lapic *l, unsigned n)
{
    uint32_t *entry = &l->lvt[LVT_LINT0 + n];
    if (!l->enabled || !(l->pins >> n & 1) || (*entry & (LVT_MASKED | LVT_REMOTE)) || !(*entry & LVT_LEVEL)) return;
    if (delivery_of(*entry) == APIC_FIXED && accept(l, (uint8_t)*entry, true)) *entry |= LVT_REMOTE;
}

static void lint(void *self, unsigned n, bool level)
{
    struct lapic *l = self;
    bool rises = level && !(l->pins >> n & 1);
    l->pins = (uint8_t)(level ? l->pins | 1u << n : l->pins & ~(1u << n));
    uint32_t entry = l->lvt[LVT_LINT0 + n];
    if (rises && !l->enabled && n == 1) irq_set(&l->w.nmi, true);
    bool by_level = (entry & LVT_LEVEL) && delivery_of(entry) == APIC_FIXED;
    if (rises && !by_level && delivery_of(entry) != APIC_EXTINT) local_event(l, LVT_LINT0 + n);
    sample_level(l, n);
    drive(l);
}

struct irq_line lapic_line(struct lapic *l, unsigned n) { return (struct irq_line){ lint, l, n }; }

void lapic_extint(struct lapic *l, bool level)
{
    l->extint = level;
    drive(l);
}

/* Logical destinations: flat, a bit for each processor; cluster, a cluster's number and four bits. SDM 10.6.2. */
bool lapic_is_addressed(const struct lapic *l, const struct apic_message *m)
{
    uint8_t mine = (uint8_t)(l->ldr >> 24), dest = m->dest;
    if (!l->enabled) return false;
    if (dest == BROADCAST) return true;
    if (!m->logical) return dest == l->id >> 24;
    if (l->dfr == FLAT_MODEL) return mine & dest;
    return (mine & 0xF0) == (dest & 0xF0) && (mine & dest & 0x0F);
}

bool lapic_message(struct lapic *l, const struct apic_message *m)
{
    return lapic_is_addressed(l, m) && deliver(l, m->delivery, m->vector, m->level);
}

/* ---- leaving ---- */

uint8_t lapic_ack(struct lapic *l)
{
    int v = l->enabled ? request(l) : -1;
    if (v < 0) {
        uint8_t vector = wants_intack(l) ? l->w.intack(l->w.self) : (uint8_t)l->svr;
        drive(l);
        return vector;
    }
    drop(l->irr, (unsigned)v);
    add(l->isr, (unsigned)v);
    drive(l);
    return (uint8_t)v;
}

static void end_of_interrupt(struct lapic *l)
{
    int v = highest(l->isr);
    if (v < 0) return;
    drop(l->isr, (unsigned)v);
    if (has(l->tmr, (unsigned)v)) {
        for (unsigned n = 0; n < 2; n++)
            if ((uint8_t)l->lvt[LVT_LINT0 + n] == v) l->lvt[LVT_LINT0 + n] &= ~(uint32_t)LVT_REMOTE;
        if (l->w.eoi) l->w.eoi(l->w.self, (uint8_t)v);
        for (unsigned n = 0; n < 2; n++) sample_level(l, n);
    }
    drive(l);
}

/* Interprocessor interrupts, with one processor to talk to: itself. SDM 10.6.1, table 10-3. */
static void send(struct lapic *l)
{
    unsigned delivery = delivery_of(l->icr[0]), to = l->icr[0] >> 18 & 3;
    bool fixed = delivery == APIC_FIXED || delivery == APIC_LOWEST;
    struct apic_message m = { .dest = (uint8_t)(l->icr[1] >> 24), .vector = (uint8_t)l->icr[0],
                              .delivery = (uint8_t)delivery, .logical = l->icr[0] & ICR_LOGICAL };
    if (fixed && m.vector < FIRST_LEGAL) {
        error(l, ERR_SENT);
        return;
    }
    if (delivery == APIC_INIT && (l->icr[0] & ICR_LEVEL) && !(l->icr[0] & ICR_ASSERT)) return; /* INIT level de-assert */
    if (to == TO_DEST) lapic_message(l, &m);
    else if (to != TO_OTHERS && fixed) deliver(l, delivery, m.vector, false);
}

/* ---- registers ---- */

static void mask_all(struct lapic *l)
{
    for (unsigned i = 0; i < LVT_COUNT; i++) l->lvt[i] |= LVT_MASKED;
}

static void write_svr(struct lapic *l, uint32_t value)
{
    l->svr = value & SVR_WRITABLE;
    if (!(l->svr & SVR_ENABLE)) mask_all(l);
}

static void write_lvt(struct lapic *l, unsigned which, uint32_t value)
{
    uint32_t *entry = &l->lvt[which];
    *entry = (*entry & LVT_REMOTE) | (value & lvt_writable[which]);
    if (!(l->svr & SVR_ENABLE)) *entry |= LVT_MASKED;
    if (!(*entry & LVT_LEVEL)) *entry &= ~(uint32_t)LVT_REMOTE;
    if (which == LVT_TIMER) apic_timer_mode(&l->timer, *entry & LVT_PERIODIC);
    if (which == LVT_LINT0 || which == LVT_LINT1) sample_level(l, which - LVT_LINT0);
}

/* Bits 0, 1 and 3: 0 divides by 2, and so on up to 6 by 128; 7 does not divide. */
static void write_divide(struct lapic *l, uint32_t value)
{
    l->divide = value & 0xB;
    apic_timer_divide(&l->timer, (uint8_t)(((value & 3) + (value >> 1 & 4) + 1) & 7));
}

static bool is_lvt(uint32_t reg) { return reg >= REG_LVT && reg < REG_LVT + 0x10 * LVT_COUNT; }
static bool is_set(uint32_t reg) { return reg >= REG_ISR && reg < REG_ESR; }

static void write_reg(struct lapic *l, uint32_t reg, uint32_t value)
{
    switch (reg) {
    case REG_ID: l->id = value & HIGH_BYTE; break;
    case REG_TPR: l->tpr = value & 0xFF; break;
    case REG_EOI: end_of_interrupt(l); break;
    case REG_LDR: l->ldr = value & HIGH_BYTE; break;
    case REG_DFR: l->dfr = value | 0x0FFFFFFFu; break;
    case REG_SVR: write_svr(l, value); break;
    case REG_ESR:
        l->esr = l->errors;
        l->errors = 0;
        break;
    case REG_ICR0:
        l->icr[0] = value & ICR_WRITABLE;
        send(l);
        break;
    case REG_ICR1: l->icr[1] = value & HIGH_BYTE; break;
    case REG_INITIAL: apic_timer_start(&l->timer, value); break;
    case REG_DIVIDE: write_divide(l, value); break;
    case REG_VERSION: case REG_APR: case REG_PPR: case REG_COUNT: break; /* read-only */
    default:
        if (is_lvt(reg)) write_lvt(l, (reg - REG_LVT) / 16, value);
        else if (!is_set(reg)) error(l, ERR_REGISTER);
    }
}

/* False: there is no such register. */
static bool read_reg(const struct lapic *l, uint32_t reg, uint32_t *v)
{
    *v = 0;
    switch (reg) {
    case REG_ID: *v = l->id; return true;
    case REG_VERSION: *v = VERSION; return true;
    case REG_TPR: *v = l->tpr; return true;
    case REG_APR: *v = arbitration_priority(l); return true;
    case REG_PPR: *v = processor_priority(l); return true;
    case REG_EOI: return true; /* write-only */
    case REG_LDR: *v = l->ldr; return true;
    case REG_DFR: *v = l->dfr; return true;
    case REG_SVR: *v = l->svr; return true;
    case REG_ESR: *v = l->esr; return true;
    case REG_ICR0: case REG_ICR1: *v = l->icr[reg != REG_ICR0]; return true;
    case REG_INITIAL: *v = l->timer.initial; return true;
    case REG_COUNT: *v = apic_timer_count(&l->timer); return true;
    case REG_DIVIDE: *v = l->divide; return true;
    default: break;
    }
    const uint32_t *const set[3] = { l->isr, l->tmr, l->irr };
    if (is_lvt(reg)) *v = l->lvt[(reg - REG_LVT) / 16];
    else if (is_set(reg)) *v = set[(reg - REG_ISR) / 0x80][(reg & 0x7F) / 16];
    else return false;
    return true;
}

static uint32_t lapic_peek(const struct device *d, uint32_t offset, unsigned size)
{
    uint32_t v;
    (void)size;
    read_reg((const struct lapic *)d, offset & ~0xFu, &v);
    return (offset & 0xF) < 4 ? v >> 8 * (offset & 0xF) : 0;
}

static uint32_t lapic_read(struct device *d, uint32_t offset, unsigned size)
{
    uint32_t v;
    struct lapic *l = (struct lapic *)d;
    if (!read_reg(l, offset & ~0xFu, &v)) error(l, ERR_REGISTER);
    return lapic_peek(d, offset, size);
}

/* Registers that decide which messages are for us, and taken. */
static bool decides(uint32_t reg) { return reg == REG_ID || reg == REG_LDR || reg == REG_DFR || reg == REG_SVR; }

static void lapic_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    struct lapic *l = (struct lapic *)d;
    if (size != 4 || (offset & 0xF)) return;
    write_reg(l, offset, value);
    if (decides(offset) && l->w.listens) l->w.listens(l->w.self);
    drive(l);
}

/* ---- power ---- */

static void lapic_reset(struct device *d)
{
    struct lapic *l = (struct lapic *)d;
    l->id = l->tpr = l->ldr = l->icr[0] = l->icr[1] = l->divide = l->esr = l->errors = 0;
    l->dfr = FLAT_MODEL;
    l->svr = SVR_RESET;
    l->extint = false;
    memset(l->irr, 0, sizeof l->irr);
    memset(l->isr, 0, sizeof l->isr);
    memset(l->tmr, 0, sizeof l->tmr);
    for (unsigned i = 0; i < LVT_COUNT; i++) l->lvt[i] = LVT_MASKED;
    apic_timer_reset(&l->timer);
    drive(l);
}

void lapic_virtual_wire(struct lapic *l)
{
    write_svr(l, SVR_ENABLE | SVR_RESET);
    write_lvt(l, LVT_LINT0, APIC_EXTINT << LVT_MODE);
    write_lvt(l, LVT_LINT1, APIC_NMI << LVT_MODE);
    drive(l);
}

void lapic_place(struct lapic *l, uint32_t base, bool enabled)
{
    l->base = base;
    l->enabled = enabled;
    if (!enabled) lapic_reset(&l->device);
    lapic_follow(l);
    drive(l);
}

void lapic_follow(struct lapic *l)
{
    if (l->bus) bus_place(l->bus, &l->device, l->base, l->enabled ? LAPIC_SIZE : 0);
}

#define ROW(name, field, bits, about) { name, offsetof(struct lapic, field), 4, bits, about }
static const struct reg_desc regs[] = {
    ROW("id", id, 32, "identifier, bits 31-24"),
    ROW("tpr", tpr, 8, "task priority: classes up to it wait"),
    ROW("ldr", ldr, 32, "logical destination, bits 31-24"),
    ROW("dfr", dfr, 32, "its form: F flat, 0 cluster"),
    ROW("svr", svr, 10, "spurious vector; bit 8: enabled by software"),
    ROW("esr", esr, 8, "errors as latched by the last write"),
    ROW("icr.low", icr[0], 32, "last interrupt sent: vector, delivery, destination mode"),
    ROW("icr.high", icr[1], 32, "its destination"),
    ROW("lvt.timer", lvt[LVT_TIMER], 18, "vector; bit 16 masked, bit 17 periodic"),
    ROW("lvt.thermal", lvt[LVT_THERMAL], 17, "thermal sensor"),
    ROW("lvt.counter", lvt[LVT_COUNTER], 17, "performance counters"),
    ROW("lvt.lint0", lvt[LVT_LINT0], 17, "LINT0, the 8259 pair's INTR; mode 7: ExtINT"),
    ROW("lvt.lint1", lvt[LVT_LINT1], 17, "LINT1, NMI; mode 4: NMI"),
    ROW("lvt.error", lvt[LVT_ERROR], 17, "errors"),
    ROW("timer.initial", timer.initial, 32, "count the timer began with"),
    ROW("timer.divide", divide, 4, "divide configuration"),
    ROW("irr.0", irr[0], 32, "requests, vectors 00-1F"), ROW("irr.1", irr[1], 32, "20-3F"),
    ROW("irr.2", irr[2], 32, "40-5F"), ROW("irr.3", irr[3], 32, "60-7F"), ROW("irr.4", irr[4], 32, "80-9F"),
    ROW("irr.5", irr[5], 32, "A0-BF"), ROW("irr.6", irr[6], 32, "C0-DF"), ROW("irr.7", irr[7], 32, "E0-FF"),
    ROW("isr.0", isr[0], 32, "in service, vectors 00-1F"), ROW("isr.1", isr[1], 32, "20-3F"),
    ROW("isr.2", isr[2], 32, "40-5F"), ROW("isr.3", isr[3], 32, "60-7F"), ROW("isr.4", isr[4], 32, "80-9F"),
    ROW("isr.5", isr[5], 32, "A0-BF"), ROW("isr.6", isr[6], 32, "C0-DF"), ROW("isr.7", isr[7], 32, "E0-FF"),
    { 0 },
};

static const struct device_ops ops = {
    .name = "lapic", .regs = regs, .reset = lapic_reset, .read = lapic_read, .write = lapic_write, .peek = lapic_peek,
};

void lapic_init(struct lapic *l, struct timeq *q, const struct lapic_wiring *w)
{
    *l = (struct lapic){ .device = { &ops }, .w = *w, .base = LAPIC_BASE, .enabled = true };
    apic_timer_init(&l->timer, q, timer_expired, l);
    lapic_reset(&l->device);
}

bool lapic_attach(struct lapic *l, struct bus *b, struct err *e)
{
    l->bus = b;
    return bus_attach(b, BUS_MEM, LAPIC_BASE, LAPIC_SIZE, 0, &l->device, e);
}
