// The machine of arch.h, for a bare PC: so it was written. Port it: each instruction that only ring 0 may execute becomes a call of the
// hypervisor (hypervisor.h), or a word of memory that both share. README.md says how each of them works.
#include "arch.h"
#include "hypervisor.h"

static void outb(uint16_t port, uint8_t value) { __asm__ volatile("out %0, %1" : : "Nd"(port), "a"(value) : "memory"); }

void arch_start(const struct start_info *start)
{
    (void)start;
    static struct { uint16_t limit; uint32_t base; } __attribute__((packed)) idt = { 0, 0 };
    __asm__ volatile("lidt %0" : : "m"(idt));
}

void console_write(const char *text, uint32_t length)
{
    while (length--) outb(0x3F8, (uint8_t)*text++);
}

void interrupts_off(void) { __asm__ volatile("cli" : : : "memory"); }
void interrupts_on(void) { __asm__ volatile("sti" : : : "memory"); }

bool interrupts_are_on(void)
{
    uint32_t flags;
    __asm__ volatile("pushf; pop %0" : "=r"(flags));
    return flags & 0x200;
}

void timer_start(void)
{
    outb(0x43, 0x34);
    outb(0x40, 0xA9);
    outb(0x40, 0x04);
}

void timer_again(void) { outb(0x20, 0x20); }
void idle(void) { __asm__ volatile("sti; hlt" : : : "memory"); }

void map(uint32_t at, const void *page, uint32_t rights)
{
    uint32_t directory;
    __asm__ volatile("mov %0, cr3" : "=r"(directory));
    uint32_t *table = (uint32_t *)(((uint32_t *)directory)[at >> 22] & ~0xFFFu);
    table[at >> 12 & 1023] = (uint32_t)page | rights;
    __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory");
}

uint32_t fault_address(void)
{
    uint32_t at;
    __asm__ volatile("mov %0, cr2" : "=r"(at));
    return at;
}

void arch_event(void) { tick(); }

void power_off(bool good)
{
    outb(0xF4, good ? 0 : 1);
    for (;;) __asm__ volatile("cli; hlt");
}
