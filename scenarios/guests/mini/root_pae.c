// With PAE: what stands above the directories of an address space. Linked into mini-pae.elf and mini-pae-pv.elf only.
//
// Idea: a space has all directories of its user part from the beginning, three pages, so that nobody else need know of the level: paging.c
// asks for the entry that leads to a table, wherever that is. The kernel's part is the machine's affair (root_adopt).
// Manual: Intel SDM volume 3, 4.4 (the four entries are loaded with CR3).
#include "mini/kernel.h"

static pte_t *table_of(pte_t entry) { return physical_to_kernel(pte_physical(entry)); }

static pte_t *directory_new(void)
{
    uint32_t frame = frame_new();
    if (!frame) return NULL;
    table_adopt(physical_to_kernel(frame), LEVEL_DIRECTORY);
    return physical_to_kernel(frame);
}

static void let_go(pte_t *root)
{
    for (int i = 0; i < KERNEL_ENTRY; i++)
        if (root[i] & PTE_P) table_release(table_of(root[i]), LEVEL_DIRECTORY);
}

pte_t *root_new(void)
{
    uint32_t frame = frame_new();
    pte_t *root = physical_to_kernel(frame);
    bool ok = frame != 0;
    for (int i = 0; i < KERNEL_ENTRY && ok; i++) {
        pte_t *directory = directory_new();
        ok = directory != NULL;
        if (ok) root[i] = pte_make(kernel_to_physical(directory), PTE_P);
    }
    if (ok && root_adopt(root)) return root;
    if (!frame) return NULL;
    let_go(root);
    root_done(root);
    frame_drop(frame);
    return NULL;
}

void root_release(pte_t *root)
{
    root_abandon(root);
    let_go(root);
}

void root_done(pte_t *root)
{
    for (int i = 0; i < KERNEL_ENTRY; i++)
        if (root[i] & PTE_P) frame_drop(pte_physical(root[i]));
}
