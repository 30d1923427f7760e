// Code that changes, moves and faults half-way; string moves that resume; accesses across pages; locked operations.
//
// Idea: a simulator remembers decoded code and translations. Everything here makes something remembered wrong, in the
// ways a real kernel may: by a store, by another mapping of the page, by a changed table entry.
// Manual: Intel SDM volume 3, 8.1.3 (self-modifying code), 4.10 (invalidation); volume 2, REP.
// Not here: code changed by another processor or by DMA.
#include "probe.h"

// A second view of the first 4 MB of memory at 4 MB, and free pages from 8 MB on.
enum { ALIAS = 0x400000, FREE = 0x800000 };
static uint32_t free_table[1024] __attribute__((aligned(4096)));
static uint8_t page_a[4096] __attribute__((aligned(4096))), page_b[4096] __attribute__((aligned(4096)));
static uint8_t page_c[4096] __attribute__((aligned(4096)));

static void invlpg(uint32_t at) { __asm__ volatile("invlpg [%0]" : : "r"(at) : "memory"); }
static void map(uint32_t at, const void *page, uint32_t rights)
{
    free_table[(at >> 12) & 1023] = (uint32_t)page | rights;
    invlpg(at);
}

static void copy(void *to, const void *from, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
}

static uint32_t call(uint32_t at)
{
    uint32_t eax = 0;
    __asm__ volatile("call %1" : "+a"(eax) : "r"(at) : "ecx", "edx", "memory", "cc");
    return eax;
}

static const uint8_t returns_1[] = {0xB8, 0x01, 0, 0, 0, 0xC3}, returns_2[] = {0xB8, 0x02, 0, 0, 0, 0xC3};

// ---- code that changes --------------------------------------------------------------------------------------------

static void changing_code(void)
{
    uint32_t a = (uint32_t)page_a;
    copy(page_a, returns_1, sizeof returns_1);
    fact("fresh", call(a));
    page_a[1] = 7;
    fact("a byte changed", call(a));
    *(volatile uint16_t *)&page_a[1] = 0x1234;
    fact("a word changed", call(a));
    *(volatile uint32_t *)&page_a[1] = 0x89ABCDEF;
    fact("a dword changed, unaligned", call(a));
    *(volatile uint8_t *)(a + ALIAS + 1) = 0x11;
    fact("changed through the other view", call(a));
    fact("run in the other view", call(a + ALIAS));
    page_a[1] = 0x22;
    fact("changed here, run there", call(a + ALIAS));
    __asm__ volatile("lock xadd byte ptr %0, %1" : "+m"(page_a[1]) : "q"((uint8_t)1) : "memory");
    fact("changed by xadd", call(a));
    uint32_t source = (uint32_t)returns_2, to = a, count = sizeof returns_2;
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(to), "+c"(count) : : "memory");
    fact("copied over by rep movsb", call(a));
    __asm__ volatile("mov ecx, esp\n\tlea esp, [%0 + 5]\n\tpush 0x00000033\n\tmov esp, ecx" : : "r"(a) : "ecx", "memory");
    fact("pushed over", call(a) & 0xFF);
}

// Changes an instruction of its own basic block, ahead of itself; then one that lies behind, in a loop.
ACT(changes_next, // lives in a writable copy; EBX = where
    "mov dword ptr [ebx + 9], 0x77\nnop\nmov eax, 1\nret");
ACT(counts_itself, // adds 1 to the immediate of its own ADD, three times
    "mov ecx, 3\nxor eax, eax\n1: add eax, 0x10\nadd byte ptr [ebx + 9], 1\nloop 1b\nret");
ACT(turns_off, // overwrites the JMP it is about to reach with NOPs
    "xor eax, eax\nmov word ptr [ebx + 8], 0x9090\njmp 1f\nor eax, 1\n1: or eax, 2\nret");

static uint32_t run_copy(act *body, unsigned n)
{
    uint32_t eax = 0xFFFFFFFF;
    copy(page_b, (const void *)body, n);
    __asm__ volatile("call ebx" : "=a"(eax) : "b"(page_b) : "ecx", "edx", "memory", "cc");
    return eax;
}

static void own_block(void)
{
    for (unsigned again = 0; again < 2; again++) {
        fact("instruction ahead replaced", run_copy(changes_next, 32));
        fact("loop that counts itself", run_copy(counts_itself, 32));
        fact("jump turned off", run_copy(turns_off, 32));
    }
    fact("last immediate", page_b[9]);
}

// ---- code on two pages --------------------------------------------------------------------------------------------

ACT(run_edge, "mov eax, 0\ncall ebx\nret");

static void page_crossing(void)
{
    uint32_t at = FREE + 0x2000 - 3; // MOV EAX, imm32: three bytes here, two there
    map(FREE + 0x1000, page_a, PTE_P | PTE_RW);
    map(FREE + 0x2000, page_b, PTE_P | PTE_RW);
    copy((void *)at, returns_2, sizeof returns_2);
    fact("across two pages", call(at));
    page_b[1] = 0x44;
    fact("second page changed", call(at));
    map(FREE + 0x2000, page_c, PTE_P | PTE_RW);
    copy(page_c, page_b, 3);
    page_c[0] = 0x55;
    fact("second page remapped", call(at));
    free_table[2] = 0;
    invlpg(FREE + 0x2000);
    attempt((act *)at);
    fact2("second page absent: vector, address", caught.vector, caught.cr2);
    fact2("  error code, eip", caught.code, caught.eip);
    copy((void *)(at + 2), "\xC3", 1); // RET is the last byte of the first page now: nothing of the second is needed
    copy((void *)(at + 1), "\x90", 1);
    copy((void *)at, "\x40", 1);
    fact("ends with the page", attempt((act *)at));
    map(FREE + 0x2000, page_b, PTE_P | PTE_RW);
}

static void remapped_code(void)
{
    copy(page_a, returns_1, sizeof returns_1);
    copy(page_b, returns_2, sizeof returns_2);
    map(FREE, page_a, PTE_P | PTE_RW);
    for (unsigned i = 0; i < 4; i++) {
        fact("remapped code", call(FREE));
        map(FREE, i & 1 ? page_a : page_b, PTE_P | PTE_RW);
    }
    page_a[1] = 0x66; // while not mapped there
    map(FREE, page_b, PTE_P | PTE_RW);
    fact("b", call(FREE));
    map(FREE, page_a, PTE_P);
    fact("changed while away", call(FREE));
}

// ---- string moves that fault half-way -----------------------------------------------------------------------------

static bool in_string; // only then do the string registers mean anything
static void on_demand(struct trap_frame *f)
{
    uint32_t cr2;
    __asm__ volatile("mov %0, cr2" : "=r"(cr2));
    if (cr2 < FREE || cr2 >= FREE + 0x400000)
        trap_unexpected(f);
    fact2("  fault, address, code", cr2, f->error_code);
    if (in_string) {
        fact2("    count left, flags", f->ecx, f->eflags & 0xCD5);
        uint32_t in_c = f->esi - (uint32_t)page_c;
        fact2("    esi, edi", in_c < 4096 ? in_c : f->esi, f->edi);
    }
    free_table[(cr2 >> 12) & 1023] = (uint32_t)(cr2 & 0x1000 ? page_b : page_a) | PTE_P | PTE_RW;
}

static void clear_area(void)
{
    for (unsigned i = 0; i < 16; i++) {
        free_table[i] = 0;
        invlpg(FREE + (i << 12));
    }
}

static uint32_t sum(const uint8_t *p, unsigned n)
{
    uint32_t s = 0;
    for (unsigned i = 0; i < n; i++)
        s = (s << 1 | s >> 31) + p[i];
    return s;
}

static void string_moves(void)
{
    trap_handlers[VECTOR_PF] = on_demand;
    in_string = true;
    for (unsigned i = 0; i < 4096; i++)
        page_c[i] = (uint8_t)(i * 7 + (i >> 8));
    uint32_t from = (uint32_t)page_c, to = FREE + 0xF80, count = 0x100;
    clear_area();
    print("movsb\n");
    __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    fact2("  end: esi, edi", from - (uint32_t)page_c, to);
    fact2("  sums", sum(page_a + 0xF80, 0x80), sum(page_b, 0x80));
    clear_area();
    print("movsd, unaligned, faults in the middle of a dword\n");
    from = (uint32_t)page_c, to = FREE + 0xFEE, count = 8;
    __asm__ volatile("rep movsd" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
    fact2("  end: esi, edi", from - (uint32_t)page_c, to);
    fact2("  sums", sum(page_a + 0xFEE, 0x12), sum(page_b, 0xE));
    clear_area();
    print("stosd, downwards\n");
    to = FREE + 0x1008, count = 6;
    __asm__ volatile("std\n\trep stosd\n\tcld" : "+D"(to), "+c"(count) : "a"(0x01020304), "S"(0) : "memory");
    fact2("  end: edi, count", to, count);
    fact2("  sums", sum(page_a + 0xFF0, 16), sum(page_b, 16));
    clear_area();
    print("cmpsb, one side on demand\n");
    copy(page_a, page_c, 4096);
    from = (uint32_t)page_c + 0xFF0, to = FREE + 0xFF0, count = 0x40;
    page_a[0xFF8] ^= 1;
    __asm__ volatile("repe cmpsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory", "cc");
    fact2("  stopped: edi, count", to, count);
    clear_area();
    print("scasw\n");
    page_a[0xFFF] = 0xAA, page_b[0] = 0x55;
    to = FREE + 0xFFD, count = 4;
    __asm__ volatile("repne scasw" : "+D"(to), "+c"(count) : "a"(0x55AA), "S"(0) : "memory", "cc");
    fact2("  stopped: edi, count", to, count);
    clear_area();
    print("lodsb\n");
    uint32_t al = 0;
    from = FREE + 0xFFE, count = 4;
    __asm__ volatile("rep lodsb" : "+S"(from), "+c"(count), "+a"(al) : "D"(0) : "memory");
    fact2("  end: esi, al", from, al);
    clear_area();
    print("rep insb\n");
    to = FREE + 0xFFE, count = 4;
    __asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(0x3FB), "S"(0) : "memory"); // line control register
    fact2("  end: edi, what", to, page_b[1]);
    clear_area();
    print("rep outsb\n");
    copy(page_a + 0xFFC, "out ", 4);
    copy(page_b, "puts", 4);
    from = FREE + 0xFFC, count = 8;
    __asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(0x3F8), "D"(0) : "memory");
    fact2("  end: esi, count", from, count);
    in_string = false;
    probe_arm();
}

// ---- one instruction, two pages -----------------------------------------------------------------------------------

static void crossing(void)
{
    volatile uint32_t *edge = (volatile uint32_t *)(FREE + 0xFFE);
    trap_handlers[VECTOR_PF] = on_demand;
    clear_area();
    for (unsigned i = 0; i < 4096; i++)
        page_a[i] = page_b[i] = 0;
    print("add across a page, both absent\n");
    __asm__ volatile("add dword ptr %0, 0x12345678" : "+m"(*edge));
    fact2("  halves", *(uint16_t *)&page_a[0xFFE], *(uint16_t *)page_b);
    print("push and pusha across a page\n"); // both present: a fault would have no stack
    __asm__ volatile("mov ecx, esp\n\tmov esp, %0\n\tpush 0xCAFEBABE\n\tpop eax\n\tmov esp, ecx" : : "r"(FREE + 0x1002)
                     : "eax", "ecx", "memory");
    fact2("  halves", *(uint16_t *)&page_a[0xFFE], *(uint16_t *)page_b);
    __asm__ volatile("xchg esp, eax\n\tpushad\n\tpopad\n\txchg esp, eax" : : "a"(FREE + 0x1006), "c"(0xC0DE1234)
                     : "memory");
    fact2("  ecx, below and above", *(uint16_t *)&page_a[0xFFE], *(uint16_t *)page_b);
    clear_area();
    print("xchg, cmpxchg, cmpxchg8b\n");
    uint32_t value = 0x11223344, eax = 0x11223344, edx = 0;
    __asm__ volatile("xchg %0, %1" : "+r"(value), "+m"(*edge));
    fact2("  xchg", value, *edge);
    __asm__ volatile("lock cmpxchg %1, %2" : "+a"(eax), "+m"(*edge) : "r"(0x55667788) : "cc");
    fact2("  cmpxchg, equal", eax, *edge);
    eax = 0;
    __asm__ volatile("lock cmpxchg %1, %2" : "+a"(eax), "+m"(*edge) : "r"(0x99999999) : "cc");
    fact2("  cmpxchg, unequal", eax, *edge);
    clear_area();
    volatile uint64_t *wide = (volatile uint64_t *)(FREE + 0xFFB);
    eax = 1, edx = 2;
    __asm__ volatile("lock cmpxchg8b %2" : "+a"(eax), "+d"(edx), "+m"(*wide) : "b"(3), "c"(4) : "cc");
    fact2("  cmpxchg8b, unequal", eax, edx);
    __asm__ volatile("lock cmpxchg8b %2" : "+a"(eax), "+d"(edx), "+m"(*wide) : "b"(0xB0B0), "c"(0xC0C0) : "cc");
    fact2("  cmpxchg8b, equal", (uint32_t)*wide, (uint32_t)(*wide >> 32));
    probe_arm();
}

// Rights: what may not be written must not be half written, nor change a flag.
ACT(rmw_read_only, "stc\nadc dword ptr [0x801FFE], 1\nret");
ACT(rmw_second_read_only, "stc\nadc dword ptr [0x800FFE], 1\nret");
ACT(cmpxchg_read_only, "mov eax, 0x7777\nmov ecx, 5\ncmpxchg [0x801000], ecx\nret"); // unequal: still a write
ACT(cmpxchg8b_read_only, "cmpxchg8b [0x801000]\nret");
ACT(bts_far, "mov ecx, 0x801000 * 8\nbts dword ptr [0], ecx\nret"); // bit offset reaches the read-only page
ACT(bt_far, "mov ecx, 0x801000 * 8 + 5\nbt dword ptr [0], ecx\nret");
ACT(xchg_read_only, "mov eax, 1\nxchg eax, [0x801000]\nret");
ACT(pop_read_only, "push 5\npop dword ptr [0x801000]\nret");
ACT(pop_esp_relative, "push 5\npop dword ptr [esp - 4]\nret");
ACT(call_through_absent, "call dword ptr [0x80F000]\nret");
ACT(shrd_read_only, "mov eax, 1\nshrd [0x801000], eax, 4\nret");
ACT(shift_0_read_only, "mov cl, 0\nshl dword ptr [0x801000], cl\nret");
ACT(not_absent, "not byte ptr [0x80F000]\nret");
ACT(test_read_only, "test dword ptr [0x801000], 1\nret");
ACT(sgdt_absent, "sgdt [0x80F000]\nret");
ACT(setcc_read_only, "setc byte ptr [0x801000]\nret");

static void no_half_writes(void)
{
    static const struct { const char *name; act *body; } rows[] = {
        {"adc, both read-only", rmw_read_only}, {"adc, second half read-only", rmw_second_read_only},
        {"cmpxchg, unequal", cmpxchg_read_only}, {"cmpxchg8b", cmpxchg8b_read_only}, {"bts far away", bts_far},
        {"bt far away", bt_far}, {"xchg", xchg_read_only}, {"pop to memory", pop_read_only},
        {"pop below esp", pop_esp_relative}, {"call through absent", call_through_absent},
        {"shrd", shrd_read_only}, {"shl by 0", shift_0_read_only}, {"not", not_absent}, {"test", test_read_only},
        {"setc", setcc_read_only}};
    clear_area();
    map(FREE, page_a, PTE_P | PTE_RW);
    map(FREE + 0x1000, page_b, PTE_P);
    map(FREE + 0x2000, page_c, PTE_P);
    page_a[0xFFE] = page_a[0xFFF] = 0xFF;
    page_b[0] = page_b[1] = 0xEE;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        outcome(rows[i].name, rows[i].body);
        if (i == 1)
            fact2("  flags, first half", caught.eflags & 0xCD5, *(uint16_t *)&page_a[0xFFE]);
        if (i == 2)
            fact("  eax", caught.eax);
    }
    fact2("nothing changed", *(uint16_t *)page_b, *(uint16_t *)&page_a[0xFFE]);
}

static void pages_ready(void)
{
    paging_init();
    for (unsigned i = 1; i < 1024; i++)
        low_table[i] |= PTE_RW; // code may be written here
    page_directory[ALIAS >> 22] = (uint32_t)low_table | PTE_P | PTE_RW;
    page_directory[FREE >> 22] = (uint32_t)free_table | PTE_P | PTE_RW;
    paging_on();
}

void kmain(void)
{
    probe_init();
    pages_ready();
    changing_code();
    own_block();
    page_crossing();
    remapped_code();
    string_moves();
    crossing();
    no_half_writes();
    finish(true);
}
