// Power-on: the interrupt table, the data area, the devices, and then the boot sector.
//
// Idea: nothing is tested and nothing is said, so that a boot sector runs a moment after power-on and has the screen for
// itself; only if there is nothing to boot is there a message, and the debug exit reports failure.
// Manual: IBM PC AT technical reference (POST); BIOS Boot Specification 1.01 (int 18h, 19h).
#include "bios/bios.h"

extern const uint16_t vector_table[]; // in segment F000

enum { VECTORS_LOW = 0x20, VECTORS_SLAVE = 0x70, DUMMY = 0xFF53 };

static void vectors_init(void)
{
    uint16_t table = (uint16_t)(uint32_t)vector_table;
    for (uint16_t n = 0; n < 0x100; n++) {
        bool slave = n >= VECTORS_SLAVE && n < VECTORS_SLAVE + 8;
        uint16_t at = n < VECTORS_LOW ? far_word(ROM_SEGMENT, table + 2 * n)
                      : slave ? far_word(ROM_SEGMENT, table + 2 * (n - VECTORS_SLAVE + VECTORS_LOW)) : DUMMY;
        bool users = (n >= 0x60 && n < 0x68) || n >= 0x78 || n == 0x1F || n == 0x43;
        low_long_set(4 * n, users ? 0 : (uint32_t)ROM_SEGMENT << 16 | at);
    }
}

static void data_area_init(void)
{
    uint16_t warm = low_word(BDA_RESET);
    for (uint16_t at = 0x400; at < 0x500; at += 4) low_long_set(at, 0);
    low_word_set(BDA_RESET, warm);
}

static __attribute__((noreturn)) void give_up(const char *why)
{
    video_say(why);
    outb(0xF4, 1); // where a debug exit listens, the run ends here
    for (;;) __asm__ volatile("cli; hlt");
}

void boot(void)
{
    uint8_t drive;
    if (disk_boot(&drive)) jump(0, 0x7C00, drive);
    give_up(low_byte(BDA_DISKS) || low_word(BDA_EQUIPMENT) & 1 ? "No bootable disk: its first sector does not end in 55 AA.\n"
                                                               : "No bootable disk: there is none.\n");
}

void int_18(struct regs *r)
{
    (void)r;
    give_up("No system on the disk (INT 18h).\n");
}

void int_19(struct regs *r)
{
    (void)r;
    boot();
}

void reset_now(void)
{
    outb(0x64, 0xFE);
    for (;;) __asm__ volatile("hlt");
}

void post(struct regs *r)
{
    (void)r;
    outb(0x80, 0x01);
    vectors_init();
    data_area_init();
    system_init();
    video_init();
    keyboard_init();
    disk_init();
    outb(0x80, 0x19);
    boot();
}
