// Paging: rights in every combination, accessed and dirty, large pages, tables that are shared, aliased and data at once.
//
// Idea: kernels do odd things to their tables. A hypervisor that keeps copies must follow all of them, and set A and D
// where the processor would have. Nothing here depends on a stale translation: each change is followed by the
// invalidation that the manual asks for.
// Manual: Intel SDM volume 3, 4.3 (tables), 4.6 (rights), 4.7 (error codes), 4.8 (A and D), 4.10 (invalidation).
// Not here: tables seen through the directory itself (`recursive`), many directories (`spaces`), code (`code`).
#include "probe.h"

enum { AREA = 0x00800000, CR4_PGE_BIT = 0x80, PTE_GLOBAL = 0x100 };

static uint32_t table[1024] __attribute__((aligned(4096)));    // for AREA
static uint32_t second_directory[1024] __attribute__((aligned(4096)));
static uint32_t second_table[1024] __attribute__((aligned(4096)));
static uint8_t page_a[4096] __attribute__((aligned(4096))), page_b[4096] __attribute__((aligned(4096)));

static void invlpg(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }
static void load_cr3(const void *directory) { __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory"); }
static void flush(void) { __asm__ volatile("mov eax, cr3\n\tmov cr3, eax" : : : "eax", "memory"); }
static uint32_t read32(uint32_t at) { return *(volatile uint32_t *)at; }
static void write32(uint32_t at, uint32_t value) { *(volatile uint32_t *)at = value; }
static void set_wp(bool on)
{
    uint32_t cr0;
    __asm__ volatile("mov %0, cr0" : "=r"(cr0));
    __asm__ volatile("mov cr0, %0" : : "r"(on ? cr0 | CR0_WP : cr0 & ~(uint32_t)CR0_WP) : "memory");
}
static void set_cr4(uint32_t bits)
{
    __asm__ volatile("mov cr4, %0" : : "r"(bits) : "memory");
}
static uint32_t peek(const volatile uint32_t *entry) { return *entry; }

ACT(k_read, "mov eax, [0x800000]\nret");
ACT(k_write, "mov dword ptr [0x800000], eax\nret");
ACT(k_change, "add dword ptr [0x800000], 1\nret");
ACT(k_run, "mov eax, 0x800000\ncall eax\nret");
ACT(u_read, "mov eax, [0x800000]\n" USER_END);
ACT(u_write, "mov dword ptr [0x800000], eax\n" USER_END);
ACT(u_run, "mov eax, 0x800000\ncall eax\n" USER_END);
ACT(u_push, "mov eax, 1\nmov esp, 0x800004\npush eax\n" USER_END);

// What of one access: "-" it came back, else the error code; then A and D of both entries, as letters.
static void cell(act *body, bool user)
{
    table[0] &= ~(uint32_t)(PTE_A | PTE_D);
    page_directory[2] &= ~(uint32_t)(PTE_A | PTE_D);
    flush();
    bool back = user ? attempt_user(body, 0) : attempt(body);
    print(" ");
    if (back)
        print("-");
    else if (caught.vector == VECTOR_PF)
        print_hex(caught.code, 1);
    else
        print(vector_name(caught.vector));
    print(peek(&page_directory[2]) & PTE_A ? "A" : ".");
    print(peek(&page_directory[2]) & PTE_D ? "D" : ".");
    print(peek(&table[0]) & PTE_A ? "A" : ".");
    print(peek(&table[0]) & PTE_D ? "D" : ".");
}

static void rights(void)
{
    static act *const kernel[] = {k_read, k_write, k_change, k_run}, *const user[] = {u_read, u_write, u_run, u_push};
    page_a[0] = 0xC3;
    print("PDE PTE WP: kernel reads writes changes runs, user reads writes runs pushes\n");
    for (unsigned wp = 0; wp < 2; wp++) {
        set_wp(wp);
        for (unsigned pde = 0; pde < 8; pde++)
            for (unsigned pte = 0; pte < 8; pte++) {
                if (!(pde & 1) && pte != 7)
                    continue;
                page_directory[2] = (uint32_t)table | pde;
                table[0] = (uint32_t)page_a | pte;
                print_hex(pde, 1);
                print_hex(pte, 1);
                print_hex(wp, 1);
                for (unsigned i = 0; i < 4; i++) {
                    cell(kernel[i], false);
                    page_a[0] = 0xC3; // RET, whatever was written
                }
                for (unsigned i = 0; i < 4; i++) {
                    cell(user[i], true);
                    page_a[0] = 0xC3;
                }
                print("\n");
            }
    }
    set_wp(true);
}

// Kernel and user taking turns on one page while WP is off: the same entry allows one what it denies the other.
static void wp_turns(void)
{
    set_wp(false);
    page_directory[2] = (uint32_t)table | 7;
    table[0] = (uint32_t)page_a | PTE_P | PTE_US;
    flush();
    for (unsigned i = 0; i < 3; i++) {
        write32(AREA, 0x100 + i);
        print("turn:");
        cell(u_read, true);
        cell(u_write, true);
        cell(k_write, false);
        cell(u_read, true);
        print("\n");
    }
    set_wp(true);
    flush();
    outcome("WP on again", k_write);
    set_wp(false);
    outcome("WP off again", k_write);
    set_wp(true);
}

// ---- large pages --------------------------------------------------------------------------------------------------

static void large_pages(void)
{
    uint32_t at = AREA + ((uint32_t)page_a & 0x3FFFFF), b = AREA + ((uint32_t)page_b & 0x3FFFFF);
    for (unsigned i = 0; i < 1024; i++)
        table[i] = 0;
    table[(at >> 12) & 1023] = (uint32_t)page_b | 7;
    write32((uint32_t)page_a, 0xAAAAAAAA);
    write32((uint32_t)page_b, 0xBBBBBBBB);
    page_directory[2] = (uint32_t)table | 7;
    flush();
    fact("small page", read32(at));
    page_directory[2] = 0x00000000 | 7 | PDE_4MB; // the memory from 0, where page_a is
    invlpg(at);
    fact2("large page", read32(at), peek(&page_directory[2]) & 0xFFF);
    write32(b, 0x12121212);
    fact2("written", read32((uint32_t)page_b), peek(&page_directory[2]) & 0xFFF);
    page_directory[2] = (uint32_t)table | 7;
    invlpg(at);
    fact2("small again", read32(at), peek(&page_directory[2]) & 0xFFF);
    outcome_user("user in a small page", u_read, 0);
    page_directory[2] = 0 | PTE_P | PTE_RW | PDE_4MB;
    flush();
    outcome_user("user in a supervisor large page", u_read, 0);
    page_directory[2] = 0x00400000 | PTE_P | PTE_US | PDE_4MB;
    flush();
    outcome_user("user reads a read-only large page", u_read, 0);
    outcome_user("user writes it", u_write, 0);
    outcome("kernel writes it", k_write);
    set_wp(false);
    outcome("kernel writes it, WP off", k_write);
    fact("  its entry", peek(&page_directory[2]) & 0xFFF);
    outcome_user("user reads it then", u_read, 0);
    outcome_user("user writes it then", u_write, 0);
    set_wp(true);
    page_directory[2] &= ~(uint32_t)(PTE_A | PTE_D);
    flush();
    (void)read32(AREA + 0x123000);
    fact("A of a large page", peek(&page_directory[2]) & 0xFFF);
    page_directory[2] |= PTE_RW;
    flush();
    write32(AREA + 0x3FFFFC, 5);
    fact2("D of a large page", peek(&page_directory[2]) & 0xFFF, read32(0x7FFFFC));
    set_cr4(0); // without PSE bit 7 means nothing: the entry names a table
    page_directory[2] = (uint32_t)table | 7 | PDE_4MB;
    table[5] = (uint32_t)page_b | 7;
    flush();
    fact("PSE off", read32(AREA + 0x5000));
    set_cr4(CR4_PSE);
    page_directory[2] = 0x00200000 | 7 | PDE_4MB; // a reserved bit
    flush();
    outcome("reserved bit of a large page", k_read);
    outcome_user("the same for user mode", u_write, 0);
    page_directory[2] = (uint32_t)table | 7;
    flush();
}

// ---- entries and tables in odd places -----------------------------------------------------------------------------

// The page that holds AREA's table is itself mapped at two places in AREA, and written through both.
static void aliased_tables(void)
{
    for (unsigned i = 0; i < 1024; i++)
        table[i] = 0;
    table[1] = (uint32_t)table | 7;
    table[2] = (uint32_t)table | 7;
    table[3] = (uint32_t)page_a | 7;
    page_directory[2] = (uint32_t)table | 7;
    flush();
    write32((uint32_t)page_a, 0xA0A0A0A0);
    write32((uint32_t)page_b, 0xB0B0B0B0);
    fact("mapped", read32(AREA + 0x3000));
    write32(AREA + 0x1000 + 3 * 4, (uint32_t)page_b | 7); // through the first view
    invlpg(AREA + 0x3000);
    fact2("changed by the first view", read32(AREA + 0x3000), peek(&table[1]) & 0xFFF);
    write32(AREA + 0x2000 + 3 * 4, (uint32_t)page_a | 7);
    invlpg(AREA + 0x3000);
    fact2("changed by the second view", read32(AREA + 0x3000), peek(&table[2]) & 0xFFF);
    write32(AREA + 0x2000 + 1 * 4, (uint32_t)page_b | 7); // the first view is something else now
    invlpg(AREA + 0x1000);
    write32(AREA + 0x1000 + 3 * 4, 0x77777777);
    fact2("no longer the table", read32(AREA + 0x3000), *(uint32_t *)&page_b[12]);
    write32(AREA + 0x2000 + 2 * 4, (uint32_t)table | 5); // a table that makes itself read-only
    invlpg(AREA + 0x2000);
    ACT(write_view, "mov dword ptr [0x80200C], 0\nret");
    outcome("read-only view", write_view);
    fact("D of the view", peek(&table[2]) & 0xFFF);
    table[0] = (uint32_t)table | 7;
    invlpg(AREA);
    outcome_user("user writes into the table", u_push, 0); // entry 0: the access destroys its own translation
    fact2("  entry 0", peek(&table[0]) & 1, caught.vector);
}

// A page that is a page table in its lower half and data in its upper half; the same frame also as a directory's page.
static void table_and_data(void)
{
    for (unsigned i = 0; i < 1024; i++)
        table[i] = i < 512 ? 0 : 0xD0000000 + i * 2; // no present bit: data
    table[0] = (uint32_t)page_a | 7;
    table[4] = (uint32_t)table | 7;
    page_directory[2] = (uint32_t)table | 7;
    flush();
    uint32_t sum = 0;
    for (unsigned i = 512; i < 1024; i++) {
        write32(AREA + 0x4000 + i * 4, table[i] * 3);
        *(volatile uint16_t *)(AREA + 0x4000 + i * 4 + 1) ^= 0x5A5A;
        *(volatile uint8_t *)(AREA + 0x4000 + i * 4) &= 0xFE;
        sum = sum * 5 + peek(&table[i]);
    }
    fact("data beside entries", sum);
    volatile uint8_t *bytes = (volatile uint8_t *)&table[7]; // an entry put together in pieces, valid only at the end
    bytes[1] = (uint8_t)((uint32_t)page_b >> 8);
    bytes[2] = (uint8_t)((uint32_t)page_b >> 16);
    bytes[3] = (uint8_t)((uint32_t)page_b >> 24);
    ACT(read_7, "mov eax, [0x807000]\nret");
    outcome("entry without its first byte", read_7);
    bytes[0] = 7;
    write32((uint32_t)page_b, 0x600DF00D);
    fact("entry complete", read32(AREA + 0x7000));
    *(volatile uint32_t *)((uintptr_t)&table[8] - 2) = ((uint32_t)page_a << 16 | 7 << 16); // unaligned: half of two
    table[8] = (uint32_t)page_a | 7;
    fact2("beside an unaligned store", peek(&table[7]) == (((uint32_t)page_b & 0xFFFF) | 7 | PTE_A),
          read32(AREA + 0x8000) == read32((uint32_t)page_a));
}

// One table under two directory entries with other rights, then under two directories.
static void shared_tables(void)
{
    for (unsigned i = 0; i < 1024; i++)
        table[i] = 0;
    table[0] = (uint32_t)page_a | 7;
    page_directory[2] = (uint32_t)table | 7;
    page_directory[3] = (uint32_t)table | PTE_P;          // supervisor, read-only
    page_directory[4] = (uint32_t)table | PTE_P | PTE_RW; // supervisor
    flush();
    ACT(k_write3, "mov dword ptr [0xC00000], 1\nret");
    ACT(k_write4, "mov dword ptr [0x1000000], 1\nret");
    ACT(u_read3, "mov eax, [0xC00000]\n" USER_END);
    ACT(u_read4, "mov eax, [0x1000000]\n" USER_END);
    outcome("first entry, kernel writes", k_write);
    outcome("second, kernel writes", k_write3);
    outcome("third, kernel writes", k_write4);
    outcome_user("first, user writes", u_write, 0);
    outcome_user("second, user reads", u_read3, 0);
    outcome_user("third, user reads", u_read4, 0);
    page_directory[3] |= PTE_RW | PTE_US;
    flush();
    outcome("second opened, kernel writes", k_write3);
    outcome_user("second opened, user reads", u_read3, 0);
    table[0] = (uint32_t)page_b | 7;
    invlpg(AREA);
    invlpg(0xC00000);
    invlpg(0x1000000);
    write32((uint32_t)page_b, 0xB2B2B2B2);
    fact2("all see the new page", read32(AREA), read32(0xC00000));
    fact("  and", read32(0x1000000));
    fact2("A and D", peek(&page_directory[3]) & 0xFFF, peek(&page_directory[4]) & 0xFFF);
    page_directory[3] = page_directory[4] = 0;
    flush();
}

static void switch_directories(void)
{
    for (unsigned i = 0; i < 1024; i++) {
        second_directory[i] = page_directory[i];
        second_table[i] = 0;
    }
    table[0] = (uint32_t)page_a | 7;
    second_table[0] = (uint32_t)page_b | 7;
    second_directory[2] = (uint32_t)second_table | 7;
    write32((uint32_t)page_a, 0x0000000A);
    write32((uint32_t)page_b, 0x0000000B);
    flush();
    uint32_t seen = 0;
    for (unsigned i = 0; i < 8; i++) {
        load_cr3(i & 1 ? second_directory : page_directory);
        seen = seen << 4 | read32(AREA);
    }
    fact("directories in turn", seen);
    load_cr3(page_directory);
    second_table[0] = (uint32_t)page_a | 7; // changed while not loaded
    load_cr3(second_directory);
    fact("changed while away", read32(AREA));
    second_directory[2] = (uint32_t)table | 7; // now the tables are shared
    flush();
    table[0] = (uint32_t)page_b | 7;
    invlpg(AREA);
    fact("shared", read32(AREA));
    load_cr3(page_directory);
    fact("shared, other directory", read32(AREA));
    for (unsigned i = 0; i < 40; i++) // an unloaded directory written over and over is ordinary memory
        second_directory[900 + i % 3] = i << 12;
    second_directory[2] = (uint32_t)second_table | 7;
    load_cr3(second_directory);
    fact("after many stores to it", read32(AREA));
    ACT(read_900, "mov eax, [0xE1000000]\nret");
    outcome("what those left", read_900);
    load_cr3(page_directory);
}

// Global pages: still right after a CR3 load, gone after INVLPG and after CR4.PGE is toggled.
static void global_pages(void)
{
    set_cr4(CR4_PSE | CR4_PGE_BIT);
    table[0] = (uint32_t)page_a | 7 | PTE_GLOBAL;
    invlpg(AREA);
    fact("global page", read32(AREA));
    flush();
    fact("after CR3", read32(AREA));
    table[0] = (uint32_t)page_b | 7 | PTE_GLOBAL;
    invlpg(AREA);
    fact("after INVLPG", read32(AREA));
    table[0] = (uint32_t)page_a | 7 | PTE_GLOBAL;
    set_cr4(CR4_PSE);
    fact("after PGE off", read32(AREA));
    set_cr4(CR4_PSE | CR4_PGE_BIT);
    table[0] = (uint32_t)page_b | 7;
    invlpg(AREA);
    fact("no longer global", read32(AREA));
    fact("its bits", peek(&table[0]) & 0xFFF);
    set_cr4(CR4_PSE);
}

// ---- demand paging in user mode -----------------------------------------------------------------------------------

static uint32_t faults, fault_log[4];
// MOV to CR3 of the value that is there empties the TLB, whatever other bits of CR0 and CR4 did meanwhile, and whoever read them.
static void reloads(void)
{
    enum { TSD = 4 };
    uint32_t cr0, cr4, seen = 0;
    page_a[8] = 0xA, page_b[8] = 0xB;
    page_directory[2] = (uint32_t)table | 7;
    __asm__ volatile("mov %0, cr0\n\tmov %1, cr4" : "=r"(cr0), "=r"(cr4));
    for (unsigned i = 0; i < 8; i++) {
        cr0 ^= i & 2 ? 0 : CR0_TS, cr4 ^= i & 2 ? TSD : 0;
        __asm__ volatile("mov cr0, %0\n\tmov cr4, %1\n\tmov eax, dr7" : : "r"(cr0), "r"(cr4) : "eax", "memory");
        table[0] = (uint32_t)(i & 1 ? page_a : page_b) | 0x67;
        flush();
        seen = seen << 4 | (read32(AREA + 8) & 15);
    }
    fact("loads of CR3", seen);
}

static void on_demand(struct trap_frame *f)
{
    uint32_t cr2;
    __asm__ volatile("mov %0, cr2" : "=r"(cr2));
    if (cr2 < AREA || cr2 >= AREA + 0x400000)
        trap_unexpected(f);
    fault_log[faults++ & 3] = (cr2 - AREA) << 8 | f->error_code;
    table[(cr2 >> 12) & 1023] = (uint32_t)((cr2 & 0x1000) ? page_b : page_a) | 7; // no INVLPG: it was not present
}
ACT(u_demand,
    "mov ecx, 8\nmov edi, 0x800000\n1: mov [edi], ecx\nadd edi, 0x1000\nloop 1b\n"
    "mov eax, [0x800000]\nadd eax, [0x801000]\nmov esp, 0x809FFC\npush eax\ncall 2f\n2: pop ecx\npop ebx\nud2\n");

static void user_demand(void)
{
    for (unsigned i = 0; i < 1024; i++)
        table[i] = 0;
    flush();
    trap_handlers[VECTOR_PF] = on_demand;
    outcome_user("user program on demand", u_demand, 0);
    probe_arm();
    fact2("faults, sum", faults, caught.ebx);
    fact2("log", fault_log[0], fault_log[1]);
    fact2("log", fault_log[2], fault_log[3]);
    fact2("entries", peek(&table[0]) & 0xFFF, peek(&table[8]) & 0xFFF);
    fact2("never touched", peek(&table[9]) & 0xFFF, peek(&table[10]) & 0xFFF);
}

// Accesses the processor makes on its own account, from ring 3: descriptor tables and the TSS are the kernel's.
ACT(u_segment, "mov eax, 0x23\nmov es, eax\nint 0x21\n" USER_END);
static void implicit_accesses(void)
{
    uint32_t gdt_page = (uint32_t)gdt >> 12, tss_page = (uint32_t)&tss >> 12;
    low_table[gdt_page] &= ~(uint32_t)(PTE_US | PTE_A | PTE_D);
    low_table[tss_page] &= ~(uint32_t)(PTE_US | PTE_A | PTE_D);
    flush();
    outcome_user("user loads a segment", u_segment, 0);
    fact2("GDT and TSS page", low_table[gdt_page] & 0xFE7, low_table[tss_page] & 0xFE7);
}

static void user_ready(void)
{
    extern uint8_t __text_start[], __text_end[];
    page_directory[0] |= PTE_US;
    for (uint32_t page = 0; page < 1024; page++) {
        uint32_t at = page << 12;
        bool stack = at >= ((uint32_t)user_stack_top & ~0xFFFu) - 0x1000 && at <= (uint32_t)user_stack_top;
        if ((at >= (uint32_t)__text_start && at < (uint32_t)__text_end) || stack)
            low_table[page] |= PTE_US;
    }
    page_directory[1] = 0x00400000 | PTE_P | PTE_RW | PDE_4MB;
}

void kmain(void)
{
    probe_init();
    set_cr4(CR4_PSE);
    paging_init();
    user_ready();
    paging_on();
    page_directory[2] = (uint32_t)table | 7;
    rights();
    wp_turns();
    large_pages();
    aliased_tables();
    table_and_data();
    shared_tables();
    switch_directories();
    global_pages();
    reloads();
    user_demand();
    implicit_accesses();
    finish(true);
}
