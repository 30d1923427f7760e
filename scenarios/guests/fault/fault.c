// Guest `fault`: page faults, and what the processor writes into page tables.
//
// Idea: a page table is memory the processor reads behind your back, and writes (Accessed, Dirty). Every step changes a
// table, touches the page, and prints what happened. Faults counted here are *true* faults: the guest's own table did
// not allow the access. Under a hypervisor with shadow page tables further ones happen that the guest never sees
// (hidden faults), and its writes to page tables are watched (trace faults); nothing printed may change by that.
// Manual: Intel SDM volume 3, 4.3 (paging), 4.7 (error code), 4.8 (Accessed and Dirty), 4.10 (TLB); 2.5 (CR0.WP,
// CR4.PSE).
// Not here: faults from ring 3 (guest `rings` has user pages), PAE, global pages, use of a stale TLB entry.
#include "lib/guest.h"

#define PLAY 0x40000000u  // where we play: its own page table, all empty at first
#define LARGE 0x80000000u // where the 4 MB page goes
enum { PAGE = 4096, PAGES = 8 };
enum { CODE_READ_ABSENT = 0, CODE_WRITE_ABSENT = 2, CODE_WRITE_PROTECTED = 3 };

static uint32_t play_table[1024] __attribute__((aligned(4096)));
static uint32_t other_table[1024] __attribute__((aligned(4096)));
static uint32_t other_directory[1024] __attribute__((aligned(4096)));
static uint8_t frames[PAGES + 1][PAGE] __attribute__((aligned(4096))); // page n of PLAY gets frame n

static volatile uint32_t fault_count, last_code, last_address; // written by page_fault
static uint32_t wrong;                                         // things that were not as the manual says

void page_fault(struct trap_frame *frame);
void first_touch(void);
void touch_mapped(void);
void remap_loop(void);
void unmap(int page);
void read_only(void);
void ad_bits(void);
void large_page(void);
void switch_cr3(void);

static volatile uint32_t *word(uint32_t address)
{
    return (volatile uint32_t *)address;
}

static uint32_t page_address(int page)
{
    return PLAY + (uint32_t)page * PAGE;
}

static void map(int page, uint32_t bits)
{
    play_table[page] = (uint32_t)frames[page] | bits;
    __asm__ volatile("" : : : "memory"); // the compiler must not move the store behind the access that needs it
}

// The processor may keep an old translation in its TLB until told to forget it.
static void invalidate(uint32_t address)
{
    __asm__ volatile("invlpg [%0]" : : "r"(address) : "memory");
}

static void load_cr3(const uint32_t *directory)
{
    __asm__ volatile("mov cr3, %0" : : "r"(directory) : "memory");
}

static void expect(bool true_fact)
{
    if (!true_fact) {
        wrong++;
        print("  ^ not as the manual says\n");
    }
}

// Vector 14. Absent page: map it. Read-only page written: allow it. The faulting instruction then runs again.
LANDMARK void page_fault(struct trap_frame *frame)
{
    uint32_t address;
    __asm__ volatile("mov %0, cr2" : "=r"(address));
    int page = (int)((address - PLAY) / PAGE);
    if (address < PLAY || page >= PAGES)
        trap_unexpected(frame);
    fault_count++;
    last_code = frame->error_code;
    last_address = address;
    if (frame->error_code & PTE_P)
        play_table[page] |= PTE_RW;
    else
        map(page, PTE_P | PTE_RW);
    invalidate(address);
}

static void print_code(void)
{
    print(" (error code ");
    print_hex(last_code, 4);
    print(", address ");
    print_hex(last_address, 8);
    print(")\n");
}

// (a) Three true faults: nothing is mapped at PLAY yet.
LANDMARK void first_touch(void)
{
    uint32_t value = *word(page_address(0));
    print("read of an absent page");
    print_code();
    expect(value == 0 && last_code == CODE_READ_ABSENT && last_address == page_address(0));

    *word(page_address(1) + 8) = 0x1111;
    print("write to an absent page");
    print_code();
    expect(last_code == CODE_WRITE_ABSENT && last_address == page_address(1) + 8);
    expect(*word((uint32_t)frames[1] + 8) == 0x1111); // the store went to the frame that was mapped

    *word(page_address(2) - 2) = 0x22223333; // four bytes across two pages: only the second one is absent
    *word(page_address(3) - 2) = 0x44445555; // and again
    print("write across a page boundary");
    print_code();
    expect(last_code == CODE_WRITE_ABSENT && last_address == page_address(3));
    expect(*word(page_address(2) - 2) == 0x22223333);
    print("true faults taken: ");
    print_dec(fault_count);
    print("\n");
    expect(fault_count == 4);
}

// (b) Mapped before it is touched: no true fault. A shadow page table does not know the page yet: hidden fault.
LANDMARK void touch_mapped(void)
{
    uint32_t before = fault_count;
    map(4, PTE_P | PTE_RW);
    *word(page_address(4)) = 0x4444;
    print("page mapped before its first touch: faults ");
    print_dec(fault_count - before);
    print("\n");
    expect(fault_count == before && *word((uint32_t)frames[4]) == 0x4444);
}

LANDMARK void unmap(int page)
{
    play_table[page] = 0;
    invalidate(page_address(page));
}

// (c) Write to the page table again and again: map, use, unmap, touch.
LANDMARK void remap_loop(void)
{
    uint32_t before = fault_count;
    for (uint32_t round = 1; round <= 4; round++) {
        map(5, PTE_P | PTE_RW);
        *word(page_address(5)) = round;
        unmap(5);
        uint32_t value = *word(page_address(5)); // true fault; the handler maps the same frame again
        expect(value == round);
        unmap(5);
    }
    print("four times mapped, used, unmapped, touched: faults ");
    print_dec(fault_count - before);
    print("\n");
    expect(fault_count == before + 4);
}

// CR0.WP = 1: a read-only page is read-only for the kernel, too.
LANDMARK void read_only(void)
{
    uint32_t before = fault_count;
    map(5, PTE_P | PTE_RW);
    *word(page_address(5)) = 1;
    play_table[5] &= ~(uint32_t)PTE_RW;
    invalidate(page_address(5));
    uint32_t value = *word(page_address(5)); // reading is allowed
    expect(value == 1 && fault_count == before);
    *word(page_address(5)) = 2;
    print("write to a read-only page");
    print_code();
    expect(fault_count == before + 1 && last_code == CODE_WRITE_PROTECTED && *word(page_address(5)) == 2);
}

static void print_ad(const char *when, uint32_t pte)
{
    print(when);
    print(pte & PTE_A ? ": A 1" : ": A 0");
    print(pte & PTE_D ? " D 1\n" : " D 0\n");
}

// (e) The processor marks a page Accessed when it first uses it and Dirty when it first writes to it.
LANDMARK void ad_bits(void)
{
    volatile uint32_t *pte = &play_table[6];
    map(6, PTE_P | PTE_RW);
    print_ad("page not used yet", *pte);
    expect((*pte & (PTE_A | PTE_D)) == 0);
    (void)*word(page_address(6));
    print_ad("after a read", *pte);
    expect((*pte & (PTE_A | PTE_D)) == PTE_A);
    *word(page_address(6)) = 6;
    print_ad("after a write", *pte);
    expect((*pte & (PTE_A | PTE_D)) == (PTE_A | PTE_D));
    *pte &= ~(uint32_t)(PTE_A | PTE_D); // what a kernel does to find out which pages are in use
    invalidate(page_address(6));
    (void)*word(page_address(6));
    print_ad("cleared, then read", *pte);
    expect((*pte & (PTE_A | PTE_D)) == PTE_A);
}

// (f) A 4 MB page: the directory entry itself is the mapping. It shows the low 4 MB a second time, all of it writable.
LANDMARK void large_page(void)
{
    volatile uint32_t *pde = &page_directory[LARGE >> 22];
    uint32_t cr4;
    uint32_t before = fault_count;
    __asm__ volatile("mov %0, cr4" : "=r"(cr4));
    __asm__ volatile("mov cr4, %0" : : "r"(cr4 | CR4_PSE) : "memory");
    *pde = 0 | PDE_4MB | PTE_P | PTE_RW;
    uint32_t value = *word(LARGE + (uint32_t)frames[1] + 8);
    print_ad("4 MB page after a read", *pde);
    expect(value == 0x1111 && (*pde & (PTE_A | PTE_D)) == PTE_A);
    *word(LARGE + (uint32_t)frames[7]) = 0x7777;
    print_ad("4 MB page after a write", *pde);
    expect(*word((uint32_t)frames[7]) == 0x7777 && (*pde & (PTE_A | PTE_D)) == (PTE_A | PTE_D));

    *word(LARGE + (uint32_t)&play_table[4]) = 0; // take a page away through the second view of its page table
    invalidate(page_address(4));
    value = *word(page_address(4));
    print("unmapped through the 4 MB page: faults ");
    print_dec(fault_count - before);
    print("\n");
    expect(value == 0x4444 && fault_count == before + 1);
    *pde = 0;
    invalidate(LARGE);
}

// (g) Two page directories: one linear address, two frames.
LANDMARK void switch_cr3(void)
{
    uint32_t before = fault_count;
    other_directory[0] = page_directory[0]; // the kernel is the same in both
    other_directory[PLAY >> 22] = (uint32_t)other_table | PTE_P | PTE_RW;
    other_table[0] = (uint32_t)frames[PAGES] | PTE_P | PTE_RW;
    *word((uint32_t)frames[0]) = 0x11111111;
    *word((uint32_t)frames[PAGES]) = 0x22222222;

    uint32_t first = *word(PLAY);
    load_cr3(other_directory);
    uint32_t second = *word(PLAY);
    load_cr3(page_directory);
    uint32_t third = *word(PLAY);
    print("one address, directories 1, 2, 1: ");
    print_hex(first, 8);
    print(" ");
    print_hex(second, 8);
    print(" ");
    print_hex(third, 8);
    print("\n");
    expect(first == 0x11111111 && second == 0x22222222 && third == 0x11111111 && fault_count == before);
}

LANDMARK void kmain(void)
{
    serial_init();
    print("fault: page faults and page tables\n");
    tables_init();
    tables_load();
    trap_handlers[VECTOR_PF] = page_fault;
    pic_init(); // all lines masked: nothing but faults interrupts this guest
    paging_init();
    page_directory[PLAY >> 22] = (uint32_t)play_table | PTE_P | PTE_RW;
    paging_on();

    first_touch();
    touch_mapped();
    remap_loop();
    read_only();
    ad_bits();
    large_page();
    switch_cr3();

    print("true faults in all: ");
    print_dec(fault_count);
    print("\n");
    expect(fault_count == 10);
    print(wrong ? "fault: FAILED\n" : "fault: ok\n");
    finish(wrong == 0);
}
