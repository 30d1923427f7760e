// A bare PC: the first IDE disk, by programmed input and output.
//
// Idea: write where and how much into the registers, then the command; for every sector the drive raises IRQ 14 and the
// processor carries 256 words through the data port. The process that asked sleeps meanwhile.
// Manual: ATA-4 (T13/1153D): register descriptions, 9.5 and 9.6 (PIO protocols), IDENTIFY DEVICE, READ and WRITE SECTOR(S).
// Not here: DMA, the second drive and channel, LBA48.
#include "mini/kernel.h"
#include "mini/native.h"

enum {
    IDE = 0x1F0,
    DATA = IDE + 0,
    COUNT = IDE + 2,
    LBA = IDE + 3, // and the next two
    DRIVE = IDE + 6,
    COMMAND = IDE + 7, // reads as status
    CONTROL = 0x3F6,
    ERROR = 0x01, REQUEST = 0x08, BUSY = 0x80, FAULT = 0x20, // status
    READ = 0x20, WRITE = 0x30, IDENTIFY = 0xEC,
    USE_LBA = 0xE0,
    IRQ_IDE = 14,
    WORDS = SECTOR / 2,
};

static uint32_t sectors;
static volatile bool answered; // IRQ 14 came
static uint8_t status;         // what the drive said then

static void on_ide(void)
{
    status = inb(COMMAND); // takes the interrupt back
    answered = true;
    sched_wake(&status);
}

static uint8_t wait_idle(void)
{
    uint8_t now;
    do now = inb(COMMAND);
    while (now & BUSY);
    return now;
}

static void wait_answer(void)
{
    irq_state saved = critical_enter();
    while (!answered) sched_sleep(&status);
    answered = false;
    critical_leave(saved);
}

static void words_in(void *memory) { __asm__ volatile("rep insw" : "+D"(memory) : "c"(WORDS), "d"(DATA) : "memory"); }
static void words_out(const void *memory)
{
    __asm__ volatile("rep outsw" : "+S"(memory) : "c"(WORDS), "d"(DATA) : "memory");
}

void disk_init(void)
{
    uint16_t identity[WORDS];
    outb(CONTROL, 2); // no interrupts yet
    outb(DRIVE, USE_LBA);
    if (inb(COMMAND) == 0xFF || inb(COMMAND) == 0) return; // an empty channel
    outb(COMMAND, IDENTIFY);
    if (inb(COMMAND) == 0) return;
    if (wait_idle() & (ERROR | FAULT)) return;
    words_in(identity);
    if (!(identity[49] & 0x200)) return; // no LBA
    sectors = identity[60] | (uint32_t)identity[61] << 16;
    inb(COMMAND);
    outb(CONTROL, 0);
    irq_install(IRQ_IDE, on_ide);
}

uint32_t disk_sectors(void) { return sectors; }

bool disk_transfer(uint32_t sector, uint32_t count, void *memory, bool write)
{
    uint8_t *at = memory;
    if (sector + count > sectors) return false;
    answered = false;
    wait_idle();
    outb(DRIVE, (uint8_t)(USE_LBA | (sector >> 24 & 0x0F)));
    outb(COUNT, (uint8_t)count);
    for (uint16_t i = 0; i < 3; i++) outb(LBA + i, (uint8_t)(sector >> 8 * i));
    outb(COMMAND, write ? WRITE : READ);
    if (write) wait_idle(); // the first sector is asked for without an interrupt
    for (uint32_t i = 0; i < count; i++, at += SECTOR) {
        if (write) words_out(at);
        wait_answer();
        if (status & (ERROR | FAULT)) return false;
        if (!write) words_in(at);
    }
    return true;
}
