// A page directory that maps itself in its last entry, so that all tables are seen at FFC00000-FFFFFFFF.
//
// Idea: many real kernels keep their tables there. Under a hypervisor it is the very place where its window lies, so
// every access has to be refused by the shortened segments and done on the guest's behalf, unseen.
// Manual: Intel SDM volume 3, 4.3, 4.8 (accessed and dirty); 5.3 (limits).
// Not here: rights and TLB rules in general (image `paging`).
#include "probe.h"

#define TABLES ((volatile uint32_t *)0xFFC00000u)    // the PTE of address a is TABLES[a >> 12]
#define DIRECTORY ((volatile uint32_t *)0xFFFFF000u) // the PDE of address a is DIRECTORY[a >> 22]

enum { AREA = 0x00800000, FRAME_TABLE = 0x00600000, FRAME_A = 0x00601000, FRAME_B = 0x00602000, BITS = 0xFFF };

static void invlpg(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }
static uint32_t read32(uint32_t at) { return *(volatile uint32_t *)at; }
static void write32(uint32_t at, uint32_t value) { *(volatile uint32_t *)at = value; }

static void fill32(volatile uint32_t *to, uint32_t value, uint32_t count)
{
    __asm__ volatile("rep stosd" : "+D"(to), "+c"(count) : "a"(value) : "memory");
}

// The low 16 MB with 4 KB pages would need four tables; two do: 0-4 MB from the library, 4-8 MB here.
static uint32_t second_table[1024] __attribute__((aligned(4096)));

static void paging_recursive(void)
{
    paging_init();
    for (uint32_t page = 0; page < 1024; page++)
        second_table[page] = (0x400000 + (page << 12)) | PTE_P | PTE_RW;
    page_directory[1] = (uint32_t)second_table | PTE_P | PTE_RW;
    page_directory[1023] = (uint32_t)page_directory | PTE_P | PTE_RW;
    paging_on();
}

static void show(const char *name, uint32_t at)
{
    fact2(name, DIRECTORY[at >> 22] & BITS, TABLES[at >> 12] & BITS);
}

ACT(read_area, "mov eax, [0x800010]\nret");
ACT(write_area, "mov dword ptr [0x800014], 1\nret");

static void map_and_unmap(void)
{
    outcome("no table yet", read_area);
    DIRECTORY[AREA >> 22] = FRAME_TABLE | PTE_P | PTE_RW;
    fill32(&TABLES[AREA >> 12], 0, 1024);
    fact("a directory entry, written through the window", DIRECTORY[AREA >> 22] & BITS);
    outcome("an empty table", read_area);
    TABLES[AREA >> 12] = FRAME_A | PTE_P | PTE_RW;
    show("mapped", AREA);
    outcome("read", read_area);
    show("after read", AREA);
    write32(AREA + 0x10, 0x11111111);
    show("after write", AREA);
    fact("seen at its frame", read32(FRAME_A + 0x10));
    write32(FRAME_B + 0x10, 0x22222222);
    TABLES[AREA >> 12] = FRAME_B | PTE_P | PTE_RW;
    invlpg(AREA);
    fact("remapped", read32(AREA + 0x10));
    show("after remap and read", AREA);
    TABLES[AREA >> 12] = FRAME_B | PTE_P;
    invlpg(AREA);
    outcome("read-only, write", write_area);
    TABLES[AREA >> 12] = 0;
    invlpg(AREA);
    outcome("unmapped", read_area);
    TABLES[AREA >> 12] = FRAME_A | PTE_P | PTE_RW | PTE_A | PTE_D;
    invlpg(AREA);
    TABLES[AREA >> 12] &= ~(uint32_t)(PTE_A | PTE_D);
    invlpg(AREA);
    show("A and D cleared", AREA);
    fact("still there", read32(AREA + 0x10));
    show("A again", AREA);
}

// Instructions that read, change and write an entry in one go, and string moves between tables.
static void entries_in_place(void)
{
    volatile uint32_t *entry = &TABLES[(AREA >> 12) + 5];
    uint32_t old = 0x601007, zero = 0, high = 0;
    *entry = 0;
    __asm__ volatile("lock cmpxchg %1, %2" : "+a"(zero), "+m"(*entry) : "r"(old) : "memory");
    fact2("cmpxchg", zero, *entry);
    __asm__ volatile("lock bts dword ptr %0, 9" : "+m"(*entry));
    __asm__ volatile("lock or dword ptr %0, 0x400" : "+m"(*entry));
    fact("bts, or", *entry);
    __asm__ volatile("lock xadd %0, %1" : "+m"(*entry), "+r"(old));
    fact2("xadd", old, *entry);
    __asm__ volatile("xchg %0, %1" : "+r"(zero), "+m"(*entry));
    fact2("xchg", zero, *entry);
    entry[1] = 0x600000 | 3;
    entry[2] = 0x605000 | 3;
    zero = 0x600003;
    high = 0x605003;
    __asm__ volatile("lock cmpxchg8b %2" : "+a"(zero), "+d"(high), "+m"(*(volatile uint64_t *)&entry[1])
                     : "b"(0x602003), "c"(0x603003) : "memory");
    fact2("cmpxchg8b", entry[1], entry[2]);
    volatile uint32_t *from = &TABLES[(AREA >> 12) + 5], *to = &TABLES[(AREA >> 12) + 0x100];
    uint32_t count = 3;
    __asm__ volatile("rep movsd" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    fact2("moved", (uint32_t)from, (uint32_t)to);
    fact2("copies", TABLES[(AREA >> 12) + 0x101], TABLES[(AREA >> 12) + 0x102]);
    write32(FRAME_B + 4, 0xB0B0B0B0);
    fact("through a copied entry", read32(AREA + 0x101004));
    TABLES[(AREA >> 12) + 5] = 0;
    *(volatile uint8_t *)&TABLES[(AREA >> 12) + 5] = 3;
    *(volatile uint16_t *)((uintptr_t)&TABLES[(AREA >> 12) + 5] + 1) = 0x6010; // unaligned: bits 8-23
    write32(FRAME_A + 8, 0xABCDEF01);
    fact("built byte by byte", read32(AREA + 0x5008));
}

// FFBFF000 is the last page below the tables: accesses that straddle the border.
ACT(straddle_read, "mov eax, [0xFFBFFFFE]\nret");
ACT(straddle_add, "add dword ptr [0xFFBFFFFD], 0x01000000\nret");

static void border(void)
{
    outcome("border, lower page absent", straddle_read);
    DIRECTORY[1022] = FRAME_TABLE | PTE_P | PTE_RW;
    TABLES[0xFFBFF] = FRAME_A | PTE_P | PTE_RW;
    write32(FRAME_A + 0xFFC, 0x77665544);
    outcome("border, both present", straddle_read);
    uint32_t value;
    __asm__ volatile("mov %0, [0xFFBFFFFE]" : "=r"(value));
    fact("border, value", value);
    uint32_t before = TABLES[0];
    outcome("border, add", straddle_add);
    fact2("border, upper and lower", TABLES[0] - before, read32(0xFFBFFFFC));
    TABLES[0] = before;
    invlpg(0);
}

// A page table page whose words are instructions: table 900h of the window is FRAME_B.
static void code_in_the_window(void)
{
    static const uint8_t code[] = {0x8B, 0x44, 0x24, 0x04, 0x01, 0xC0, 0x50, 0x58, 0x40, 0xC3}; // eax = 2 arg + 1
    uint8_t *to = (uint8_t *)FRAME_B;
    for (unsigned i = 0; i < sizeof code; i++)
        to[i] = code[i];
    DIRECTORY[0x240] = FRAME_B | PTE_P | PTE_RW;
    uint32_t (*twice)(uint32_t) = (uint32_t (*)(uint32_t))0xFFE40000u;
    fact("code in the window", twice(0x1234));
    to[4] = 0x29; // SUB
    fact("changed code in the window", twice(0x1234));
    DIRECTORY[0x240] = 0;
    invlpg(0xFFE40000);
}

// The stack in the window: pushes, a call, and a fault that is delivered there.
ACT(stack_in_the_window,
    "mov ebx, esp\nmov esp, 0xFFE40800\npush 0x1234\ncall 1f\npop eax\nmov esp, ebx\nret\n1: add dword ptr [esp + 4], 1\nret");
ACT(fault_on_it, "mov esp, 0xFFE40800\npush 0x77\nmov eax, [0x400000 + 0x400000 * 4]\nhlt");

static void window_stack(void)
{
    DIRECTORY[0x240] = FRAME_B | PTE_P | PTE_RW;
    outcome("stack in the window", stack_in_the_window);
    fact2("what it left", read32(FRAME_B + 0x7FC), read32(FRAME_B + 0x7F8) - (uint32_t)stack_in_the_window);
    outcome("fault on that stack", fault_on_it);
    fact2("its frame", read32(FRAME_B + 0x7FC), read32(FRAME_B + 0x7F0) - (uint32_t)fault_on_it);
    DIRECTORY[0x240] = 0;
    invlpg(0xFFE40000);
}

ACT(user_reads_tables, "mov eax, [0xFFC00000]\n" USER_END);
ACT(user_writes_directory, "mov dword ptr [0xFFFFFFF4], 0\n" USER_END);
ACT(user_pushes_there, "mov esp, 0xFFFFF800\npush eax\n" USER_END);
ACT(user_jumps_there, "mov eax, 0xFFC00000\njmp eax\n" USER_END);

static void from_user_mode(void)
{
    for (uint32_t page = 0x100; page < 0x140; page++)
        TABLES[page] |= PTE_US;
    DIRECTORY[0] |= PTE_US;
    __asm__ volatile("mov eax, cr3\nmov cr3, eax" : : : "eax", "memory");
    outcome_user("user reads the tables", user_reads_tables, 0);
    outcome_user("user writes the directory", user_writes_directory, 0);
    outcome_user("user pushes there", user_pushes_there, 0);
    outcome_user("user jumps there", user_jumps_there, 0);
    DIRECTORY[1023] |= PTE_US; // now the window is as open as the entries say
    __asm__ volatile("mov eax, cr3\nmov cr3, eax" : : : "eax", "memory");
    outcome_user("opened: user reads the tables", user_reads_tables, 0);
    outcome_user("opened: user writes the directory", user_writes_directory, 0);
    DIRECTORY[1023] &= ~(uint32_t)PTE_US;
    __asm__ volatile("mov eax, cr3\nmov cr3, eax" : : : "eax", "memory");
}

void kmain(void)
{
    probe_init();
    paging_recursive();
    show("first look", 0x100000);
    fact("directory entry of the directory", DIRECTORY[1023] & BITS);
    fact("the same as a table entry", TABLES[0xFFFFF] & BITS);
    map_and_unmap();
    entries_in_place();
    border();
    code_in_the_window();
    window_stack();
    from_user_mode();
    finish(true);
}
