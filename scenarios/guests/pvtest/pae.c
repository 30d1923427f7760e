// Guest `pvtest`, built with PAE: an L3 and the directories that it names, what is allowed and what is not.
//
// Idea: the L3's last entry is the hypervisor's gigabyte, so its directory belongs to this L3 alone and stays; the others come and go, and
// the processor, which keeps all four in registers, must be told of it by the hypervisor.
// Manual: Xen 3 public headers, arch-x86_32.h (PAE); its mm.c (alloc_l3_table, mod_l3_entry).
#include "pvtest/pv.h"

static uint64_t l1[512] __attribute__((aligned(4096))), l2[512] __attribute__((aligned(4096))), l3[512] __attribute__((aligned(4096)));
static uint64_t top[512] __attribute__((aligned(4096)));
static uint32_t page[1024] __attribute__((aligned(4096)));
enum { FAR = 0x40000000, SLOT = FAR >> 30, LAST = 3, OWN = 428 /* entries of the last directory that are a kernel's */ };

static uint32_t read_only(const void *at) // its frame; as a table may be only what nobody can store to
{
    update_va((uint32_t)at, mfn_of(at) << 12 | PTE_P);
    return mfn_of(at);
}

static uint64_t entry(uint32_t mfn, uint32_t flags) { return mfn << 12 | flags; }

static void directories(uint32_t base)
{
    page[0] = 0x600D;
    l1[1] = entry(mfn_of(page), PTE_P | PTE_W);
    l2[0] = entry(mfn_of(l1), PTE_P | PTE_W | PTE_U);
    read_only(l1);
    uint32_t directory = read_only(l2);
    print_result("a directory in the L3", update_entry(base << 12 | SLOT * 8, directory << 12 | PTE_P, 0));
    require(*(volatile uint32_t *)(FAR + 4096) == 0x600D, "the processor walks it");
    print_result("and in its first entry, too", update_entry(base << 12, directory << 12 | PTE_P, 0));
    require(*(volatile uint32_t *)4096 == 0x600D, "so it does there");
    print_result("a page by address, there", update_va(FAR + 8192, mfn_of(page) << 12 | PTE_P));
    require(*(volatile uint32_t *)8192 == 0x600D, "one table, two places");
    require(!try_store((uint32_t)&l2[0], 0) && !try_store((uint32_t)&l1[0], 0), "its tables are read-only");
    print_result("out of the first", update_entry(base << 12, 0, 0));
    require(!try_load(4096), "nothing is there");
    print_result("out of the other", update_entry(base << 12 | SLOT * 8, 0, 0));
    require(!try_load(FAR + 4096), "nothing is there, either");
    print_result("its page is writable again", update_va((uint32_t)l2, directory << 12 | PTE_P | PTE_W));
}

static void another(uint32_t base)
{
    const uint64_t *old = (const uint64_t *)info->pt_base, *directory = (const uint64_t *)(info->pt_base + 4096);
    for (int n = 0; n < OWN; n++) top[n] = directory[n];
    l3[LAST] = old[LAST];
    uint32_t mfn = read_only(l3), own = read_only(top);
    print_result("an L3 with another's last directory", extended(PIN_L3, mfn, 0));
    update_va((uint32_t)l3, mfn << 12 | PTE_P | PTE_W);
    l3[LAST] = 0;
    read_only(l3);
    print_result("one without", extended(PIN_L3, mfn, 0));
    update_va((uint32_t)l3, mfn << 12 | PTE_P | PTE_W);
    l3[LAST] = entry(own, PTE_P);
    read_only(l3);
    print_result("one with its own", extended(PIN_L3, mfn, 0));
    print_result("is the base", extended(NEW_BASE, mfn, 0));
    page[0] = 0x600D600D;
    require(page[0] == 0x600D600D && M2P[mfn] == ((uint32_t)l3 - base_of_pages) >> 12, "kernel and hypervisor are where they were");
    print_result("its last directory as any directory", update_entry(mfn << 12, own << 12 | PTE_P, 0));
    print_result("back", extended(NEW_BASE, base, 0));
    print_result("unpin it", extended(UNPIN, mfn, 0));
    print_result("its directory is writable again", update_va((uint32_t)top, own << 12 | PTE_P | PTE_W));
}

static void refused(uint32_t base)
{
    uint32_t at = machine_of(table_entry((uint32_t)page)), self = mfn_of(page);
    print_result("a frame beyond 4 GB", update_entry(at, self << 12 | PTE_P, 1));
    print_result("a reserved bit", update_entry(at, self << 12 | PTE_P, 1u << 31));
    print_result("the same by address", hypercall(CALL_UPDATE_VA_MAPPING, (uint32_t)page, self << 12 | PTE_P, 0x10, UVMF_INVLPG));
    print_result("another last directory", update_entry(base << 12 | LAST * 8, mfn_of(top) << 12 | PTE_P, 0));
    print_result("none", update_entry(base << 12 | LAST * 8, 0, 0));
    print_result("an entry behind them", update_entry(base << 12 | 4 * 8, 0, 0));
    l2[0] = 0;
    print_result("a directory with rights in the L3", update_entry(base << 12, read_only(l2) << 12 | PTE_P | PTE_W | PTE_U, 0));
    print_result("which are taken out", (int)(*(volatile uint32_t *)info->pt_base & 0xFFF));
    print_result("it goes", update_entry(base << 12, 0, 0));
    print_result("a directory not to be cached", update_entry(base << 12, mfn_of(l2) << 12 | PTE_P | 1u << 4, 0));
    print_result("a page table as a directory", update_entry(base << 12, mfn_of(table_entry((uint32_t)page)) << 12 | PTE_P, 0));
    print_result("an entry of the hypervisor's", update_entry(mfn_of((void *)(info->pt_base + 4096)) << 12 | OWN * 8, self << 12 | PTE_P, 0));
    print_result("a page that is a table, as base", extended(NEW_BASE, mfn_of(l2), 0));
    print_result("the page as it was", update_va((uint32_t)page, self << 12 | PTE_P | PTE_W));
}

LANDMARK void three_levels(void)
{
    uint32_t base = mfn_of((void *)info->pt_base);
    directories(base);
    another(base);
    refused(base);
}
