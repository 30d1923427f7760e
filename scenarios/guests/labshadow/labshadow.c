// Guest `labshadow`: a kernel that checks what its hypervisor makes of page faults.
//
// Idea: each check changes a table, touches the page, and sets a bit of `held` if all was as the manual says. A laboratory
// (scenarios/labs/shadow) gives the hypervisor's page-fault handler in Lua and looks at `held` afterwards; on a bare machine all are set.
// `salt` is a number that the laboratory pokes in; with `rounds` two address spaces take turns that often.
// Manual: Intel SDM volume 3, 4.3 (tables), 4.6 (rights), 4.7 (error code), 4.8 (Accessed and Dirty), 4.10 (when a TLB may be old).
// Not here: PAE, global pages, CR0.WP clear.
#include "lib/guest.h"

#define PLAY 0x40000000u  // its own page table
#define BELOW 0x40400000u // its directory entry is read-only
#define LARGE 0x80000000u // a 4 MB page
enum { PAGE = 4096, PAGES = 16, TURNS = 8 };
enum {
    HELD_READ = 1, HELD_WRITE = 2, HELD_ABSENT = 4, HELD_PROTECTED = 8, HELD_ACCESSED = 16, HELD_DIRTY = 32, HELD_USER = 64,
    HELD_SUPERVISOR = 128, HELD_INVLPG = 256, HELD_CR3 = 512, HELD_COMBINED = 1024, HELD_LARGE = 2048, HELD_ROUNDS = 4096
};
enum { USER_READ, USER_WRITE };

volatile uint32_t salt = 0x12345678, rounds = 0;
volatile uint32_t held;

static uint32_t play_table[1024] __attribute__((aligned(4096)));
static uint32_t other_table[1024] __attribute__((aligned(4096)));
static uint32_t other_directory[1024] __attribute__((aligned(4096)));
static uint8_t frames[2 * PAGES][PAGE] __attribute__((aligned(4096)));
static uint8_t user_stack[PAGE] __attribute__((aligned(4096)));
static volatile uint32_t fault_count, last_code, last_address, last_from_user;

static volatile uint32_t *word(uint32_t address) { return (volatile uint32_t *)address; }
static uint32_t page(uint32_t n) { return PLAY + n * PAGE; }
static uint32_t frame(uint32_t n) { return (uint32_t)frames[n]; }
static void invalidate(uint32_t address) { __asm__ volatile("invlpg [%0]" : : "r"(address) : "memory"); }
static void load_cr3(const uint32_t *directory) { __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory"); }

static void claim(uint32_t bit, bool holds)
{
    if (holds)
        held |= bit;
}

// Page n of PLAY becomes `value`; whatever the processor remembers of it is forgotten.
static void map(uint32_t n, uint32_t value)
{
    *(volatile uint32_t *)&play_table[n] = value;
    invalidate(page(n));
}

// uint32_t user_try(uint32_t address, uint32_t write): from ring 3; the way back is a #GP there. Returns what was read.
uint32_t user_try(uint32_t address, uint32_t write);
void user_back(void) __attribute__((noreturn));
extern uint8_t user_code[];
__asm__(".section .text\n"
        ".global user_try, user_back, user_code\n"
        "user_try:\n\tpushad\n\tmov user_esp, esp\n\tmov ebx, [esp + 36]\n\tmov ecx, [esp + 40]\n"
        "\tmov eax, 0x23\n\tmov ds, eax\n\tmov es, eax\n"
        "\tpush 0x23\n\tpush dword ptr user_top\n\tpush 2\n\tpush 0x1B\n\tpush offset user_code\n\tiretd\n"
        "user_back:\n\tmov eax, 0x10\n\tmov ds, eax\n\tmov es, eax\n\tmov esp, user_esp\n\tpopad\n\tmov eax, user_saw\n\tret\n"
        ".section .text.user,\"ax\"\n.balign 4096\n"
        "user_code:\n\ttest ecx, ecx\n\tjnz 1f\n\tmov edx, [ebx]\n\tcli\n"
        "1:\tmov [ebx], ecx\n\tcli\n.balign 4096\n"
        ".section .text\n");
uint32_t user_esp, user_top, user_saw;

static void page_fault(struct trap_frame *f)
{
    uint32_t address;
    __asm__ volatile("mov %0, cr2" : "=r"(address));
    fault_count++;
    last_code = f->error_code;
    last_address = address;
    last_from_user = f->cs & 3;
    if (f->cs & 3)
        user_back();
    uint32_t n = (address - PLAY) / PAGE;
    if (address - PLAY < PAGES * PAGE)
        map(n, frame(n) | PTE_P | PTE_RW);
    else if ((address & 0xFFC00000) == BELOW)
        page_directory[BELOW >> 22] |= PTE_RW, load_cr3(page_directory);
    else
        trap_unexpected(f);
}

static void protection(struct trap_frame *f)
{
    if (!(f->cs & 3))
        trap_unexpected(f);
    user_saw = f->edx;
    user_back();
}

// What is expected to fault: once, with this code, at this address.
static bool faulted(uint32_t before, uint32_t code, uint32_t address)
{
    return fault_count == before + 1 && last_code == code && last_address == address;
}

LANDMARK void check_mapping(void)
{
    *word(frame(0)) = salt;
    map(0, frame(0) | PTE_P | PTE_RW);
    claim(HELD_READ, *word(page(0)) == salt && !fault_count);
    *word(page(0) + 4) = ~salt;
    claim(HELD_WRITE, *word(frame(0) + 4) == ~salt && !fault_count);

    uint32_t before = fault_count;
    bool good = *word(page(1) + 12) == 0 && faulted(before, 0, page(1) + 12);
    before = fault_count;
    *word(page(2) + 8) = salt;
    claim(HELD_ABSENT, good && faulted(before, 2, page(2) + 8) && *word(frame(2) + 8) == salt);

    map(3, frame(3) | PTE_P);
    before = fault_count;
    good = *word(page(3)) == 0 && fault_count == before;
    *word(page(3)) = salt;
    claim(HELD_PROTECTED, good && faulted(before, 3, page(3)) && *word(frame(3)) == salt);
}

LANDMARK void check_marks(void)
{
    volatile uint32_t *pte = &play_table[4], *pde = &page_directory[PLAY >> 22];
    *pde &= ~(uint32_t)PTE_A;
    load_cr3(page_directory);
    map(4, frame(4) | PTE_P | PTE_RW);
    bool good = !(*pte & (PTE_A | PTE_D));
    (void)*word(page(4));
    claim(HELD_ACCESSED, good && (*pte & (PTE_A | PTE_D)) == PTE_A && (*pde & PTE_A));
    *word(page(4)) = salt;
    good = *pte & PTE_D;
    *pte &= ~(uint32_t)(PTE_A | PTE_D); // as a kernel does that wants to know which pages are in use
    invalidate(page(4));
    good = good && *word(page(4)) == salt && (*pte & (PTE_A | PTE_D)) == PTE_A;
    *word(page(4)) = 0;
    claim(HELD_DIRTY, good && (*pte & PTE_D));
}

LANDMARK void check_rings(void)
{
    uint32_t code = ((uint32_t)user_code >> 12) & 1023;
    low_table[code] |= PTE_US;
    low_table[((uint32_t)user_stack >> 12) & 1023] |= PTE_US;
    page_directory[0] |= PTE_US;
    page_directory[PLAY >> 22] |= PTE_US;
    load_cr3(page_directory);
    user_top = (uint32_t)user_stack + PAGE;
    uint32_t stack;
    __asm__ volatile("mov %0, esp" : "=r"(stack));
    tss.esp0 = stack - 512;
    tss.ss0 = SEL_KERNEL_DATA;

    *word(frame(5)) = salt;
    map(5, frame(5) | PTE_P | PTE_RW | PTE_US);
    uint32_t before = fault_count;
    bool good = user_try(page(5), 0) == salt && fault_count == before;
    (void)user_try(page(5), salt | 1);
    claim(HELD_USER, good && fault_count == before && *word(frame(5)) == (salt | 1));

    map(6, frame(6) | PTE_P | PTE_RW);
    (void)*word(page(6)); // the kernel's touch must not open it for others
    before = fault_count;
    (void)user_try(page(6), 0);
    good = faulted(before, 5, page(6)) && last_from_user == 3;
    map(7, frame(7) | PTE_P | PTE_US);
    before = fault_count;
    (void)user_try(page(7), 1);
    claim(HELD_SUPERVISOR, good && faulted(before, 7, page(7)) && last_from_user == 3);
}

LANDMARK void check_changes(void)
{
    *word(frame(8)) = salt;
    *word(frame(9)) = ~salt;
    map(8, frame(8) | PTE_P | PTE_RW);
    bool good = *word(page(8)) == salt;
    map(8, frame(9) | PTE_P | PTE_RW);
    claim(HELD_INVLPG, good && *word(page(8)) == ~salt);

    other_directory[0] = page_directory[0];
    other_directory[PLAY >> 22] = (uint32_t)other_table | PTE_P | PTE_RW | PTE_US;
    other_table[8] = frame(8) | PTE_P | PTE_RW;
    load_cr3(other_directory);
    good = *word(page(8)) == salt;
    load_cr3(page_directory);
    claim(HELD_CR3, good && *word(page(8)) == ~salt);
}

LANDMARK void check_levels(void)
{
    uint32_t cr4, before = fault_count;
    volatile uint32_t *pde = &page_directory[BELOW >> 22];
    *pde = (uint32_t)play_table | PTE_P; // the same table, but nothing below may be written to
    map(10, frame(10) | PTE_P | PTE_RW);
    bool good = *word(BELOW + 10 * PAGE) == 0 && fault_count == before;
    *word(BELOW + 10 * PAGE) = salt;
    claim(HELD_COMBINED, good && faulted(before, 3, BELOW + 10 * PAGE) && *word(frame(10)) == salt);

    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | CR4_PSE) : "memory");
    pde = &page_directory[LARGE >> 22];
    *pde = PDE_4MB | PTE_P | PTE_RW;
    good = *word(LARGE + frame(10)) == salt && (*pde & (PTE_A | PTE_D)) == PTE_A;
    *word(LARGE + frame(11)) = salt;
    claim(HELD_LARGE, good && *word(frame(11)) == salt && (*pde & PTE_D));
    *pde = 0;
    invalidate(LARGE);
}

// Two spaces, the same addresses. In each round the one that is not loaded gets another frame behind one of its pages.
LANDMARK void take_turns(void)
{
    bool good = true;
    for (uint32_t n = 0; n < TURNS; n++) {
        play_table[n] = frame(n) | PTE_P | PTE_RW;
        other_table[n] = frame(PAGES + n) | PTE_P | PTE_RW;
        *word(frame(n)) = n;
        *word(frame(PAGES + n)) = PAGES + n;
        *word(frame(TURNS + n)) = TURNS + n;
    }
    load_cr3(page_directory);
    for (uint32_t r = 0; r < rounds; r++) {
        uint32_t n = (salt + r) % TURNS;
        load_cr3(r & 1 ? other_directory : page_directory);
        for (uint32_t k = 0; k < TURNS; k++) {
            uint32_t *table = r & 1 ? other_table : play_table;
            good = good && *word(page(k)) == ((table[k] & ~0xFFFu) - frame(0)) / PAGE;
        }
        uint32_t *away = r & 1 ? play_table : other_table;
        away[n] = frame((r * 5 + salt) % (2 * PAGES)) | PTE_P | PTE_RW;
        *word(away[n] & ~0xFFFu) = ((away[n] & ~0xFFFu) - frame(0)) / PAGE;
    }
    load_cr3(page_directory);
    claim(HELD_ROUNDS, good);
}

LANDMARK void kmain(void)
{
    serial_init();
    print("labshadow\n");
    tables_init();
    tables_load();
    trap_handlers[VECTOR_PF] = page_fault;
    trap_handlers[VECTOR_GP] = protection;
    pic_init();
    paging_init();
    page_directory[PLAY >> 22] = (uint32_t)play_table | PTE_P | PTE_RW;
    paging_on();
    check_mapping();
    check_marks();
    check_rings();
    check_changes();
    check_levels();
    take_turns();
    print("labshadow: done\n");
    finish(held == 8191);
}
