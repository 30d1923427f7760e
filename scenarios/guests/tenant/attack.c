// Guest `tenant`, attack: stores and jumps in the hypervisor's window, its selectors, page tables that name frames nobody
// gave it, devices that are not its own. Each attempt that faults is given up, and the next one made.
//
// Nobody here knows whether there is a hypervisor. On a bare machine some of this would do harm: to this kernel itself.
// Manual: Intel SDM volume 3, chapters 3 to 6. Not here: anything clever; tests/equiv/hostile.c is more inventive.
#include "tenant/tenant.h"

#define WINDOW 0xFFC00000u // where a hypervisor below ring 0 is likely to be
enum { ROUND = 1000 };

static uint32_t random_state = 12345;
static uint32_t wild_table[1024] __attribute__((aligned(4096)));

static uint32_t next(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state ^ random_state >> 13;
}

static void give_up(struct trap_frame *frame)
{
    if (recover_eip == 0)
        trap_unexpected(frame);
    frame->eip = recover_eip;
    frame->cs = SEL_KERNEL_CODE;
}

static void store(uint32_t at)
{
    *(volatile uint32_t *)at = at;
}

static void load(uint32_t at)
{
    (void)*(volatile uint32_t *)at;
}

// A page at 40000000 that is said to be any frame of the machine, and a store to it.
static void wild_frame(uint32_t value)
{
    page_directory[0x100] = (uint32_t)wild_table | PTE_P | PTE_RW;
    wild_table[0] = (value & 0x7FFFF000u) | PTE_P | PTE_RW;
    __asm__ volatile("invlpg [%0]" : : "r"(0x40000000u) : "memory");
    *(volatile uint32_t *)0x40000000u = value;
}

static void wild_descriptor(uint32_t value)
{
    gdt[GDT_ENTRIES - 1] = (struct descriptor){ value, (value & 0xFF00FFFFu) | 0xC09300 };
    load_ds((GDT_ENTRIES - 1) * 8);
    load(value);
}

static void wild_port(uint32_t value)
{
    static const uint16_t ports[] = { 0x21, 0xA1, 0x43, 0x70, 0xCF8, 0x64, 0xC0, 0x1F2, 0x2F8, 0xD000, 0xD005 };
    outb(ports[value % (sizeof ports / sizeof ports[0])], 0);
}

static void wild_msr(uint32_t value)
{
    __asm__ volatile("wrmsr" : : "c"(value & 0x1FF), "a"(value), "d"(0));
}

void attack(uint32_t rounds)
{
    static void (*const harm[])(uint32_t) = { store, load, jump_to, load_ds, load_task, far_jump, wild_frame, wild_descriptor, wild_port, wild_msr };
    for (int n = 0; n < 32; n++)
        trap_handlers[n] = give_up;
    paging_init();
    paging_on();
    print("attack: every door\n");
    for (uint32_t round = 1; round != rounds; round++) {
        for (int n = 0; n < ROUND; n++) {
            uint32_t how = next() % (sizeof harm / sizeof harm[0]), value = next();
            bool selector = harm[how] == load_ds || harm[how] == load_task || harm[how] == far_jump;
            if (selector)
                value = 0xFF00 | (value & 0xFB);
            else if (harm[how] != wild_frame && harm[how] != wild_port && harm[how] != wild_msr)
                value = WINDOW | value >> 10;
            attempt(harm[how], value);
        }
        if (round % 2 == 0) {
            print_dec(round);
            print(" thousand attempts\n");
        }
    }
    finish(true);
}
