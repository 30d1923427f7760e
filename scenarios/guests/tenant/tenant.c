// Guest `tenant`: somebody who shares a machine with others.
//
//   work rounds=N units=U rest=T   computes U units, sleeps T ticks of 1 ms, N times; says what it computed, and ends well
//   hog                            computes for ever with interrupts off, and gives the processor to nobody
//   flood                          asks for as many timer interrupts as the timer can make
//   attack                         tries for ever to reach what is not its own (attack.c)
//   crash after=T                  works for a while, then dies of a triple fault
//
// Idea: what `work` says and leaves in memory does not depend on time, so it can be compared with a run in which it was
// alone. The others are what one does not want for neighbours.
// Manual: Intel SDM volume 3, 6.8.1 (masking interrupts), 6.15 (double and triple faults); 8254 data sheet, mode 2.
// Not here: ring 3, devices other than timer and COM1.
#include "tenant/tenant.h"

enum { BUFFER = 1024, FASTEST = 16 /* of the timer's input clock: 75,000 interrupts a second */ };

static uint32_t buffer[BUFFER];
static volatile uint32_t ticks; // written by the timer interrupt

static void tick(struct trap_frame *frame)
{
    (void)frame;
    ticks++;
    pic_end_of_interrupt();
}

static void timer_on(void)
{
    trap_handlers[VECTOR_TIMER] = tick;
    pic_init();
    pit_start();
    pic_unmask_timer();
}

// A unit: every word of the buffer depends on all that were there before.
LANDMARK void unit(void)
{
    uint32_t sum = buffer[BUFFER - 1];
    for (int i = 0; i < BUFFER; i++) {
        sum = (sum << 5 | sum >> 27) ^ (buffer[i] + 0x9E3779B9u);
        buffer[i] = sum;
    }
}

// STI; HLT sleeps until the next interrupt; none can come in between.
LANDMARK void rest(uint32_t how_long)
{
    uint32_t until = ticks + how_long;
    while ((int32_t)(until - ticks) > 0)
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

LANDMARK void work(void)
{
    uint32_t rounds = word_number("rounds", 10), units = word_number("units", 20), pause = word_number("rest", 4);
    timer_on();
    for (uint32_t n = 1; n <= rounds; n++) {
        for (uint32_t u = 0; u < units; u++)
            unit();
        print("round ");
        print_dec(n);
        print(": ");
        print_hex(buffer[BUFFER - 1], 8);
        print("\n");
        rest(pause);
    }
    pic_mask_all();
    ticks = 0; // how many there were is the machine's affair
    finish(true);
}

LANDMARK void hog(void)
{
    print("hog: I shall not stop\n");
    for (;;)
        unit();
}

LANDMARK void flood(void)
{
    print("flood: as often as it goes\n");
    timer_on();
    outb(0x43, 0x34);
    outb(0x40, FASTEST);
    outb(0x40, 0);
    __asm__ volatile("sti" : : : "memory");
    for (;;)
        unit();
}

LANDMARK void crash(void)
{
    timer_on();
    print("crash: soon\n");
    rest(word_number("after", 5));
    die();
}

void tenant_main(const struct boot_info *info)
{
    words_from(info->flags & BOOT_HAS_CMDLINE ? info->cmdline : "work");
    serial_init();
    tables_init();
    tables_load();
    if (word_is("hog"))
        hog();
    if (word_is("flood"))
        flood();
    if (word_is("attack"))
        attack(word_number("rounds", 0));
    if (word_is("crash"))
        crash();
    work();
}
