// Address spaces: descriptor tables behind paging, many directories in turn, paging off and on.
//
// Idea: what a kernel changes in its tables must show in everything derived from them: copies of descriptors, copies of
// tables that are not loaded now, memory that was a table and is none any more.
// Manual: Intel SDM volume 3, 3.5.1 (tables in linear space), 4.10 (invalidation).
// Not here: rights, accessed and dirty (`paging`).
#include "probe.h"

enum { AREA = 0x00800000 };

static uint32_t table[1024] __attribute__((aligned(4096))); // for AREA
static uint8_t page_a[4096] __attribute__((aligned(4096))), page_b[4096] __attribute__((aligned(4096)));

static void invlpg(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }
static void load_cr3(const void *directory) { __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory"); }
static void flush(void) { __asm__ volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory"); }
static uint32_t read32(uint32_t at) { return *(volatile uint32_t *)at; }
static void write32(uint32_t at, uint32_t value) { *(volatile uint32_t *)at = value; }
static uint32_t peek(const volatile uint32_t *entry) { return *entry; }

ACT(k_change, "add dword ptr [0x800000], 1\nret");

static uint32_t faults, fault_log[4];
static void on_demand(struct trap_frame *f)
{
    uint32_t cr2;
    __asm__ volatile("mov %0, cr2" : "=r"(cr2));
    if (cr2 < AREA || cr2 >= AREA + 0x400000)
        trap_unexpected(f);
    fault_log[faults++ & 3] = (cr2 - AREA) << 8 | f->error_code;
    table[(cr2 >> 12) & 1023] = (uint32_t)page_b | 7; // no INVLPG: it was not present
}

// ---- descriptor tables behind paging ------------------------------------------------------------------------------

// The GDT is seen at AREA; the frame behind it is exchanged for one with another base in entry 6.
static void moving_gdt(void)
{
    struct descriptor *a = (struct descriptor *)page_a, *b = (struct descriptor *)page_b;
    static uint32_t one = 1, two = 2;
    struct table_register there = {sizeof gdt - 1, AREA}, back = {sizeof gdt - 1, (uint32_t)gdt};
    for (unsigned i = 0; i < GDT_ENTRIES; i++)
        a[i] = b[i] = gdt[i];
    a[6] = segment((uint32_t)&one, 3, ACCESS_DATA, false);
    b[6] = segment((uint32_t)&two, 3, ACCESS_DATA, false);
    table[0] = (uint32_t)page_a | 7;
    invlpg(AREA);
    __asm__ volatile("lgdt %0" : : "m"(there));
    uint32_t value[4];
    for (unsigned i = 0; i < 4; i++) {
        __asm__ volatile("mov ecx, 0x30\n\tmov fs, ecx\n\tmov %0, fs:[0]" : "=r"(value[i]) : : "ecx", "memory");
        table[0] = (uint32_t)(i & 1 ? page_a : page_b) | 7;
        invlpg(AREA);
    }
    fact2("GDT remapped", value[0], value[1]);
    fact2("and again", value[2], value[3]);
    b[6] = segment((uint32_t)&one, 3, ACCESS_DATA, false); // a store to the frame that is not the table
    a[6] = segment((uint32_t)&two, 3, ACCESS_DATA, false); // and to the one that is
    __asm__ volatile("mov ecx, 0x30\n\tmov fs, ecx\n\tmov %0, fs:[0]" : "=r"(value[0]) : : "ecx", "memory");
    fact("changed by its frame", value[0]);
    // Entry 6 on a page of its own that is not mapped: loading it is a page fault, then the load is repeated.
    struct table_register split = {sizeof gdt - 1, AREA + 0x1000 - 6 * 8};
    for (unsigned i = 0; i < 6; i++)
        *(struct descriptor *)&page_a[0x1000 - 6 * 8 + i * 8] = gdt[i];
    b[0] = segment((uint32_t)&two, 3, 0x92, false);
    table[0] = (uint32_t)page_a | 7;
    table[1] = 0;
    flush();
    __asm__ volatile("lgdt %0" : : "m"(split));
    ACT(load_fs, "mov eax, 0x30\nmov fs, eax\nret");
    trap_handlers[VECTOR_PF] = on_demand;
    faults = 0;
    __asm__ volatile("call load_fs\n\tmov %0, fs:[0]" : "=r"(value[0]) : : "eax", "memory");
    fact2("GDT on demand", value[0], fault_log[0]);
    fact2("  accessed, dirty", b[0].high >> 8 & 1, peek(&table[1]) & 0xFFF);
    probe_arm();
    __asm__ volatile("lgdt %0\n\txor eax, eax\n\tmov fs, eax" : : "m"(back) : "eax");
}

// ---- many address spaces ------------------------------------------------------------------------------------------

enum { SPACES = 64, POOL = 0x00500000 };
static void many_spaces(void)
{
    for (unsigned i = 0; i < SPACES; i++) {
        uint32_t *directory = (uint32_t *)(POOL + i * 0x3000), *t = directory + 1024, *page = t + 1024;
        for (unsigned k = 0; k < 1024; k++) {
            directory[k] = page_directory[k];
            t[k] = 0;
        }
        t[0] = (uint32_t)page | 7;
        t[i] = (uint32_t)page | 7;
        page[0] = i * 0x01010101;
        directory[2] = (uint32_t)t | 7;
    }
    uint32_t sum = 0;
    for (unsigned round = 0; round < 3; round++)
        for (unsigned n = 0; n < SPACES; n++) {
            unsigned i = n * (round * 2 + 1) % SPACES;
            load_cr3((uint32_t *)(POOL + i * 0x3000));
            sum = sum * 31 + read32(AREA + (i << 12));
            write32(AREA, read32(AREA) + round);
            if (i) // the previous space's page is not here
                sum += attempt(k_change) * 7;
        }
    fact("64 address spaces", sum);
    load_cr3(page_directory);
    sum = 0;
    for (unsigned i = 0; i < SPACES; i++) {
        uint32_t *directory = (uint32_t *)(POOL + i * 0x3000), *t = directory + 1024;
        sum = sum * 17 + (directory[2] & 0xFFF) + (t[0] & 0xFFF) + (t[i] & 0xFFF) + t[1024];
    }
    fact("their entries", sum);
    for (unsigned i = 0; i < SPACES * 0xC00; i++) // and now it is ordinary memory
        ((volatile uint32_t *)POOL)[i] = i;
    sum = 0;
    for (unsigned i = 0; i < SPACES * 0xC00; i++)
        sum = sum * 33 + ((volatile uint32_t *)POOL)[i];
    fact("reused as data", sum);
}

// ---- paging off and on --------------------------------------------------------------------------------------------

static void off_and_on(void)
{
    uint32_t cr0;
    for (unsigned i = 0; i < 1024; i++)
        table[i] = 0;
    table[0] = (uint32_t)page_a | 7;
    flush();
    write32((uint32_t)page_a, 0x0A0A0A0A);
    write32(AREA + 0, 0x0A0A0A0B);
    fact("paging on", read32(AREA));
    __asm__ volatile("mov %0, cr0" : "=r"(cr0));
    __asm__ volatile("mov cr0, %0" : : "r"(cr0 & ~CR0_PG) : "memory");
    write32(AREA, 0x88888888);
    fact2("paging off", read32(AREA), read32((uint32_t)page_a));
    table[0] = (uint32_t)page_b | 7;
    write32((uint32_t)page_b, 0x0B0B0B0B);
    __asm__ volatile("mov cr0, %0" : : "r"(cr0) : "memory");
    fact2("paging on", read32(AREA), read32((uint32_t)page_a));
    fact("entry", peek(&table[0]) & 0xFFF);
}

// ---- a program at address 0 -----------------------------------------------------------------------------------------

// As in kernels for teaching: its first page is page 0, and what it executes there no ring may trap.
ACT(u_silent, "smsw cx\nmov byte ptr [0x800], 1\n" USER_END);

static void page_nought(void)
{
    for (unsigned i = 0; i < 16; i++)
        page_a[i] = ((const volatile uint8_t *)u_silent)[i];
    page_a[0x800] = 0;
    page_directory[0] |= 4;
    low_table[0] = (uint32_t)page_a | 7;
    flush();
    act *volatile nought = (act *)0;
    bool back = attempt_user(nought, 0);
    fact2("a program at 0", back, page_a[0x800]);
    low_table[0] = 0;
    flush();
}

void kmain(void)
{
    probe_init();
    paging_init();
    __asm__ volatile("mov eax, cr4\n\tor eax, 0x10\n\tmov cr4, eax" : : : "eax"); // PSE
    page_directory[1] = 0x00400000 | PTE_P | PTE_RW | PDE_4MB;
    page_directory[2] = (uint32_t)table | 7;
    paging_on();
    moving_gdt();
    many_spaces();
    off_and_on();
    page_nought();
    finish(true);
}
