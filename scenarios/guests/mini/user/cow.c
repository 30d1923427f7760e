// cow: what fork shares, and what a store makes of it.
#include "mini/user/user.h"

enum { PAGE_SIZE = 4096, PAGES = 16, STORED = 3 };

static struct counters before, after; // not on the stack: that is a page, too

static void store(char *pages, int count, char what)
{
    counters(&before);
    for (int i = 0; i < count; i++) pages[i * PAGE_SIZE] = what;
    counters(&after);
}

static int child(char *pages)
{
    store(pages, 1, 'p'); // the child's own stack and data are copied now, and one page
    store(pages + PAGE_SIZE, STORED, 'c');
    printf("child: stored into %d shared pages: %u copied, %u fewer frames free, %u fewer pages shared\n", STORED,
           after.cow_copies - before.cow_copies, before.free_frames - after.free_frames,
           before.shared_pages - after.shared_pages);
    store(pages + PAGE_SIZE, STORED, 'd');
    printf("child: stored again: %u copied\n", after.cow_copies - before.cow_copies);
    return pages[PAGE_SIZE] == 'd' && pages[(STORED + 1) * PAGE_SIZE] == 'p' ? 0 : 1;
}

int main(void)
{
    int status = 1;
    char *pages = sbrk(PAGES * PAGE_SIZE + PAGE_SIZE);
    pages = (char *)(((uint32_t)pages + PAGE_SIZE - 1) & ~(uint32_t)(PAGE_SIZE - 1));
    store(pages, 0, 0);
    store(pages, PAGES, 'p');
    printf("cow: %d pages touched: %u filled with zeros, %u fewer frames free\n", PAGES, after.demand_zero - before.demand_zero,
           before.free_frames - after.free_frames);
    int pid = fork();
    if (pid == 0) exit(child(pages));
    wait(&status);
    bool mine = pages[PAGE_SIZE] == 'p';
    store(pages, 0, 0);
    store(pages, PAGES, 'q');
    printf("parent: its pages are %s; stored into all %d: %u copied, %u made writable as they were\n",
           mine ? "as before" : "SPOILT", PAGES, after.cow_copies - before.cow_copies, after.cow_reuses - before.cow_reuses);
    return status || !mine;
}
