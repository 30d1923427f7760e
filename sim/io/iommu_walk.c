/* From a device's number and address to a machine address. See iommu.h. */
#include "sim/io/iommu.h"

enum { ENTRY = 16, PRESENT = 1, FAULTS_OFF = 2, TYPE_SHIFT = 2, READ = 1, WRITE = 2, LARGE = 0x80, LEVEL_BITS = 9, LEAF_SHIFT = 12 };
enum { WIDTH_30, WIDTH_39, WIDTH_48, WIDTHS };
#define TABLE_MASK 0xFFFFFFFFFF000ull
#define ROOT_RESERVED 0xFFFFFF0000000FFEull  /* of the lower half: but P and the table's address */
#define CONTEXT_RESERVED 0xFFFFFF0000000FF0ull

static bool read64(struct iommu *u, uint64_t at, uint64_t *value)
{
    u->refs++;
    return at <= UINT32_MAX - 8 && bus_peek(u->bus, hpa((uint32_t)at), value, sizeof *value);
}

static struct iommu_context *cached(struct iommu *u, uint16_t source)
{
    for (unsigned i = 0; i < IOMMU_CONTEXTS; i++)
        if (u->context[i].known && u->context[i].source == source) return &u->context[i];
    return NULL;
}

static enum iommu_fault read_context(struct iommu *u, uint16_t source, struct iommu_context *c)
{
    uint64_t root, root_high, table = (u->root & TABLE_MASK) + (source >> 8) * ENTRY;
    if (!read64(u, table, &root) || !read64(u, table + 8, &root_high)) return IOMMU_ROOT_ACCESS;
    if (!(root & PRESENT)) return IOMMU_NO_ROOT;
    if ((root & ROOT_RESERVED) || root_high) return IOMMU_ROOT_RESERVED;
    table = (root & TABLE_MASK) + (source & 0xFF) * ENTRY;
    if (!read64(u, table, &c->low) || !read64(u, table + 8, &c->high)) return IOMMU_CONTEXT_ACCESS;
    if (!(c->low & PRESENT)) return IOMMU_NO_CONTEXT;
    if ((c->low & CONTEXT_RESERVED) || c->high >> 24) return IOMMU_CONTEXT_RESERVED;
    if ((c->low >> TYPE_SHIFT & 3) || (c->high & 7) >= WIDTHS) return IOMMU_BAD_CONTEXT;
    return 0;
}

/* The context of a device, cached if it is a good one. */
static enum iommu_fault find_context(struct iommu *u, uint16_t source, struct iommu_context *c)
{
    const struct iommu_context *have = cached(u, source);
    *c = have ? *have : (struct iommu_context){ .source = source, .known = true };
    enum iommu_fault why = have ? 0 : read_context(u, source, c);
    if (have || why) return why;
    u->context[u->context_next] = *c;
    u->context_next = (uint8_t)((u->context_next + 1) % IOMMU_CONTEXTS);
    return 0;
}

/* Rights are those of all levels together; a large page is one of the second. */
static enum iommu_fault walk(struct iommu *u, const struct iommu_context *c, uint32_t at, struct iommu_page *p)
{
    unsigned levels = (unsigned)(c->high & 7) + 2;
    uint64_t table = c->low & TABLE_MASK, entry = 0;
    p->read = p->write = true;
    if (levels == 2 && at >> 30) return IOMMU_BEYOND;
    for (unsigned level = levels; level; level--) {
        unsigned shift = LEAF_SHIFT + LEVEL_BITS * (level - 1);
        uint64_t index = shift >= 32 ? 0 : at >> shift & ((1u << LEVEL_BITS) - 1);
        if (!read64(u, table + 8 * index, &entry)) return IOMMU_TABLE_ACCESS;
        p->read &= entry & READ;
        p->write &= (entry & WRITE) != 0;
        if (!(entry & (READ | WRITE))) return 0; /* nobody may anything: the caller says so */
        bool large = entry & LARGE && level > 1;
        if (large && level != 2) return IOMMU_TABLE_RESERVED;
        table = entry & TABLE_MASK;
        if (!large) continue;
        if (table & 0x1FF000) return IOMMU_TABLE_RESERVED;
        table |= at & 0x1FF000;
        break;
    }
    if (table > UINT32_MAX) return IOMMU_TABLE_ACCESS;
    p->frame = (uint32_t)table;
    return 0;
}

static enum iommu_fault look_up(struct iommu *u, uint16_t source, uint32_t at, bool write, uint32_t *to, bool *quiet)
{
    struct iommu_context c;
    enum iommu_fault why = find_context(u, source, &c);
    *quiet = !why || why == IOMMU_BAD_CONTEXT ? c.low & FAULTS_OFF : false;
    if (why) return why;
    uint32_t page = at & PAGE_MASK;
    uint16_t domain = (uint16_t)(c.high >> 8);
    struct iommu_page *p = &u->tlb[(page >> PAGE_SHIFT) % IOMMU_TLB];
    if (p->known && p->page == page && p->domain == domain) u->hits++;
    else {
        struct iommu_page fresh = { .page = page, .domain = domain };
        u->misses++;
        why = walk(u, &c, at, &fresh);
        if (why) return why;
        fresh.known = fresh.read || fresh.write; /* what is not present is not cached: 6.1 */
        *p = fresh;
    }
    if (write ? !p->write : !p->read) return write ? IOMMU_NO_WRITE : IOMMU_NO_READ;
    *to = p->frame | (at & (PAGE_SIZE - 1));
    return 0;
}

bool iommu_translate(void *iommu, uint16_t source, uint32_t at, bool write, uint32_t *to)
{
    struct iommu *u = iommu;
    *to = at;
    if (!(u->status & (uint32_t)IOMMU_TES)) return true;
    bool quiet;
    enum iommu_fault why = look_up(u, source, at, write, to, &quiet);
    if (!why) return true;
    u->refused++;
    if (!quiet) iommu_refuse(u, source, at, write, why);
    return false;
}
