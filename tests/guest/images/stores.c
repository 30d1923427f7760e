// Stores to page tables by single instructions again and again, to one table, then to another, to one that moved, to no table at all.
//
// Idea: whoever learns what an instruction stores to (a translator) must notice each time that it is something else now. After each
// store the page is read through the entry, so what follows page tables must have followed, too.
// Manual: Intel SDM volume 3, 4.10 (INVLPG). Not here: entries of large pages, PAE.
#include "probe.h"

enum { PAGES = 0x300000, TIMES = 24 };
static uint32_t tables[3][1024] __attribute__((aligned(4096)));
uint32_t place, value;

#define STORE(name, code) ACT(name, "pushad\n mov edi, [place]\n mov eax, [value]\n" code "\n popad\n ret\n")
STORE(plain, "mov [edi], eax");
STORE(behind, "lea esi, [edi - 64]\n mov [esi + 64], eax");
STORE(by_ecx, "mov ecx, edi\n mov [ecx], eax");
STORE(of_ecx, "mov ecx, eax\n mov [edi], ecx");
STORE(indexed, "mov ebx, edi\n and edi, 4095\n sub ebx, edi\n shr edi, 2\n mov [ebx + edi * 4], eax");
STORE(on_stack, "mov ebp, esp\n mov esp, edi\n mov [esp], eax\n mov esp, ebp");
STORE(exchange, "xchg [edi], eax");
STORE(bits, "and dword ptr [edi], 0\n or [edi], eax");
static const struct { const char *name; act *store; } stores[] = {
    { "plain", plain }, { "behind", behind }, { "by ecx", by_ecx }, { "of ecx", of_ecx }, { "indexed", indexed },
    { "on the stack", on_stack }, { "exchange", exchange }, { "bits", bits },
};

static void flush(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }

// Entry n of a table that maps 4 MB from `base` on is set and taken away, by turns.
static uint32_t use(act *store, uint32_t *table, uint32_t base)
{
    uint32_t sum = 0;
    for (uint32_t n = 0; n < TIMES; n++) {
        uint32_t page = base + (n % 5 << 12);
        place = (uint32_t)&table[n % 5];
        value = n % 3 == 2 ? 0 : (PAGES + ((n * 7 + base / 0x400000) % 16 << 12)) | PTE_P | PTE_RW | (n & 1 ? PTE_A | PTE_D : 0);
        store();
        flush(page);
        sum = sum * 31 + (value & PTE_P ? *(volatile uint32_t *)page : 1);
        sum = sum * 31 + (table[n % 5] & ~(uint32_t)(PTE_A | PTE_D));
    }
    return sum;
}

// The linear page of table 0 shows table `which`.
static void move(int which)
{
    uint32_t at = (uint32_t)tables[0];
    low_table[at >> 12] = (uint32_t)tables[which] | PTE_P | PTE_RW;
    flush(at);
    page_directory[1] = (uint32_t)tables[which] | PTE_P | PTE_RW;
    __asm__ volatile("mov eax, cr3\n mov cr3, eax" : : : "eax", "memory");
}

static void measure(const char *name, act *store)
{
    fact2(name, use(store, tables[0], 0x400000), use(store, tables[0], 0x400000));
    fact2(name, use(store, tables[1], 0x800000), use(store, tables[0], 0x400000)); // by turns from now on
    move(2);
    fact2(name, use(store, tables[0], 0x400000), tables[2][1] & ~(uint32_t)(PTE_A | PTE_D));
    move(0);
    fact2(name, use(store, tables[0], 0x400000), use(store, tables[1], 0x800000));
    uint32_t data = PAGES + 0xF000; // and to a page that is none
    for (int n = 0; n < 4; n++) {
        place = data + 64;
        value = (uint32_t)n << 8;
        store();
        fact("a page of data", *(volatile uint32_t *)place);
    }
}

// One that has stored to a single table: then half a gigabyte beyond it, where nothing is, and at the table's last bytes.
STORE(single, "mov [edi], eax");
static void wild(void)
{
    fact2("single", use(single, tables[0], 0x400000), use(single, tables[0], 0x400000));
    value = 0;
    for (uint32_t far = 0x20000000; far; far += 0x20000000) {
        place = (uint32_t)tables[0] + far;
        outcome("far away", single);
        fact2("there", caught.cr2 - place, caught.edi - place);
    }
    place = (uint32_t)tables[0] + 4094; // half of it in the next table
    value = 0x12345678;
    outcome("across", single);
    fact2("across", tables[0][1023], tables[1][0]);
    fact2("single", use(single, tables[0], 0x400000), use(single, tables[1], 0x800000));
}

void kmain(void)
{
    probe_init();
    paging_init();
    for (uint32_t n = 0; n < 16; n++)
        *(volatile uint32_t *)(PAGES + (n << 12)) = 0x1000 + n;
    page_directory[1] = (uint32_t)tables[0] | PTE_P | PTE_RW;
    page_directory[2] = (uint32_t)tables[1] | PTE_P | PTE_RW;
    paging_on();
    for (unsigned n = 0; n < sizeof stores / sizeof stores[0]; n++)
        measure(stores[n].name, stores[n].store);
    wild();
    finish(true);
}
