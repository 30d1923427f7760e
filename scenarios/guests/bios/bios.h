// Ringside's BIOS: what its files share.
//
// Idea 1: every software interrupt and IRQ enters through a stub (entry.S) that saves the caller's registers as a struct
// regs, switches to the BIOS's own stack, and calls a C function; what that changes in the struct the caller gets back.
// Idea 2: plain pointers are into segment EC00 (variables, stack, constants; see bios.ld). Memory of other segments, such as the
// vectors' and the data area's, is reached through ES, which is EC00 again behind each access. FS and GS are never loaded: what a
// program of flat real mode has in them, a base that is not 16 times the selector, survives.
// Manuals: IBM PC AT and PS/2 technical references (interface of the services, data area); Ralf Brown's Interrupt List.
#ifndef BIOS_H
#define BIOS_H

#include <stdbool.h>
#include <stdint.h>

union reg {
    uint32_t e;
    uint16_t x;
    struct { uint8_t l, h; };
};
// As the stub pushes it. `di.e` is EDI, `di.x` DI, `ax.h` AH.
struct regs {
    uint16_t es, ds;
    union reg di, si, bp, sp, bx, dx, cx, ax;
    uint16_t function, ip, cs, flags;
};
enum { CARRY = 1 << 0, ZERO = 1 << 6, INTERRUPTS = 1 << 9 };

static inline void set_flag(struct regs *r, uint16_t flag, bool on)
{
    r->flags = (uint16_t)(on ? r->flags | flag : r->flags & ~flag);
}

// --- ports
static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("out dx, al" : : "d"(port), "a"(v)); }
static inline void outw(uint16_t port, uint16_t v) { __asm__ volatile("out dx, ax" : : "d"(port), "a"(v)); }
static inline void outl(uint16_t port, uint32_t v) { __asm__ volatile("out dx, eax" : : "d"(port), "a"(v)); }
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("in al, dx" : "=a"(v) : "d"(port));
    return v;
}
static inline uint16_t inw(uint16_t port)
{
    uint16_t v;
    __asm__ volatile("in ax, dx" : "=a"(v) : "d"(port));
    return v;
}
static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("in eax, dx" : "=a"(v) : "d"(port));
    return v;
}
uint8_t cmos(uint8_t at);
void cmos_set(uint8_t at, uint8_t value);

// --- memory: low_*(at) is the byte, word, long at linear address `at` below 64 KB; far_*(segment, at) the one there; *_set stores
#define ACCESS(name, type, reg) \
    static inline type far_##name(uint16_t segment, uint16_t at) \
    { \
        type v; \
        __asm__ volatile("pushw es; mov es, %1; mov %0, es:[%2]; popw es" \
                         : "=&" reg(v) : "r"(segment), "r"((uint32_t)at) : "memory"); \
        return v; \
    } \
    static inline void far_##name##_set(uint16_t segment, uint16_t at, type v) \
    { \
        __asm__ volatile("pushw es; mov es, %0; mov es:[%1], %2; popw es" \
                         : : "r"(segment), "r"((uint32_t)at), reg(v) : "memory"); \
    } \
    static inline type low_##name(uint16_t at) { return far_##name(0, at); } \
    static inline void low_##name##_set(uint16_t at, type v) { far_##name##_set(0, at, v); }
ACCESS(byte, uint8_t, "q")
ACCESS(word, uint16_t, "r")
ACCESS(long, uint32_t, "r")
#undef ACCESS
static inline void far_fill(uint16_t segment, uint16_t at, uint16_t word, uint16_t words)
{
    __asm__ volatile("pushw es; mov es, %2; rep stosw; popw es" : "+D"(at), "+c"(words) : "r"(segment), "a"(word) : "memory");
}
static inline void far_move(uint16_t segment, uint16_t to, uint16_t from, uint16_t words) // upwards
{
    __asm__ volatile("pushw ds; pushw es; mov ds, %3; mov es, %3; rep movsw; popw es; popw ds"
                     : "+D"(to), "+S"(from), "+c"(words) : "r"(segment) : "memory");
}
void far_copy(uint16_t to_segment, uint16_t to, const void *from, uint16_t bytes); // from EC00
void far_fetch(void *to, uint16_t from_segment, uint16_t from, uint16_t bytes);    // to EC00

// The BIOS data area, by linear address.
enum {
    BDA_COM = 0x400, BDA_LPT = 0x408, BDA_EBDA = 0x40E, BDA_EQUIPMENT = 0x410, BDA_MEMORY = 0x413,
    BDA_SHIFT = 0x417, BDA_SHIFT2 = 0x418, BDA_KEYPAD = 0x419, BDA_KEY_HEAD = 0x41A, BDA_KEY_TAIL = 0x41C, BDA_KEYS = 0x41E,
    BDA_FLOPPY_STATUS = 0x441, BDA_MODE = 0x449, BDA_COLUMNS = 0x44A, BDA_PAGE_SIZE = 0x44C, BDA_PAGE_START = 0x44E,
    BDA_CURSOR = 0x450, BDA_CURSOR_SHAPE = 0x460, BDA_PAGE = 0x462, BDA_CRTC = 0x463, BDA_CRT_MODE = 0x465,
    BDA_PALETTE = 0x466, BDA_RESUME = 0x467, BDA_TICKS = 0x46C, BDA_MIDNIGHT = 0x470, BDA_BREAK = 0x471, BDA_RESET = 0x472,
    BDA_DISK_STATUS = 0x474, BDA_DISKS = 0x475, BDA_LPT_TIMEOUT = 0x478, BDA_COM_TIMEOUT = 0x47C, BDA_KEY_BEGIN = 0x480,
    BDA_KEY_END = 0x482, BDA_ROWS = 0x484, BDA_CELL_HEIGHT = 0x485, BDA_VIDEO_CONTROL = 0x487, BDA_VIDEO_SWITCHES = 0x488,
    BDA_VIDEO_FLAGS = 0x489, BDA_VIDEO_DCC = 0x48A, BDA_DISK_INTERRUPT = 0x48E, BDA_KEY_MODE = 0x496, BDA_LEDS = 0x497,
    BDA_WAIT = 0x4A0,
};
enum { EBDA_SEGMENT = 0x9FC0, EBDA_DISK_TABLES = 0x3D, ROM_SEGMENT = 0xF000, LOW_KB = 639 };

// --- entry.S
void let_interrupts(void);  // opens a window for interrupts
void wait_interrupt(void);  // sleeps until one has come
// Calls whatever hangs on a vector, with and returning the registers of `r` (AX BX CX DX SI DI BP DS ES, flags).
void callout(struct regs *r, uint8_t vector);
__attribute__((noreturn)) void jump(uint16_t segment, uint16_t offset, uint8_t drive); // with DL = drive, an empty stack
void block_move(uint16_t table_segment, uint16_t table, uint32_t words); // for int 15h, AH=87h
void flat_write(uint32_t address, uint32_t value);
__attribute__((noreturn)) void reset_now(void);

// --- one file each
void video_init(void);
void video_say(const char *text);     // teletype, and the debug console
void keyboard_init(void);
void disk_init(void);
bool disk_boot(uint8_t *drive);       // reads a boot sector to 0000:7C00; which drive it came from
void system_init(void);               // clock, memory sizes, serial ports
__attribute__((noreturn)) void boot(void);

// The services, as the stubs call them (entry.S names them).
void int_05(struct regs *r), int_08(struct regs *r), int_09(struct regs *r), int_10(struct regs *r), int_11(struct regs *r),
     int_12(struct regs *r), int_13(struct regs *r), int_14(struct regs *r), int_15(struct regs *r), int_16(struct regs *r),
     int_17(struct regs *r), int_18(struct regs *r), int_19(struct regs *r), int_1a(struct regs *r), int_70(struct regs *r),
     int_75(struct regs *r), int_76(struct regs *r), int_irq(struct regs *r), int_irq_slave(struct regs *r),
     post(struct regs *r);
void pci_bios(struct regs *r);        // int 1Ah, AH=B1h

#endif
