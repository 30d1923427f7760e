/* What the bench kernels share: ports, one line of output, a ring-0 world with its own GDT, IDT, TSS and page tables.
 *
 * Every kernel is a Multiboot ELF that does a fixed amount of work (scaled by ROUNDS at compile time), prints a check sum
 * on COM1 and port E9 and leaves through port F4 (QEMU: isa-debug-exit; Bochs: port 8900h). */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 1
#endif

static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory"); }
static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

/* The kernel's work; the result goes into the check sum. */
uint32_t work(void);

extern uint32_t directory[1024], tables[32][1024]; /* tables: the first 128 MB, identity */
void paging_on(void);                             /* fills and loads them: writable, user */
static inline void load_cr3(uint32_t v) { __asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory"); }
static inline void invlpg(uint32_t at) { __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory"); }

enum { SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_USER_CODE = 0x1B, SEL_USER_DATA = 0x23, SEL_TSS = 0x28 };
void gate(unsigned vector, const void *entry, unsigned dpl);

#endif
