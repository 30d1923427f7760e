// Everything about the system that is not screen, keyboard or disk: clock, memory, serial port, A20.
//
// Idea: what is constant comes from the CMOS, where setup left it; time of day is a tick count that int 8 keeps.
// Manuals: IBM PC AT technical reference (int 8, 11h, 12h, 14h, 15h, 1Ah); ACPI 2.0 15.1 (int 15h, AX=E820h);
// Ralf Brown's Interrupt List, INT 15.
// Not here: joystick, event wait (AH=83h), switch to protected mode (AH=89h), pointing device (AH=C2h), APM.
#include "bios/bios.h"

enum { PIC1 = 0x20, PIC2 = 0xA0, END_OF_INTERRUPT = 0x20, READ_IN_SERVICE = 0x0B };
enum { TICKS_A_DAY = 0x1800B0, MB = 1 << 20 };

uint8_t cmos(uint8_t at)
{
    outb(0x70, at);
    return inb(0x71);
}

void cmos_set(uint8_t at, uint8_t value)
{
    outb(0x70, at);
    outb(0x71, value);
}

static uint16_t cmos_word(uint8_t at) { return (uint16_t)(cmos(at) | cmos((uint8_t)(at + 1)) << 8); }

// What gcc may ask for.
void *memset(void *to, int byte, unsigned n);
void *memset(void *to, int byte, unsigned n)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
    return to;
}
void *memcpy(void *to, const void *from, unsigned n);
void *memcpy(void *to, const void *from, unsigned n)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
    return to;
}

// --- interrupts of the board

static void end_of_interrupt(void) { outb(PIC1, END_OF_INTERRUPT); }
static void end_of_slave_interrupt(void)
{
    outb(PIC2, END_OF_INTERRUPT);
    end_of_interrupt();
}

static uint8_t in_service(uint16_t pic)
{
    outb(pic, READ_IN_SERVICE);
    return inb(pic);
}

void int_irq(struct regs *r) // nobody's; a spurious one must not be ended
{
    (void)r;
    if (in_service(PIC1)) end_of_interrupt();
}

void int_irq_slave(struct regs *r)
{
    (void)r;
    if (in_service(PIC2)) outb(PIC2, END_OF_INTERRUPT);
    end_of_interrupt();
}

void int_08(struct regs *r)
{
    uint32_t ticks = low_long(BDA_TICKS) + 1;
    if (ticks >= TICKS_A_DAY) {
        ticks = 0;
        low_byte_set(BDA_MIDNIGHT, 1);
    }
    low_long_set(BDA_TICKS, ticks);
    struct regs user = *r;
    callout(&user, 0x1C);
    end_of_interrupt();
}

void int_70(struct regs *r) // the real-time clock
{
    uint8_t why = cmos(0x0C);
    if (why & 0x20 && cmos(0x0B) & 0x20) {
        struct regs user = *r;
        callout(&user, 0x4A);
    }
    end_of_slave_interrupt();
}

void int_75(struct regs *r) // the x87 unit
{
    outb(0xF0, 0);
    end_of_slave_interrupt();
    struct regs user = *r;
    callout(&user, 2);
}

void int_76(struct regs *r) // the disk
{
    (void)r;
    low_byte_set(BDA_DISK_INTERRUPT, 0xFF);
    end_of_slave_interrupt();
}

void int_05(struct regs *r) // print the screen: there is no printer
{
    (void)r;
    low_byte_set(0x500, 0xFF);
}

// --- int 11h, 12h, 14h, 17h

void int_11(struct regs *r) { r->ax.x = low_word(BDA_EQUIPMENT); }
void int_12(struct regs *r) { r->ax.x = low_word(BDA_MEMORY); }

enum { TRIES = 60000, LINE_STATUS = 5, MODEM_STATUS = 6, RECEIVED = 0x01, ROOM = 0x20, TIMED_OUT = 0x80 };

static uint8_t line_wait(uint16_t port, uint8_t bit)
{
    uint8_t status = inb(port + LINE_STATUS);
    for (uint16_t n = 0; !(status & bit) && n < TRIES; n++) status = inb(port + LINE_STATUS);
    return status & bit ? status & 0x7F : (uint8_t)(status | TIMED_OUT);
}

static void line_set_up(uint16_t port, uint8_t form)
{
    static const uint16_t divisors[8] = { 1047, 768, 384, 192, 96, 48, 24, 12 };
    outb(port + 3, 0x80);
    outb(port, (uint8_t)divisors[form >> 5]);
    outb(port + 1, (uint8_t)(divisors[form >> 5] >> 8));
    outb(port + 3, form & 0x1F);
    outb(port + 1, 0);
}

void int_14(struct regs *r)
{
    uint16_t port = r->dx.x < 4 ? low_word(BDA_COM + 2 * r->dx.x) : 0;
    if (!port) return;
    switch (r->ax.h) {
    case 0x00: line_set_up(port, r->ax.l); break;
    case 0x01:
        outb(port + 4, 3);
        r->ax.h = line_wait(port, ROOM);
        if (!(r->ax.h & TIMED_OUT)) outb(port, r->ax.l);
        return;
    case 0x02:
        outb(port + 4, 1);
        r->ax.h = line_wait(port, RECEIVED);
        if (!(r->ax.h & TIMED_OUT)) r->ax.l = inb(port);
        return;
    case 0x03: break;
    default: return;
    }
    r->ax.h = inb(port + LINE_STATUS);
    r->ax.l = inb(port + MODEM_STATUS);
}

// The printer's status as the service returns it: two bits inverted.
static uint8_t printer_status(uint16_t port) { return (uint8_t)((inb(port + 1) ^ 0x48) & 0xF8); }

void int_17(struct regs *r)
{
    enum { STROBE = 0x01, RUN = 0x04, SELECT = 0x08, ON = RUN | SELECT, TIMEOUT = 0x01 };
    uint16_t port = r->dx.x < 3 ? low_word(BDA_LPT + 2 * r->dx.x) : 0;
    if (!port || r->ax.h > 2) return;
    if (r->ax.h == 0) {
        outb(port, r->ax.l);
        for (uint16_t n = 0; !(inb(port + 1) & 0x80); n++)
            if (n == TRIES) {
                r->ax.h = printer_status(port) | TIMEOUT;
                return;
            }
        outb(port + 2, ON | STROBE);
    } else if (r->ax.h == 1) {
        outb(port + 2, SELECT); // reset
    }
    outb(port + 2, ON);
    r->ax.h = printer_status(port);
}

// --- int 15h: memory

static uint32_t ram_end(void)
{
    uint16_t blocks = cmos_word(0x34); // of 64 KB, above 16 MB
    return blocks ? 16 * MB + ((uint32_t)blocks << 16) : MB + ((uint32_t)cmos_word(0x30) << 10);
}

struct range { uint32_t base, base_high, size, size_high, type; };

static bool range_of(uint32_t n, struct range *range)
{
    enum { USABLE = 1, RESERVED = 2, LOW_END = LOW_KB << 10 };
    const struct range map[] = {
        { 0, 0, LOW_END, 0, USABLE }, { LOW_END, 0, 0xA0000 - LOW_END, 0, RESERVED }, { 0xEC000, 0, 0x14000, 0, RESERVED },
        { MB, 0, ram_end() - MB, 0, USABLE }, { 0xFFFF0000, 0, 0x10000, 0, RESERVED },
    };
    if (n >= sizeof map / sizeof map[0]) return false;
    *range = map[n];
    return true;
}

static bool memory_map(struct regs *r)
{
    struct range range, next;
    uint32_t n = r->bx.e;
    if (r->dx.e != 0x534D4150 || r->cx.e < sizeof range) return false;
    while (range_of(n, &range) && !range.size) n++; // with 1 MB of memory there is none above
    if (!range_of(n, &range)) return false;
    far_copy(r->es, r->di.x, &range, sizeof range);
    r->ax.e = 0x534D4150;
    r->cx.e = sizeof range;
    r->bx.e = range_of(n + 1, &next) ? n + 1 : 0;
    return true;
}

static uint16_t below(uint32_t value, uint16_t most) { return (uint16_t)(value < most ? value : most); }

static void memory_sizes(struct regs *r)
{
    uint32_t end = ram_end();
    r->ax.x = r->cx.x = below((end - MB) >> 10, 15 << 10);
    r->bx.x = r->dx.x = end > 16 * MB ? (uint16_t)((end - 16 * MB) >> 16) : 0;
}

static bool a20(bool open)
{
    uint8_t before = inb(0x92);
    outb(0x92, (uint8_t)(open ? before | 2 : before & ~2));
    return before & 2;
}

static void a20_service(struct regs *r)
{
    switch (r->ax.l) {
    case 0x00: // the keyboard controller may hold it open, too
        outb(0x64, 0xD1);
        outb(0x60, 0xDD);
        a20(false);
        break;
    case 0x01: a20(true); break;
    case 0x02: r->ax.l = inb(0x92) >> 1 & 1; break;
    case 0x03: r->bx.x = 3; break;
    default:
        r->ax.h = 0x86;
        set_flag(r, CARRY, true);
        return;
    }
    r->ax.h = 0;
}

static void descriptor(const struct regs *r, uint16_t at, uint32_t base, uint8_t rights)
{
    far_word_set(r->es, r->si.x + at, 0xFFFF);
    far_long_set(r->es, r->si.x + at + 2, (base & 0xFFFFFF) | (uint32_t)rights << 24);
    far_word_set(r->es, r->si.x + at + 6, (uint16_t)(base >> 24 << 8));
}

static void move(struct regs *r)
{
    bool open = a20(true);
    descriptor(r, 0x08, ((uint32_t)r->es << 4) + r->si.x, 0x93);
    descriptor(r, 0x20, 0xEC000, 0x9B);
    descriptor(r, 0x28, 0xEC000, 0x93);
    block_move(r->es, r->si.x, r->cx.x);
    a20(open);
    r->ax.h = 0;
}

// --- int 15h: time

// Port 61h shows the refresh requests: bit 4 changes every 15.085 us.
static void wait_us(uint32_t us)
{
    uint8_t last = inb(0x61) & 0x10;
    for (uint32_t n = us / 15; n; ) {
        let_interrupts();
        uint8_t now = inb(0x61) & 0x10;
        if (now == last) continue;
        last = now;
        n--;
    }
}

void int_15(struct regs *r)
{
    bool ok = true;
    switch (r->ax.h) {
    case 0x24: set_flag(r, CARRY, false); a20_service(r); return;
    case 0x4F: ok = false; break; // the key is not changed
    case 0x80: case 0x81: case 0x82: case 0x85: case 0x90: case 0x91: r->ax.h = 0; break;
    case 0x86:
        wait_us((uint32_t)r->cx.x << 16 | r->dx.x);
        r->ax.h = 0;
        break;
    case 0x87: move(r); break;
    case 0x88: r->ax.x = below((ram_end() - MB) >> 10, 63 << 10); break;
    case 0xC0:
        r->es = ROM_SEGMENT;
        r->bx.x = 0xE6F5;
        r->ax.h = 0;
        break;
    case 0xC1: r->es = EBDA_SEGMENT; break;
    case 0xE8:
        if (r->ax.l == 0x20) ok = memory_map(r);
        else if (r->ax.l == 0x01) memory_sizes(r);
        else ok = false;
        if (!ok) r->ax.h = 0x86;
        break;
    default:
        r->ax.h = 0x86; // no such function
        ok = false;
    }
    set_flag(r, CARRY, !ok);
}

// --- int 1Ah

static void rtc_settled(void) // until no update is in progress
{
    for (uint16_t n = 0; cmos(0x0A) & 0x80 && n < 10000; n++)
        ;
}

static void rtc_set(bool halted) { cmos_set(0x0B, (uint8_t)((cmos(0x0B) & 0x7F) | (halted ? 0x80 : 0))); }

static void alarm(struct regs *r)
{
    if (cmos(0x0B) & 0x20) {
        set_flag(r, CARRY, true);
        return;
    }
    cmos_set(1, r->dx.h);
    cmos_set(3, r->cx.l);
    cmos_set(5, r->cx.h);
    cmos_set(0x0B, cmos(0x0B) | 0x20);
    outb(PIC2 + 1, inb(PIC2 + 1) & 0xFE);
}

void int_1a(struct regs *r)
{
    if (r->ax.h == 0xB1) {
        pci_bios(r);
        return;
    }
    set_flag(r, CARRY, false);
    switch (r->ax.h) {
    case 0x00:
        r->cx.x = low_word(BDA_TICKS + 2);
        r->dx.x = low_word(BDA_TICKS);
        r->ax.x = low_byte(BDA_MIDNIGHT);
        low_byte_set(BDA_MIDNIGHT, 0);
        break;
    case 0x01:
        low_long_set(BDA_TICKS, (uint32_t)r->cx.x << 16 | r->dx.x);
        low_byte_set(BDA_MIDNIGHT, 0);
        r->ax.h = 0;
        break;
    case 0x02:
        rtc_settled();
        r->dx.h = cmos(0);
        r->cx.l = cmos(2);
        r->cx.h = cmos(4);
        r->dx.l = cmos(0x0B) & 1;
        r->ax.x = r->cx.h;
        break;
    case 0x03:
        rtc_set(true);
        cmos_set(0, r->dx.h);
        cmos_set(2, r->cx.l);
        cmos_set(4, r->cx.h);
        cmos_set(0x0B, (uint8_t)((cmos(0x0B) & 0xFE) | (r->dx.l & 1)));
        rtc_set(false);
        r->ax.h = 0;
        break;
    case 0x04:
        rtc_settled();
        r->cx.h = cmos(0x32);
        r->cx.l = cmos(9);
        r->dx.h = cmos(8);
        r->dx.l = cmos(7);
        r->ax.h = 0;
        break;
    case 0x05:
        rtc_set(true);
        cmos_set(0x32, r->cx.h);
        cmos_set(9, r->cx.l);
        cmos_set(8, r->dx.h);
        cmos_set(7, r->dx.l);
        rtc_set(false);
        r->ax.h = 0;
        break;
    case 0x06: alarm(r); break;
    case 0x07: cmos_set(0x0B, cmos(0x0B) & ~0x20); break;
    default: set_flag(r, CARRY, true);
    }
}

// --- at power-on

static uint32_t from_bcd(uint8_t v) { return (v >> 4) * 10u + (v & 15u); }

static void pic_init(uint16_t pic, uint8_t vector, uint8_t wiring, uint8_t mask)
{
    outb(pic, 0x11);
    outb(pic + 1, vector);
    outb(pic + 1, wiring);
    outb(pic + 1, 1);
    outb(pic + 1, mask);
}

// Where there is a local APIC the 8259 reaches the CPU through its pin LINT0, which is shut after a reset. MP specification
// 1.4, 3.6.2.2 (virtual wire mode).
static void apic_init(void)
{
    enum { HAS_APIC = 1 << 9 };
    const uint32_t apic = 0xFEE00000, enabled = 0x10F, external = 0x700, nmi = 0x400, io_apic = 0xFEC00000;
    uint32_t leaf = 1, features;
    __asm__ volatile("cpuid" : "+a"(leaf), "=d"(features) : : "ebx", "ecx");
    if (!(features & HAS_APIC)) return;
    flat_write(apic + 0xF0, enabled);
    flat_write(apic + 0x350, external);
    flat_write(apic + 0x360, nmi);
    flat_write(io_apic, 0); // its number, as the tables have it
    flat_write(io_apic + 0x10, 1 << 24);
}

// Serial and parallel ports.
static void ports_init(void)
{
    static const uint16_t printers[] = { 0x3BC, 0x378, 0x278 };
    uint8_t found = 0;
    for (uint8_t n = 0; n < 4; n++) {
        low_byte_set(BDA_LPT_TIMEOUT + n, n < 3 ? 10 : 1);
        low_byte_set(BDA_COM_TIMEOUT + n, n < 3 ? 10 : 1);
    }
    for (uint8_t n = 0; n < 3; n++) {
        outb(printers[n], 0xAA);
        if (inb(printers[n]) == 0xAA) low_word_set(BDA_LPT + 2 * found++, printers[n]);
    }
    low_word_set(BDA_EQUIPMENT, (uint16_t)(low_word(BDA_EQUIPMENT) | found << 14));
    if (inb(0x3F8 + 2) != 0xFF) {
        low_word_set(BDA_COM, 0x3F8);
        low_word_set(BDA_EQUIPMENT, low_word(BDA_EQUIPMENT) | 1 << 9);
        line_set_up(0x3F8, 0xE3); // 9600 baud, 8 bits, no parity
    }
}

// The tables offer no way to switch to ACPI mode, which means that it is on.
enum { PM_CONTROL = 0xB004, SCI_ENABLED = 1 };

void system_init(void)
{
    apic_init();
    outw(PM_CONTROL, inw(PM_CONTROL) | SCI_ENABLED);
    pic_init(PIC1, 0x08, 0x04, 0xB8); // open: timer, keyboard, slave, floppy
    pic_init(PIC2, 0x70, 0x02, 0x8F); // open: FPU, disks
    outb(0x43, 0x36);                 // counter 0: 65536, about 18.2 a second
    outb(0x40, 0);
    outb(0x40, 0);
    outb(0x43, 0x54);                 // counter 1: refresh
    outb(0x41, 18);
    uint32_t seconds = (from_bcd(cmos(4)) * 60 + from_bcd(cmos(2))) * 60 + from_bcd(cmos(0));
    low_long_set(BDA_TICKS, seconds * 18 + seconds * 2065 / 10000);
    low_word_set(BDA_MEMORY, LOW_KB);
    low_word_set(BDA_EBDA, EBDA_SEGMENT);
    far_byte_set(EBDA_SEGMENT, 0, 1); // KB
    low_word_set(BDA_EQUIPMENT, 0x0002); // an FPU
    a20(true);
    ports_init();
}
