// The kernel: knows nothing of its machine but arch.h. It tries each part of it and counts what is right. Given.
#include "arch.h"

#define LANDMARK __attribute__((noipa))
enum { PAGE = 4096 };
enum { HELD_OFF = 1, HELD_ON = 2, HELD_IDLE = 4, HELD_MAP = 8, HELD_PROTECT = 16, HELD_USER = 32, HELD_WAITING = 64 };

static volatile uint32_t salt = 0x1234, held, rounds = 1; // poked and read by the tests; none of port.c's business
static volatile uint32_t ticks, faults, last_code, last_address;
extern uint8_t user_main[];
extern uint32_t user_words[];
static uint8_t frames[3][PAGE] __attribute__((aligned(4096)));
static uint8_t user_stack[PAGE] __attribute__((aligned(4096)));

static void print(const char *text)
{
    uint32_t n = 0;
    while (text[n]) n++;
    console_write(text, n);
}

static void claim(uint32_t bit, bool holds)
{
    if (holds) held |= bit;
}

LANDMARK void tick(void)
{
    ticks++;
    timer_again();
}

LANDMARK void kernel_trap(struct frame *f)
{
    if (f->vector == VECTOR_EVENT) {
        arch_event();
        return;
    }
    faults++;
    last_code = f->code;
    last_address = f->vector == VECTOR_PF ? fault_address() : 0;
    if (f->vector == VECTOR_PF && (f->code & 7) == 3 && last_address >= (uint32_t)frames && last_address < (uint32_t)frames + sizeof frames) {
        map(last_address & ~(PAGE - 1u), (void *)(last_address & ~(PAGE - 1u)), PTE_P | PTE_W); // it may after all
        return;
    }
    print("port: a trap nobody expected\n");
    power_off(false);
}

LANDMARK uint32_t system_call(uint32_t number, uint32_t value)
{
    if (!number) leave_user(value);
    return number + 1;
}

static void spin(uint32_t n)
{
    for (volatile uint32_t i = 0; i < n; i++) continue;
}

LANDMARK static void check_interrupts(void)
{
    timer_start();
    interrupts_on();
    bool on = interrupts_are_on();
    uint32_t before = ticks;
    for (uint32_t n = 0; ticks < before + 2 && n < 400; n++) spin(10000);
    claim(HELD_ON, on && ticks >= before + 2);
    interrupts_off();
    before = ticks;
    on = interrupts_are_on();
    spin(2000000); // some milliseconds
    claim(HELD_OFF, !on && ticks == before && before);
    interrupts_on(); // what waited comes here, and not when the next one happens to
    claim(HELD_WAITING, ticks > before && before);
    before = ticks;
    for (uint32_t n = 0; n < rounds; n++) idle();
    claim(HELD_IDLE, before && ticks >= before + rounds);
    interrupts_off();
}

LANDMARK static void check_memory(void)
{
    volatile uint32_t *a = (volatile uint32_t *)frames[0], *b = (volatile uint32_t *)frames[1];
    *a = salt;
    *b = ~salt;
    map((uint32_t)a, frames[1], PTE_P | PTE_W);
    bool good = *a == ~salt;
    map((uint32_t)a, frames[1], PTE_P);
    uint32_t before = faults;
    *a = salt + 1; // the handler opens the page; by its own address, so it is frame 0 again
    claim(HELD_PROTECT, faults == before + 1 && last_code == 3 && last_address == (uint32_t)a);
    map((uint32_t)a, frames[0], PTE_P | PTE_W);
    claim(HELD_MAP, good && *a == salt + 1 && *b == ~salt);
}

LANDMARK static void check_user(void)
{
    uint32_t want = 0;
    for (uint32_t n = 0; n < 4; n++) user_words[n] = (salt >> n & 0xFF) + 1, want += user_words[n] + 1;
    map((uint32_t)user_main, user_main, PTE_P | PTE_U);
    map((uint32_t)user_stack, user_stack, PTE_P | PTE_W | PTE_U);
    claim(HELD_USER, run_user((uint32_t)user_main, (uint32_t)user_stack + PAGE) == want);
}

void kernel_main(void)
{
    print("port: it speaks\n");
    check_memory();
    check_user();
    check_interrupts();
    print("port: done\n");
    power_off(held == 127);
}
