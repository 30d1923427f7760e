// Descriptor tables and the dispatch of traps.
//
// Idea: eight bytes per descriptor, base and limit scattered for historical reasons; everything else is bookkeeping.
// Manual: Intel SDM volume 3, 3.4.5 (segments), 6.11 (gates), 7.2.1 (TSS).
// Not here: task gates, 16-bit segments, expand-down segments.
#include "lib/guest.h"

// Fixed places, see guest.ld.
struct descriptor gdt[GDT_ENTRIES] __attribute__((section(".tables.gdt")));
struct descriptor idt[IDT_ENTRIES] __attribute__((section(".tables.idt")));
struct tss tss __attribute__((section(".tables.tss")));

extern const void *const trap_entries[48];
trap_handler *trap_handlers[48];
void trap(struct trap_frame *frame); // called by lib/trap.S

struct descriptor segment(uint32_t base, uint32_t limit, uint8_t access, bool pages)
{
    struct descriptor d;
    uint32_t size_bits = pages ? 0xC00000u : 0x400000u; // G and D/B, or D/B alone
    if ((access & 0x10) == 0)
        size_bits = 0; // system descriptors (LDT, TSS) have no D/B bit
    d.low = (base << 16) | (limit & 0xFFFF);
    d.high = (base & 0xFF000000u) | size_bits | (limit & 0xF0000u) | ((uint32_t)access << 8) | ((base >> 16) & 0xFF);
    return d;
}

struct descriptor gate(uint16_t selector, const void *entry, uint8_t access)
{
    uint32_t offset = (uint32_t)entry;
    return (struct descriptor){((uint32_t)selector << 16) | (offset & 0xFFFF),
                               (offset & 0xFFFF0000u) | ((uint32_t)access << 8)};
}

void tables_init(void)
{
    gdt[SEL_KERNEL_CODE / 8] = segment(0, 0xFFFFF, ACCESS_CODE, true);
    gdt[SEL_KERNEL_DATA / 8] = segment(0, 0xFFFFF, ACCESS_DATA, true);
    gdt[SEL_USER_CODE / 8] = segment(0, 0xFFFFF, ACCESS_CODE | ACCESS_DPL3, true);
    gdt[SEL_USER_DATA / 8] = segment(0, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, true);
    gdt[SEL_TSS / 8] = segment((uint32_t)&tss, sizeof tss - 1, ACCESS_TSS, false);
    tss.ss0 = SEL_KERNEL_DATA;
    tss.esp0 = (uint32_t)boot_stack_top;
    tss.io_bitmap = sizeof tss; // beyond the limit: no bitmap, ring 3 may touch no port
    for (int vector = 0; vector < 48; vector++)
        idt[vector] = gate(SEL_KERNEL_CODE, trap_entries[vector], ACCESS_INT_GATE);
}

void tables_load(void)
{
    struct table_register gdtr = {sizeof gdt - 1, (uint32_t)gdt};
    struct table_register idtr = {sizeof idt - 1, (uint32_t)idt};
    __asm__ volatile("lgdt %0\n\t"
                     "push %2\n\t" // a far return is one way to load CS
                     "push offset 1f\n\t"
                     "retf\n"
                     "1:\n\t"
                     "mov ds, %3\n\t"
                     "mov es, %3\n\t"
                     "mov ss, %3\n\t"
                     "mov fs, %4\n\t" // never used: null, so that a wild FS: or GS: access faults
                     "mov gs, %4\n\t"
                     "lidt %1\n\t"
                     "ltr %w5"
                     :
                     : "m"(gdtr), "m"(idtr), "i"(SEL_KERNEL_CODE), "r"(SEL_KERNEL_DATA), "r"(0), "r"(SEL_TSS)
                     : "memory");
}

void trap(struct trap_frame *frame)
{
    trap_handler *handler = trap_handlers[frame->vector];
    if (handler == 0)
        trap_unexpected(frame);
    handler(frame);
}

void trap_unexpected(struct trap_frame *frame)
{
    print("unexpected trap ");
    print_hex(frame->vector, 2);
    print(" error code ");
    print_hex(frame->error_code, 4);
    print(" at ");
    print_hex(frame->cs & 0xFFFF, 4);
    print(":");
    print_hex(frame->eip, 8);
    print("\n");
    finish(false);
}
