// Guest `labflags`: a kernel that checks what its translator makes of CLI, STI, PUSHF and POPF.
//
// Idea: each check sets a bit of `held` if all was as the manual says: interrupts, the flags that have nothing to do with them, registers,
// the words on the stack. A laboratory (scenarios/labs/translation) gives the translator's rules in Lua and looks at `held`; on a bare
// machine all are set. `salt` is a number that the laboratory pokes in; `rounds` critical sections are entered and left, for their price.
// Manual: Intel SDM volume 2, CLI, STI, PUSHF, POPF; volume 3, 6.8.1 (STI holds interrupts off for one instruction).
// Not here: user programs, TF, virtual-8086 mode; the other sensitive instructions (guest `sens19` has them).
#include "lib/guest.h"

enum {
    HELD_CLI = 1, HELD_STI = 2, HELD_PUSHF = 4, HELD_POPF = 8, HELD_FLAGS = 16, HELD_REGISTERS = 32, HELD_STACK = 64, HELD_ARITHMETIC = 128,
    HELD_WAITING = 256, HELD_WAITING_POPF = 512, HELD_IOPL = 1024
};
enum { ARITHMETIC = 0x8D5, IF = EFLAGS_IF };

volatile uint32_t salt = 0x12345678, rounds = 0;
volatile uint32_t held;
static volatile uint32_t ticks;

static void tick(struct trap_frame *frame)
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

static uint32_t flags(void)
{
    uint32_t f;
    __asm__ volatile("pushf; pop %0" : "=r"(f) : : "memory");
    return f;
}

static void set_flags(uint32_t f) { __asm__ volatile("push %0; popf" : : "r"(f) : "memory", "cc"); }

LANDMARK void check_interrupts(void)
{
    __asm__ volatile("sti; nop; cli");
    uint32_t before = ticks;
    bool off = !(flags() & IF);
    pit_wait_periods(3);
    claim(HELD_CLI, ticks == before && off);
    __asm__ volatile("sti");
    bool on = flags() & IF;
    pit_wait_periods(3);
    claim(HELD_STI, ticks > before && on);
    claim(HELD_PUSHF, off && on);
    set_flags(EFLAGS_ALWAYS);
    before = ticks;
    off = !(flags() & IF);
    pit_wait_periods(3);
    bool good = off && ticks == before;
    set_flags(EFLAGS_ALWAYS | IF);
    on = flags() & IF;
    pit_wait_periods(3);
    claim(HELD_POPF, good && on && ticks > before);
}

// A tick that came while IF was 0 comes as soon as it is 1; STI lets one more instruction go first.
LANDMARK void check_waiting(void)
{
    uint32_t seen, later;
    __asm__ volatile("cli");
    pit_wait_periods(2);
    uint32_t before = ticks;
    __asm__ volatile("sti; mov %0, [%2]; nop; nop; mov %1, [%2]; cli" : "=&r"(seen), "=&r"(later) : "r"(&ticks) : "memory");
    claim(HELD_WAITING, seen == before && later == before + 1);
    pit_wait_periods(2);
    before = ticks;
    __asm__ volatile("push %1; popf; nop; mov %0, [%2]; cli" : "=&r"(later) : "r"(EFLAGS_ALWAYS | IF), "r"(&ticks) : "memory", "cc");
    claim(HELD_WAITING_POPF, later == before + 1);
}

// What has nothing to do with IF is left alone.
LANDMARK void check_rest(void)
{
    bool same = true, registers = true;
    for (uint32_t n = 0; n < 32; n++) {
        uint32_t want = ((n & 1) | (n & 2) << 1 | (n & 4) << 2 | (n & 8) << 3 | (n & 16) << 3) | EFLAGS_ALWAYS, a, b, c, d, image, top;
        __asm__ volatile("push %6; popf\n\tmov eax, %7; mov ecx, %7; mov edx, %7; mov ebx, %7\n\tnot ecx\n\tcli; sti; pushf; cli\n\t"
                         "mov %5, esp\n\tpop %4\n\tpushf\n\tpop esi"
                         : "=&a"(a), "=&c"(c), "=&d"(d), "=&b"(b), "=&D"(image), "=&S"(top)
                         : "m"(want), "m"(salt) : "memory", "cc");
        same = same && (image & ARITHMETIC) == (want & ARITHMETIC) && (image & IF) && (top & ARITHMETIC) == (want & ARITHMETIC) && !(top & IF);
        registers = registers && a == salt && c == ~salt && d == salt && b == salt;
    }
    claim(HELD_FLAGS, same);
    claim(HELD_REGISTERS, registers);

    uint32_t words[4];
    __asm__ volatile("push %1; push %1; pushf; add esp, 4; pop eax; mov [%0], eax; pop eax; mov [%0 + 4], eax\n\t"
                     "push %1; push %2; popf; pop eax; mov [%0 + 8], eax"
                     : : "r"(words), "r"(salt), "r"(EFLAGS_ALWAYS) : "eax", "memory", "cc");
    claim(HELD_STACK, words[0] == salt && words[1] == salt && words[2] == salt);
    bool good = true;
    for (uint32_t n = 0; n < 12; n++) {
        uint32_t f = (1u << n & ARITHMETIC) | EFLAGS_ALWAYS;
        uint32_t seen;
        __asm__ volatile("push %1; popf; pushf; pop %0" : "=&r"(seen) : "r"(f) : "memory", "cc");
        good = good && (seen & ARITHMETIC) == (f & ARITHMETIC);
    }
    claim(HELD_ARITHMETIC, good);
    set_flags(EFLAGS_ALWAYS | EFLAGS_IOPL);
    uint32_t f = flags();
    set_flags(EFLAGS_ALWAYS);
    claim(HELD_IOPL, (f & EFLAGS_IOPL) == EFLAGS_IOPL && !(flags() & EFLAGS_IOPL));
}

// As a kernel protects what its interrupt handlers use, too.
LANDMARK void critical_sections(uint32_t count)
{
    static volatile uint32_t counter;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t f;
        __asm__ volatile("pushf; pop %0; cli" : "=r"(f) : : "memory");
        counter++;
        __asm__ volatile("push %0; popf" : : "r"(f) : "memory", "cc");
        __asm__ volatile("cli; sti" : : : "memory");
    }
    __asm__ volatile("cli");
}

LANDMARK void kmain(void)
{
    serial_init();
    print("labflags\n");
    tables_init();
    tables_load();
    trap_handlers[VECTOR_TIMER] = tick;
    paging_init();
    paging_on();
    pic_init();
    pit_start();
    pic_unmask_timer();
    check_interrupts();
    check_waiting();
    pic_mask_all();
    check_rest();
    critical_sections(rounds);
    print("labflags: done\n");
    finish(held == 2047);
}
