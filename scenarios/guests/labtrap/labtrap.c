// Guest `labtrap`: a kernel that checks what its hypervisor made of the instructions that trap.
//
// Idea: each check sets a bit of `held` if the machine did what the manual says. A laboratory (scenarios/labs/trap) gives the hypervisor's
// answers in Lua and looks at `held` afterwards; on a bare machine all are set. `salt` is a number that the laboratory pokes in.
// Manual: Intel SDM volume 2, CLI, STI, HLT, IN, OUT, CLTS, MOV to and from control registers.
// Not here: ring 3 (guest `rings` has that), paging tricks.
#include "lib/guest.h"

enum { HELD_CLI = 1, HELD_STI = 2, HELD_HLT = 4, HELD_IN = 8, HELD_IN_WIDE = 16, HELD_OUT = 32, HELD_CLTS = 64, HELD_CR = 128, HELD_CR2 = 256 };

volatile uint32_t salt = 0x12345678;
volatile uint32_t held;
static volatile uint32_t ticks;

void tick(struct trap_frame *frame);
LANDMARK void tick(struct trap_frame *frame)
{
    (void)frame;
    ticks++;
    pic_end_of_interrupt();
}

static void claim(uint32_t bit, bool holds)
{
    if (holds)
        held |= bit;
}

// With interrupts off no tick comes in three periods of the timer; with them on, one comes.
LANDMARK void check_interrupts(void)
{
    __asm__ volatile("sti; nop; cli");
    uint32_t before = ticks;
    pit_wait_periods(3);
    claim(HELD_CLI, ticks == before);
    __asm__ volatile("sti");
    pit_wait_periods(3);
    claim(HELD_STI, ticks > before);
    before = ticks;
    while (ticks == before)
        __asm__ volatile("sti; hlt");
    claim(HELD_HLT, true);
    __asm__ volatile("cli");
}

// IN AL leaves the rest of EAX alone; the master PIC's mask register gives back what was written.
LANDMARK void check_ports(void)
{
    uint32_t eax = salt & 0xFFFFFF00;
    __asm__ volatile("in al, 0x21" : "+a"(eax));
    claim(HELD_IN_WIDE, (eax & 0xFFFFFF00) == (salt & 0xFFFFFF00));
    uint8_t mask = (uint8_t)eax;
    outb(0x21, (uint8_t)(salt | 1));
    claim(HELD_OUT, inb(0x21) == (uint8_t)(salt | 1));
    __asm__ volatile("out 0x21, al" : : "a"(mask));
    claim(HELD_IN, inb(0x21) == mask);
}

LANDMARK void check_control(void)
{
    uint32_t cr0, again, seen;
    __asm__ volatile("mov %0, cr0" : "=S"(cr0));
    __asm__ volatile("mov cr0, %0" : : "D"(cr0 | CR0_TS));
    __asm__ volatile("mov %0, cr0" : "=b"(seen));
    __asm__ volatile("clts");
    __asm__ volatile("mov %0, cr0" : "=c"(again));
    claim(HELD_CLTS, (seen & CR0_TS) && again == (cr0 & ~(uint32_t)CR0_TS));
    __asm__ volatile("mov %0, cr3" : "=d"(seen));
    __asm__ volatile("mov cr3, %0" : : "S"(seen));
    __asm__ volatile("mov %0, cr3" : "=S"(again));
    claim(HELD_CR, seen == (uint32_t)page_directory && again == seen);
    __asm__ volatile("mov cr2, %0" : : "c"(salt));
    __asm__ volatile("mov %0, cr2" : "=D"(seen));
    claim(HELD_CR2, seen == salt);
}

LANDMARK void kmain(void)
{
    serial_init();
    print("labtrap\n");
    tables_init();
    tables_load();
    trap_handlers[VECTOR_TIMER] = tick;
    paging_init();
    paging_on();
    pic_init();
    pit_start();
    pic_unmask_timer();
    check_interrupts();
    check_ports();
    check_control();
    ticks = 0;
    print("labtrap: done\n");
    finish(held == 511);
}
