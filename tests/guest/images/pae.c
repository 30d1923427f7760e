// Paging with PAE: what faults and how, accessed and dirty, pages of 2 MB, frames beyond 4 GB, when PDPTEs are loaded.
//
// Idea: the same acts as in `paging`, on tables of 8-byte entries whose upper halves are the interesting part.
// Manual: Intel SDM volume 3, 4.4 (PAE paging; 4.4.1: loading of PDPTEs), 4.7 (error codes), 4.8 (A and D).
// Not here: NX, which no processor had then.
#include "probe.h"

enum { AREA = 0x00800000, CR4_PAE_BIT = 0x20, CR4_PGE_BIT = 0x80, PTE_GLOBAL = 0x100, PTE_LARGE = 0x80, ALL = 7 };

static uint64_t pdpt[4] __attribute__((aligned(32))), other_pdpt[4] __attribute__((aligned(32)));
static uint64_t directory[512] __attribute__((aligned(4096))), second[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t page_a[4096] __attribute__((aligned(4096))), page_b[4096] __attribute__((aligned(4096)));

static uint32_t cr(int n)
{
    uint32_t v;
    if (n == 0)
        __asm__ volatile("mov %0, cr0" : "=r"(v));
    else if (n == 3)
        __asm__ volatile("mov %0, cr3" : "=r"(v));
    else
        __asm__ volatile("mov %0, cr4" : "=r"(v));
    return v;
}
static void set_cr0(uint32_t v) { __asm__ volatile("mov cr0, %0" : : "r"(v) : "memory"); }
static void set_cr3(const void *v) { __asm__ volatile("mov cr3, %0" : : "r"(v) : "memory"); }
static void set_cr4(uint32_t v) { __asm__ volatile("mov cr4, %0" : : "r"(v) : "memory"); }
static void invlpg(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }
static uint32_t read32(uint32_t at) { return *(volatile uint32_t *)at; }
static void write32(uint32_t at, uint32_t v) { *(volatile uint32_t *)at = v; }

ACT(k_read, "mov eax, [0x800000]\nret");
ACT(k_write, "mov dword ptr [0x800000], eax\nret");
ACT(k_run, "mov eax, 0x800000\ncall eax\nret");
ACT(u_read, "mov eax, [0x800000]\n" USER_END);
ACT(u_write, "mov dword ptr [0x800000], eax\n" USER_END);
uint32_t new_cr3, new_cr4;
ACT(load_cr3, "mov eax, [new_cr3]\nmov cr3, eax\nret");
ACT(load_cr4, "mov eax, [new_cr4]\nmov cr4, eax\nret");
ACT(pg_on, "mov eax, cr0\nor eax, 0x80000000\nmov cr0, eax\nret");

// One access: "-" it came back, else the error code; then A and D of both entries.
static void cell(act *body, bool user)
{
    table[0] &= ~(uint64_t)0x60;
    directory[4] &= ~(uint64_t)0x60;
    set_cr3(pdpt);
    bool back = user ? attempt_user(body, 0) : attempt(body);
    print(" ");
    if (back)
        print("-");
    else if (caught.vector == VECTOR_PF)
        print_hex(caught.code, 1);
    else
        print(vector_name(caught.vector));
    print(directory[4] & 0x20 ? "A" : ".");
    print(directory[4] & 0x40 ? "D" : ".");
    print(table[0] & 0x20 ? "A" : ".");
    print(table[0] & 0x40 ? "D" : ".");
}

static void line(const char *name, uint64_t pde, uint64_t pte)
{
    directory[4] = pde;
    table[0] = pte;
    print(name);
    print(":");
    cell(k_read, false), cell(k_write, false);
    page_a[0] = 0xC3;
    cell(k_run, false), cell(u_read, true), cell(u_write, true);
    print("\n");
    directory[4] = 0;
}

static void accesses(void)
{
    uint64_t to_table = (uint32_t)table | ALL, page = (uint32_t)page_a | ALL;
    line("all", to_table, page);
    line("absent table", to_table & ~1ull, page);
    line("absent page", to_table, page & ~1ull);
    line("read-only page", to_table, page & ~2ull);
    line("read-only table", to_table & ~2ull, page);
    line("supervisor page", to_table, page & ~4ull);
    line("supervisor table", to_table & ~4ull, page);
    line("bit 63 of a page", to_table, page | 1ull << 63);
    line("bit 62 of a page", to_table, page | 1ull << 62);
    line("bit 52 of a page", to_table, page | 1ull << 52);
    line("bit 51 of a page", to_table, page | 1ull << 51);
    line("bit 51 of a table", to_table | 1ull << 51, page);
    line("bit 63 of a table", to_table | 1ull << 63, page);
    line("absent page, bit 63", to_table, (page & ~1ull) | 1ull << 63);
    line("2 MB page, bit 13", 0x202000 | ALL | PTE_LARGE, page);
    line("2 MB page, bit 20", 0x300000 | ALL | PTE_LARGE, page);
    line("bit 7 of a page", to_table, page | PTE_LARGE);
    set_cr0(cr(0) | CR0_WP);
    line("read-only page, WP", to_table, page & ~2ull);
    line("read-only table, WP", to_table & ~2ull, page);
    set_cr0(cr(0) & ~(uint32_t)CR0_WP);
}

static void places(void)
{
    directory[4] = 0x400000 | ALL | PTE_LARGE;
    set_cr3(pdpt);
    write32(0x400000 + 0x123450, 0x11223344);
    fact("2 MB page", read32(AREA + 0x123450));
    fact("  A, D", (uint32_t)directory[4] & 0x60);
    directory[4] = 0x600000 | ALL | PTE_LARGE;
    write32(0x600000 + 0x123450, 0x55667788);
    invlpg(AREA + 0x1FFFFF);
    fact("  moved, behind invlpg", read32(AREA + 0x123450));
    directory[4] = (uint32_t)table | ALL;
    table[3] = (uint32_t)page_b | ALL;
    set_cr3(pdpt);
    page_b[4] = 0x5A;
    fact("4 KB page", read32(AREA + 0x3004));
    table[3] = 0x300000000ull | ALL;
    set_cr3(pdpt);
    write32(AREA + 0x3004, 1);
    fact("beyond 4 GB", read32(AREA + 0x3004));
    directory[4] = 0x400000000ull | ALL | PTE_LARGE;
    set_cr3(pdpt);
    fact("2 MB beyond 4 GB", read32(AREA + 0x3004));
    directory[4] = 0;
    second[1] = 0x400000 | ALL | PTE_LARGE;
    fact("second gigabyte", read32(0x40200000 + 0x123450));
    table[5] = (uint32_t)page_a | ALL | PTE_GLOBAL;
    directory[4] = (uint32_t)table | ALL;
    set_cr4(cr(4) | CR4_PGE_BIT);
    page_a[8] = 0xA5;
    fact("global page", read32(AREA + 0x5008) & 0xFF);
    set_cr4(cr(4) & ~(uint32_t)CR4_PGE_BIT);
}

static void registers(void)
{
    pdpt[1] = 0;
    fact("a PDPTE cleared in memory is still used", read32(0x40200000 + 0x123450));
    set_cr3(pdpt);
    pdpt[1] = (uint32_t)second | 1;
    for (uint32_t i = 0; i < 4; i++)
        other_pdpt[i] = pdpt[i];
    static const struct { const char *name; uint64_t bits; } rows[] = {
        {"bit 1", 2}, {"bit 2", 4}, {"bit 5", 0x20}, {"bit 8", 0x100}, {"bit 9", 0x200}, {"bit 3", 8},
        {"bit 51", 1ull << 51}, {"bit 63", 1ull << 63}};
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        other_pdpt[2] = 1 | rows[i].bits;
        new_cr3 = (uint32_t)other_pdpt;
        outcome(rows[i].name, load_cr3);
        fact("  cr3 is the new one", cr(3) == new_cr3);
        set_cr3(pdpt);
    }
    other_pdpt[2] = ~1ull;
    new_cr3 = (uint32_t)other_pdpt;
    outcome("absent, all other bits", load_cr3);
    fact("cr3 keeps 32-byte alignment", cr(3) - (uint32_t)other_pdpt);
    set_cr3(pdpt);
    pdpt[2] = 1 | 2;
    new_cr4 = cr(4) ^ CR4_PGE_BIT;
    outcome("cr4 that loads a bad PDPTE", load_cr4);
    set_cr0(cr(0) & 0x7FFFFFFF);
    outcome("cr0 that loads a bad PDPTE", pg_on);
    fact("  PG", cr(0) >> 31);
    pdpt[2] = 0;
    outcome("cr0 that loads good ones", pg_on);
}

void kmain(void)
{
    probe_init();
    for (uint32_t i = 0; i < 4; i++)
        directory[i] = i << 21 | ALL | PTE_LARGE;
    pdpt[0] = (uint32_t)directory | 1;
    pdpt[1] = (uint32_t)second | 1;
    set_cr4(cr(4) | CR4_PAE_BIT);
    set_cr3(pdpt);
    set_cr0(cr(0) | 0x80000000);
    accesses();
    places();
    registers();
    set_cr0(cr(0) & 0x7FFFFFFF);
    set_cr4(cr(4) & ~(uint32_t)CR4_PAE_BIT);
    finish(true);
}
