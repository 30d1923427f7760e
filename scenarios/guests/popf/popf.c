// Guest `popf`: a kernel that keeps the timer out of a critical section by clearing IF with POPF.
//
// Idea: the section reads a shared counter, takes its time, and writes it back plus one. The timer interrupt adds one
// to the same counter. If the timer gets in between, its update is overwritten: lost. On a bare machine IF = 0 keeps
// it out. In ring 1, POPF leaves IF as it was, without a word.
// The output does not depend on the speed of the machine: we wait for events and print facts, never counts.
// Manual: Intel SDM volume 3, 6.8.1 (masking interrupts); volume 2, POPF.
// Not here: ring 3, more than one processor.
#include "lib/guest.h"

// popf/flags.S
void enable_interrupts(void);
void disable_interrupts(void);
uint32_t read_flags(void);
uint32_t interrupts_off(void);
void interrupts_restore(uint32_t flags);

void tick(struct trap_frame *frame);
void critical_section(void);

// Written by the timer interrupt, hence volatile.
static volatile bool ticked;
static volatile bool in_critical;
static volatile bool interrupted_in_critical;
static volatile uint32_t shared_counter; // both sides add to it
static volatile uint32_t tick_share;     // how much of it the timer added

static bool if_inside; // what PUSHF said about IF inside the section

// Timer interrupt, IRQ 0. IF is 0 in here: it came through an interrupt gate.
LANDMARK void tick(struct trap_frame *frame)
{
    (void)frame;
    ticked = true;
    shared_counter++;
    tick_share++;
    if (in_critical)
        interrupted_in_critical = true;
    pic_end_of_interrupt();
}

// Read, think, write: safe only if nobody else writes in between. Three timer periods are long enough for three ticks.
LANDMARK void critical_section(void)
{
    uint32_t saved = interrupts_off();
    in_critical = true;
    uint32_t copy = shared_counter;
    if_inside = (read_flags() & EFLAGS_IF) != 0;
    pit_wait_periods(3);
    shared_counter = copy + 1;
    in_critical = false;
    interrupts_restore(saved);
}

static void print_if(const char *when, bool flag)
{
    print(when);
    print(flag ? ": 1\n" : ": 0\n");
}

static void wait_for_tick(void)
{
    ticked = false;
    while (!ticked)
        __asm__ volatile("hlt"); // a tick before this HLT is no harm: the next one wakes us
}

static void set_up(void)
{
    serial_init();
    print("popf: a kernel written for ring 0\n");
    tables_init();
    tables_load();
    trap_handlers[VECTOR_TIMER] = tick;
    paging_init();
    paging_on();
    pic_init();
    pit_start();
    pic_unmask_timer();
}

LANDMARK void kmain(void)
{
    set_up();

    enable_interrupts();
    print_if("IF after sti", read_flags() & EFLAGS_IF);
    wait_for_tick();
    print("timer: ticking\n");
    disable_interrupts();
    print_if("IF after cli", read_flags() & EFLAGS_IF);
    enable_interrupts();

    critical_section();
    bool if_restored = (read_flags() & EFLAGS_IF) != 0;
    wait_for_tick();

    disable_interrupts();
    // Every increment that both sides made must be in the counter: the timer's, and the one of the section.
    bool update_lost = shared_counter != tick_share + 1;
    print_if("IF after popf", if_inside);
    print(interrupted_in_critical ? "critical section: INTERRUPTED" : "critical section: undisturbed");
    print(update_lost ? ", update lost\n" : "\n");
    print_if("IF after the restoring popf", if_restored);
    print("timer: still ticking\n");

    // An interrupted section must have lost an update and an undisturbed one must not; anything else is a broken
    // machine.
    bool consistent = interrupted_in_critical == update_lost;
    print(consistent ? "popf: done\n" : "popf: INCONSISTENT\n");
    shared_counter = tick_share = 0; // how many ticks there were is chance: do not leave it in memory
    finish(consistent);
}
