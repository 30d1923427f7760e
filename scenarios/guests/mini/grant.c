// Grants: pages of ours that others may use, and pages of others.
//
// Idea: the table of grants is memory that the hypervisor reads; whoever grants writes an entry, and needs no hypercall. An entry is
// valid once its flags are written, so they come last; taken back it may be only while nobody uses it, which the hypervisor
// marks in the same word.
// Manual: Xen public headers, grant_table.h.
// Not here: transfers, more than one frame of the table.
#include "mini/kernel.h"
#include "mini/pv.h"

enum { GRANTS = PAGE / 8 };

extern volatile struct grant_entry grant_table[GRANTS]; // a page that is shown the hypervisor's frame
static bool ready;

static void init(void)
{
    uint32_t mfn = 0;
    struct grant_setup op = { .domain = DOMAIN_SELF, .frames = 1, .list = &mfn };
    if (hypercall(HC_GRANT_TABLE, GRANT_SETUP, &op, 1) || op.status) panic("no grant table: %d", op.status);
    map_machine((void *)grant_table, mfn);
    ready = true;
}

void grant_leaves(void)
{
    if (ready) map_own((void *)grant_table);
}

// Elsewhere the table is another one, and empty: what was granted is granted no longer.
void grant_arrives(bool stayed)
{
    (void)stayed;
    if (ready) init();
}

uint32_t grant_new(uint16_t domain, const void *page, bool readonly)
{
    if (!ready) init();
    for (uint32_t ref = GRANT_FIRST_FREE; ref < GRANTS; ref++) {
        volatile struct grant_entry *e = &grant_table[ref];
        if (e->flags) continue;
        e->domain = domain;
        e->mfn = machine_frame(kernel_to_physical(page));
        __asm__ volatile("" : : : "memory");
        e->flags = GRANT_ACCESS | (readonly ? GRANT_READONLY : 0);
        return ref;
    }
    return 0;
}

// If it is still in use, the entry stays: whoever crashed over there lets go when his domain ends.
void grant_end(uint32_t ref)
{
    if (!ref) return; // of a table that is no more
    uint16_t flags = grant_table[ref].flags;
    while (!(flags & GRANT_IN_USE)) {
        uint16_t found = flags;
        __asm__ volatile("lock cmpxchg %1, %2" : "+a"(found), "+m"(grant_table[ref].flags) : "r"((uint16_t)0) : "memory", "cc");
        if (found == flags) return;
        flags = found;
    }
}

bool grant_map(uint16_t domain, uint32_t ref, bool readonly, void *page, struct mapping *out)
{
    struct grant_map op = { .at = (uint32_t)page, .ref = ref, .domain = domain,
                            .flags = MAP_FOR_DEVICE | (page ? MAP_FOR_HOST : 0) | (readonly ? MAP_READONLY : 0) };
    if (hypercall(HC_GRANT_TABLE, GRANT_MAP, &op, 1) || op.status) return false;
    *out = (struct mapping){ op.handle, (uint32_t)op.bus, page };
    return true;
}

void grant_unmap(const struct mapping *m)
{
    struct grant_unmap op = { .at = (uint32_t)m->page, .bus = m->bus, .handle = m->handle };
    if (hypercall(HC_GRANT_TABLE, GRANT_UNMAP, &op, 1) || op.status) panic("a grant that cannot be unmapped: %d", op.status);
    if (m->page) map_own(m->page);
}

static bool copy(struct grant_copy op) { return !hypercall(HC_GRANT_TABLE, GRANT_COPY, &op, 1) && !op.status; }

static struct grant_copy_end own(const void *at)
{
    uint32_t physical = kernel_to_physical(at);
    return (struct grant_copy_end){ machine_frame(physical), DOMAIN_SELF, (uint16_t)(physical % PAGE) };
}

bool grant_read(uint16_t domain, uint32_t ref, uint32_t offset, void *to, uint32_t size)
{
    return copy((struct grant_copy){ { ref, domain, (uint16_t)offset }, own(to), (uint16_t)size, COPY_FROM_GRANT, 0, 0 });
}

bool grant_write(uint16_t domain, uint32_t ref, uint32_t offset, const void *from, uint32_t size)
{
    return copy((struct grant_copy){ own(from), { ref, domain, (uint16_t)offset }, (uint16_t)size, COPY_TO_GRANT, 0, 0 });
}
