// Paging: the first 4 MB, linear = physical, in 4 KB pages.
//
// Idea: with an identity map, the instruction after the one that sets CR0.PG lies where it lay before, so switching
// paging on goes unnoticed. CR0.WP makes read-only pages read-only for the kernel, too.
// Manual: Intel SDM volume 3, 4.3.
// Not here: PAE; 4 MB pages are shown by the guest `fault`.
#include "lib/guest.h"

uint32_t page_directory[1024] __attribute__((aligned(4096)));
uint32_t low_table[1024] __attribute__((aligned(4096)));

extern uint8_t __text_start[], __text_end[]; // from guest.ld

void paging_init(void)
{
    for (uint32_t page = 1; page < 1024; page++) {
        uint32_t address = page << 12;
        bool code = address >= (uint32_t)__text_start && address < (uint32_t)__text_end;
        low_table[page] = address | PTE_P | (code ? 0 : PTE_RW);
    }
    page_directory[0] = (uint32_t)low_table | PTE_P | PTE_RW;
}

void paging_on(void)
{
    uint32_t cr0;
    __asm__ volatile("mov cr3, %0" : : "r"(page_directory) : "memory");
    __asm__ volatile("mov %0, cr0" : "=r"(cr0));
    __asm__ volatile("mov cr0, %0" : : "r"(cr0 | CR0_PG | CR0_WP) : "memory");
}
