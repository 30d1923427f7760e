/* Entry, tables, paging, the end. See bench.h. */
#include "tests/bench/bench.h"

uint32_t directory[1024] __attribute__((aligned(4096)));
uint32_t tables[32][1024] __attribute__((aligned(4096)));
static uint64_t gdt[6], idt[256];
static uint32_t tss[26];
static uint8_t trap_stack[4096] __attribute__((aligned(16)));

__asm__(".section .multiboot, \"a\"\n .long 0x1BADB002, 0, -0x1BADB002\n"
        ".text\n .globl _start\n _start: cli; cld; movl $stack_top, %esp; pushl $0; popfl; call start\n"
        ".bss\n .balign 16\n .skip 65536\n stack_top:\n .text\n");

static void text(const char *s)
{
    for (; *s; s++) {
        outb(0x3F8, (uint8_t)*s);
        outb(0xE9, (uint8_t)*s);
    }
}

static void hex(uint32_t v)
{
    for (int s = 28; s >= 0; s -= 4) {
        char d[2] = { "0123456789abcdef"[v >> s & 15], 0 };
        text(d);
    }
}

static uint64_t segment(uint32_t base, uint32_t limit, uint32_t access, uint32_t flags)
{
    return (uint64_t)((base & 0xFF000000u) | flags << 20 | (limit & 0xF0000u) | access << 8 | (base >> 16 & 0xFF)) << 32 |
           (base << 16 | (limit & 0xFFFF));
}

void gate(unsigned vector, const void *entry, unsigned dpl)
{
    uint32_t at = (uint32_t)entry;
    idt[vector] = (uint64_t)((at & 0xFFFF0000u) | 0x8E00 | dpl << 13) << 32 | SEL_CODE << 16 | (at & 0xFFFF);
}

static void tables_load(void)
{
    gdt[1] = segment(0, 0xFFFFF, 0x9B, 0xC);
    gdt[2] = segment(0, 0xFFFFF, 0x93, 0xC);
    gdt[3] = segment(0, 0xFFFFF, 0xFB, 0xC);
    gdt[4] = segment(0, 0xFFFFF, 0xF3, 0xC);
    gdt[5] = segment((uint32_t)tss, sizeof tss - 1, 0x89, 0);
    tss[1] = (uint32_t)(trap_stack + sizeof trap_stack);
    tss[2] = SEL_DATA;
    struct __attribute__((packed)) { uint16_t limit; uint32_t base; } g = { sizeof gdt - 1, (uint32_t)gdt },
                                                                     i = { sizeof idt - 1, (uint32_t)idt };
    __asm__ volatile("lgdt %0; lidt %1; ljmp $0x08, $1f; 1: mov %w2, %%ds; mov %w2, %%es; mov %w2, %%ss;"
                     "mov %w2, %%fs; mov %w2, %%gs; ltr %w3" : : "m"(g), "m"(i), "r"(SEL_DATA), "r"(SEL_TSS) : "memory");
}

void paging_on(void)
{
    for (uint32_t t = 0; t < 32; t++) {
        directory[t] = (uint32_t)tables[t] | 7;
        for (uint32_t p = 0; p < 1024; p++) tables[t][p] = t << 22 | p << 12 | 7;
    }
    load_cr3((uint32_t)directory);
    __asm__ volatile("movl %%cr0, %%eax; orl $0x80010000, %%eax; movl %%eax, %%cr0" : : : "eax", "memory");
}

__attribute__((used)) static void start(void)
{
    tables_load();
    hex(work());
    text("\n");
    outb(0xF4, 0);
    for (const char *s = "Shutdown"; *s; s++) outb(0x8900, (uint8_t)*s); /* Bochs: power off */
    for (;;) __asm__ volatile("cli; hlt");
}
