// The small runtime all guest kernels share: port access, text on COM1, descriptor tables, traps, timer, paging.
//
// Idea: a kernel for ring 0 of a bare PC, as small as it can honestly be. Everything the processor reads (GDT, IDT,
// TSS, page tables) is an ordinary array that you can find in a memory dump by its name.
// Manual: Intel SDM volume 3 chapters 2 (registers), 3 (segments), 4 (paging), 6 (interrupts); 8259A, 8254, 16550
// data sheets.
// Not here: memory allocation, files, more than one processor, floating point.
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stdint.h>

// A function a debugger wants to stop at: it must stay one piece under its own name, never inlined or cloned.
#define LANDMARK __attribute__((noipa))

// ---- Ports -----------------------------------------------------------------------------------------------------

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("in %0, %1" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

// ---- Text on COM1 (lib/serial.c) -------------------------------------------------------------------------------

void serial_init(void);
void print(const char *text);
void print_hex(uint32_t value, int digits); // upper case, exactly `digits` digits
void print_dec(uint32_t value);

// ---- Descriptor tables (lib/tables.c) ----------------------------------------------------------------------------

// Selectors. The last two bits are the RPL; user selectors carry RPL 3.
enum {
    SEL_KERNEL_CODE = 0x08,
    SEL_KERNEL_DATA = 0x10,
    SEL_USER_CODE = 0x18 | 3,
    SEL_USER_DATA = 0x20 | 3,
    SEL_TSS = 0x28,
    SEL_FREE = 0x30, // 30h ... 78h: for the guest's own experiments
    GDT_ENTRIES = 16,
    IDT_ENTRIES = 0x81,
};

// Access byte of a descriptor (bits 8-15 of its high half). Code and data have the Accessed bit set from the start,
// so that the processor never has to write to the table and the bytes stay as we made them.
enum {
    ACCESS_CODE = 0x9B,     // present, DPL 0, execute/read
    ACCESS_DATA = 0x93,     // present, DPL 0, read/write
    ACCESS_LDT = 0x82,
    ACCESS_TSS = 0x89,      // available 32-bit TSS; LTR turns it into 8B, busy
    ACCESS_CALL_GATE = 0x8C,
    ACCESS_INT_GATE = 0x8E, // an interrupt gate clears IF on the way in
    ACCESS_DPL3 = 0x60,     // add this to let ring 3 use it
};

struct descriptor {
    uint32_t low, high;
};

// What LGDT, LIDT, SGDT and SIDT have as operand.
struct table_register {
    uint16_t limit; // size in bytes minus one
    uint32_t base;
} __attribute__((packed));

// 32-bit TSS. Only the ring-0 stack is used: the processor takes SS0:ESP0 when a trap comes from ring 3.
struct tss {
    uint32_t back_link, esp0, ss0;
    uint32_t unused[22];
    uint16_t trap_flag, io_bitmap;
} __attribute__((packed));

extern struct descriptor gdt[GDT_ENTRIES];
extern struct descriptor idt[IDT_ENTRIES];
extern struct tss tss;

// A segment of `limit` + 1 units: bytes, or 4 KB pages if `pages`. All are 32-bit segments.
struct descriptor segment(uint32_t base, uint32_t limit, uint8_t access, bool pages);
struct descriptor gate(uint16_t selector, const void *entry, uint8_t access);

// tables_init fills GDT and IDT in memory; tables_load makes the processor use them (LGDT, LIDT, LTR) and reloads the
// segment registers. Between the two a guest may add descriptors of its own.
void tables_init(void);
void tables_load(void);

// ---- Traps (lib/trap.S, lib/tables.c) ----------------------------------------------------------------------------

// The stack of the kernel when a handler runs, lowest address first. Handlers may change it: what they leave is what
// the interrupted program gets back. `esp` and `ss` are there only if the trap came from ring 3.
struct trap_frame {
    uint32_t es, ds;
    uint32_t edi, esi, ebp, unused, ebx, edx, ecx, eax;
    uint32_t vector, error_code;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;
};

typedef void trap_handler(struct trap_frame *frame);
extern trap_handler *trap_handlers[48]; // by vector; a trap without a handler ends the guest with a message
void trap_unexpected(struct trap_frame *frame) __attribute__((noreturn));

enum { VECTOR_GP = 13, VECTOR_PF = 14, VECTOR_TIMER = 0x20, VECTOR_SYSCALL = 0x80 };
enum { EFLAGS_ALWAYS = 1u << 1, EFLAGS_IF = 1u << 9, EFLAGS_IOPL = 3u << 12 };

// ---- Interrupt controller and timer (lib/timer.c) ------------------------------------------------------------------

void pic_init(void);              // IRQ 0-15 become vectors 20h-2Fh, all masked
void pic_unmask_timer(void);
void pic_mask_all(void);
void pic_end_of_interrupt(void);  // for IRQ 0-7
void pit_start(void);             // about 1000 interrupts a second on IRQ 0
void pit_wait_periods(int count); // returns when the timer has started `count` new periods, whatever IF says

// ---- Paging (lib/paging.c) ---------------------------------------------------------------------------------------

enum { PTE_P = 1, PTE_RW = 2, PTE_US = 4, PTE_A = 0x20, PTE_D = 0x40, PDE_4MB = 0x80 };
enum { CR0_PE = 1, CR0_MP = 2, CR0_TS = 8, CR0_ET = 0x10, CR0_NE = 0x20, CR0_WP = 0x10000 };
#define CR0_PG 0x80000000u
enum { CR4_PSE = 0x10 };

extern uint32_t page_directory[1024];
extern uint32_t low_table[1024]; // the first 4 MB, linear = physical; page 0 stays unmapped to catch null pointers
void paging_init(void);          // fills both tables
void paging_on(void);            // CR3, then CR0.PG and CR0.WP

// ---- Start and end (lib/boot.S) ------------------------------------------------------------------------------------

extern uint8_t boot_stack[], boot_stack_top[];
void kmain(void);                                 // every guest has its own
void finish(bool success) __attribute__((noreturn)); // last characters out, then done()
void done(uint32_t verdict) __attribute__((noreturn));

#endif
