// An IDE disk from a driver's side: IDENTIFY, PIO and bus-master DMA, with interrupts; the second drive is absent.
//
// Idea: only what every ATA disk and every PIIX must agree on is printed, so other machines print the same: the data,
// the number of interrupts, whether an error was reported. Sector n of the image begins with n, 32 bits, four times.
// Manual: ATA/ATAPI-6; Intel 82371SB data sheet; "Programming Interface for Bus Master IDE Controller" 1.0.
// Not here: which error bit a sector beyond the end sets (emulators differ from the standard).
#include "probe.h"

enum { DATA = 0x1F0, ERROR = 0x1F1, COUNT = 0x1F2, LOW = 0x1F3, DEVICE = 0x1F6, STATUS = 0x1F7, CONTROL = 0x3F6 };
enum { BSY = 0x80, DRDY = 0x40, DRQ = 0x08, ERR = 0x01, VECTOR_IDE = 0x2E };
enum { LAST = 4031 };

static volatile uint32_t interrupts;
static volatile uint8_t  status_then;
static uint32_t buffer[8 * 128], copy[8 * 128];
static uint32_t prd[8] __attribute__((aligned(64)));
static uint16_t master;

static inline void outl(uint16_t port, uint32_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }
static inline uint32_t inl(uint16_t port)
{
    uint32_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static void insw(void *to, uint32_t words) { __asm__ volatile("rep insw" : "+D"(to), "+c"(words) : "d"(DATA) : "memory"); }
static void insl(void *to, uint32_t n) { __asm__ volatile("rep insd" : "+D"(to), "+c"(n) : "d"(DATA) : "memory"); }
static void outsw(const void *from, uint32_t words) { __asm__ volatile("rep outsw" : "+S"(from), "+c"(words) : "d"(DATA) : "memory"); }

static uint32_t config(uint32_t at)
{
    outl(0xCF8, 0x80000000u | at);
    return inl(0xCFC);
}

static void on_ide(struct trap_frame *frame)
{
    (void)frame;
    interrupts++;
    if (master) outb((uint16_t)(master + 2), 0x04);
    status_then = inb(STATUS);
    outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

// Waits for `n` interrupts since the count was cleared.
static void wait_interrupts(uint32_t n)
{
    while (interrupts < n)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
}

static uint8_t wait_idle(void)
{
    uint8_t s;
    while ((s = inb(CONTROL)) & BSY) {}
    return s;
}

static void command(uint8_t code, uint32_t lba, uint8_t count)
{
    wait_idle();
    interrupts = 0;
    outb(DEVICE, (uint8_t)(0xE0 | (lba >> 24 & 15)));
    inb(CONTROL), inb(CONTROL), inb(CONTROL), inb(CONTROL);
    outb(COUNT, count);
    for (int i = 0; i < 3; i++)
        outb((uint16_t)(LOW + i), (uint8_t)(lba >> 8 * i));
    outb(STATUS, code);
}

static uint32_t sum(const uint32_t *words, uint32_t n)
{
    uint32_t s = 0;
    for (uint32_t i = 0; i < n; i++)
        s = s * 31 + words[i];
    return s;
}

static void clear(uint32_t *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        words[i] = 0x55555555;
}

static void identify(void)
{
    static uint16_t id[256];
    command(0xEC, 0, 0);
    wait_interrupts(1);
    insw(id, 256);
    fact2("identify: status, interrupts", status_then & (BSY | DRDY | DRQ | ERR), interrupts);
    fact("sectors", id[60] | (uint32_t)id[61] << 16);
    fact("lba and dma", id[49] & 0x0300);
    fact("cylinders * heads * sectors", (uint32_t)id[1] * id[3] * id[6]);
    fact("status afterwards", inb(CONTROL) & (BSY | DRDY | DRQ | ERR));
}

static void read_pio(void)
{
    command(0x20, 100, 3);
    for (uint32_t i = 0; i < 3; i++) {
        wait_interrupts(i + 1);
        if (i & 1) insl(buffer + 128 * i, 128);
        else insw(buffer + 128 * i, 256);
    }
    wait_idle();
    fact2("read 100..102: interrupts, sum", interrupts, sum(buffer, 3 * 128));
    fact2("first words", buffer[0], buffer[256]);
    outb(CONTROL, 2); // no interrupts: polled
    command(0x20, LAST, 1);
    while (!(wait_idle() & DRQ)) {}
    insw(buffer, 256);
    fact2("polled, the last sector", buffer[0], interrupts);
    outb(CONTROL, 0);
}

static void write_pio(void)
{
    for (uint32_t i = 0; i < 4 * 128; i++)
        buffer[i] = 0x1000 + i * 3;
    command(0xC6, 0, 4);
    wait_interrupts(1);
    command(0x30, 200, 2);
    while (!(wait_idle() & DRQ)) {}
    outsw(buffer, 256);
    wait_interrupts(1);
    outsw(buffer + 128, 256);
    wait_interrupts(2);
    fact2("write 200..201: status, interrupts", status_then & (BSY | DRDY | DRQ | ERR), interrupts);
    command(0xC5, 300, 4);
    while (!(wait_idle() & DRQ)) {}
    outsw(buffer, 4 * 256);
    wait_interrupts(1);
    fact("write multiple 300..303: interrupts", interrupts);
    command(0xE7, 0, 0);
    wait_interrupts(1);
    clear(copy, 4 * 128);
    command(0xC4, 300, 4);
    wait_interrupts(1);
    insl(copy, 4 * 128);
    fact2("read multiple: same sum", sum(copy, 4 * 128), sum(buffer, 4 * 128));
    command(0x20, 201, 2);
    wait_interrupts(1);
    insw(copy, 256);
    wait_interrupts(2);
    insw(copy + 128, 256);
    fact2("201, and 202 untouched", copy[0], copy[128]);
}

static void dma(uint8_t code, uint32_t lba, uint8_t count, bool to_memory)
{
    wait_idle();
    outb(master, 0);
    outl((uint16_t)(master + 4), (uint32_t)prd);
    outb((uint16_t)(master + 2), 0x06);
    outb(master, to_memory ? 8 : 0);
    command(code, lba, count);
    outb(master, to_memory ? 9 : 1);
    wait_interrupts(1);
    uint8_t s = inb((uint16_t)(master + 2));
    outb(master, 0);
    fact2(to_memory ? "dma read: interrupts, master" : "dma write: interrupts, master", interrupts, s & 7);
    fact("status", status_then & (BSY | DRDY | DRQ | ERR));
}

static void bus_master(void)
{
    fact("class", config(0x908) >> 16);
    master = (uint16_t)(config(0x920) & 0xFFF0);
    outl(0xCF8, 0x80000904);
    outl(0xCFC, (inl(0xCFC) & 0xFFFF) | 5); // ports and bus master on
    clear(buffer, 8 * 128);
    prd[0] = (uint32_t)buffer; // in three pieces, out of order
    prd[1] = 512;
    prd[2] = (uint32_t)(buffer + 4 * 128);
    prd[3] = 1024 - 2;
    prd[4] = (uint32_t)buffer + 512;
    prd[5] = 514 | 0x80000000u;
    dma(0xC8, 1000, 4, true);
    fact2("pieces", buffer[0], buffer[4 * 128]);
    fact2("the last piece", buffer[128] & 0xFFFF, buffer[128 + 128]);
    fact("sum", sum(buffer, 8 * 128));
    for (uint32_t i = 0; i < 8 * 128; i++)
        buffer[i] = ~i * 7;
    prd[0] = (uint32_t)buffer;
    prd[1] = sizeof buffer | 0x80000000u;
    dma(0xCA, 2000, 8, false);
    clear(copy, 8 * 128);
    prd[0] = (uint32_t)copy;
    dma(0xC8, 2000, 8, true);
    fact2("written and read: sums", sum(buffer, 8 * 128), sum(copy, 8 * 128));
}

// One sector over the disk: out of `from`, then into `to`.
static void carry(const void *from, void *to)
{
    prd[1] = 512 | 0x80000000u;
    prd[0] = (uint32_t)from;
    dma(0xCA, 3000, 1, false);
    prd[0] = (uint32_t)to;
    dma(0xC8, 3000, 1, true);
}

static uint8_t code[512] __attribute__((aligned(4096))), other[512];

// Code that has just run is replaced by the bus master; so is a part of the page table in use.
static void over_code_and_tables(void)
{
    static const uint8_t mov_ret[] = { 0xB8, 0x11, 0x11, 0x11, 0x11, 0xC3 };
    for (uint32_t i = 0; i < sizeof mov_ret; i++)
        code[i] = other[i] = mov_ret[i];
    other[1] = 0x22;
    uint32_t (*volatile run)(void) = (uint32_t (*)(void))(uint32_t)code;
    uint32_t before = run();
    carry(other, code);
    fact2("code before and after", before, run());

    volatile uint32_t *a = (uint32_t *)0x190000, *b = (uint32_t *)0x191000;
    *a = 0xAAAA, *b = 0xBBBB;
    paging_init();
    paging_on();
    for (uint32_t i = 0; i < 128; i++)
        buffer[i] = low_table[0x180 + i];
    buffer[0x10] = low_table[0x191], buffer[0x11] = low_table[0x190];
    before = *a;
    carry(buffer, &low_table[0x180]);
    __asm__ volatile("mov eax, cr3; mov cr3, eax" : : : "eax", "memory");
    fact2("page before and after", before, *a);
    *a = 0xCCCC;
    fact2("written through the new table", *b, *a);
    fact("accessed, dirty", low_table[0x190] & 0x60);
}

static void errors(void)
{
    command(0x20, LAST + 1, 1);
    wait_interrupts(1);
    fact("beyond the end", status_then & (BSY | DRDY | DRQ | ERR));
    command(0xA1, 0, 0);
    wait_interrupts(1);
    fact2("not a packet device", status_then & (BSY | DRQ | ERR), inb(ERROR) & 4);
    outb(CONTROL, 4);
    outb(CONTROL, 4);
    outb(CONTROL, 0);
    wait_idle();
    fact2("signature", inb(COUNT) << 8 | inb(LOW), inb(LOW + 1) << 8 | inb(LOW + 2));
    outb(DEVICE, 0xB0);
    fact("device 1: status", inb(STATUS));
    outb(DEVICE, 0xA0);
    fact("device 0: status", inb(STATUS) & (BSY | DRDY | DRQ | ERR));
}

void kmain(void)
{
    serial_init();
    probe_init();
    pic_init();
    trap_handlers[VECTOR_IDE] = on_ide;
    outb(0x21, 0xFB); // only the cascade
    outb(0xA1, 0xBF); // and IRQ 14
    identify();
    read_pio();
    write_pio();
    bus_master();
    over_code_and_tables();
    errors();
    finish(true);
}
