/* The IOMMU's registers: commands, invalidation, fault records. See iommu.h. */
#include "sim/io/iommu.h"

#include <string.h>

enum { VER = 0x00, CAP = 0x08, ECAP = 0x10, GCMD = 0x18, GSTS = 0x1C, RTADDR = 0x20, CCMD = 0x28, FSTS = 0x34, FECTL = 0x38, FEDATA = 0x3C,
       FEADDR = 0x40, FEUADDR = 0x44, IVA = 0x100, IOTLB = 0x108, FRCD = 0x200 };
enum { FSTS_OVERFLOW = 1, FSTS_PENDING = 2, FECTL_PENDING = 0x40000000 };
#define FECTL_MASK 0x80000000u
#define BIT63 0x8000000000000000ull
#define RECORD_READ 0x4000000000000000ull
/* 256 domains; 30, 39 and 48 bits, addresses of 39; fault records at 200h, four of them; 2 MB pages; selective invalidation. */
#define CAPABILITIES (2ull | 7ull << 8 | 38ull << 16 | (uint64_t)(FRCD / 16) << 24 | 1ull << 34 | 1ull << 39 | (uint64_t)(IOMMU_FAULTS - 1) << 40 | \
                      9ull << 48 | 3ull << 54)
#define EXTENDED ((uint64_t)(IVA / 16) << 8)

/* ---- invalidation */

static void forget_contexts(struct iommu *u, uint64_t command)
{
    enum { GLOBAL = 1, DOMAIN, DEVICE };
    unsigned what = command >> 61 & 3;
    uint16_t domain = (uint16_t)command, source = (uint16_t)(command >> 16);
    uint16_t ignored = (uint16_t)((1u << (command >> 32 & 3)) - 1); /* of the function number's low bits */
    for (unsigned i = 0; i < IOMMU_CONTEXTS; i++) {
        struct iommu_context *c = &u->context[i];
        bool same = (uint16_t)(c->high >> 8) == domain;
        if (what == GLOBAL || (what == DOMAIN && same) || (what == DEVICE && same && !((c->source ^ source) & ~ignored))) c->known = false;
    }
}

static void forget_pages(struct iommu *u, uint64_t command)
{
    enum { GLOBAL = 1, DOMAIN, PAGE, MOST_MASK = 9 };
    unsigned what = command >> 60 & 3, order = u->flush_at & 0x3F;
    uint16_t domain = (uint16_t)(command >> 32);
    if (what == PAGE && order > MOST_MASK) what = DOMAIN; /* more than it offers: it may do more than asked */
    uint64_t size = (uint64_t)PAGE_SIZE << order, first = u->flush_at & ~(size - 1);
    for (unsigned i = 0; i < IOMMU_TLB; i++) {
        struct iommu_page *p = &u->tlb[i];
        bool same = p->domain == domain;
        if (what == GLOBAL || (what == DOMAIN && same) || (what == PAGE && same && p->page >= first && p->page < first + size)) p->known = false;
    }
}

/* The bits in which hardware says what it did are those in which software said what it wants, two lower. */
static uint64_t done(uint64_t command, unsigned asked, unsigned answer)
{
    uint64_t what = command >> asked & 3;
    return (command & ~BIT63 & ~(3ull << answer)) | what << answer;
}

/* ---- faults */

static void tell(struct iommu *u)
{
    if (u->fault_control & FECTL_MASK) {
        u->fault_control |= FECTL_PENDING;
        return;
    }
    u->fault_control &= ~(uint32_t)FECTL_PENDING;
    if (u->message.send) u->message.send(u->message.self, u->fault_at, u->fault_data);
}

static bool pending(const struct iommu *u)
{
    for (unsigned i = 0; i < IOMMU_FAULTS; i++)
        if (u->fault[i][1] & BIT63) return true;
    return false;
}

static bool same_as_before(const struct iommu *u, uint16_t source, uint32_t at)
{
    for (unsigned i = 0; i < IOMMU_FAULTS; i++)
        if ((u->fault[i][1] & BIT63) && (uint16_t)u->fault[i][1] == source && u->fault[i][0] == (at & PAGE_MASK)) return true;
    return false;
}

void iommu_refuse(struct iommu *u, uint16_t source, uint32_t at, bool write, enum iommu_fault why)
{
    uint64_t *record = u->fault[u->fault_next];
    if (u->fault_status & FSTS_OVERFLOW || same_as_before(u, source, at)) return; /* 3.8.2: alike ones may be collapsed */
    if (record[1] & BIT63) {
        u->fault_status |= FSTS_OVERFLOW;
        tell(u);
        return;
    }
    bool first = !pending(u);
    record[0] = at & PAGE_MASK;
    record[1] = BIT63 | (write ? 0 : RECORD_READ) | (uint64_t)why << 32 | source;
    if (first) u->fault_status = (u->fault_status & 0xFF) | (uint32_t)u->fault_next << 8;
    u->fault_next = (uint8_t)((u->fault_next + 1) % IOMMU_FAULTS);
    u->fault_status |= FSTS_PENDING;
    if (first) tell(u);
}

/* ---- registers, as doublewords */

static uint32_t half(uint64_t v, unsigned at) { return (uint32_t)(at & 4 ? v >> 32 : v); }

static uint32_t get(const struct iommu *u, unsigned at)
{
    if (at >= FRCD && at < FRCD + 16 * IOMMU_FAULTS) return half(u->fault[(at - FRCD) / 16][(at & 8) != 0], at);
    switch (at & ~7u) {
    case CAP: return half(CAPABILITIES, at);
    case ECAP: return half(EXTENDED, at);
    case RTADDR: return half(u->root_next, at);
    case CCMD: return half(u->command, at);
    case IVA: return half(u->flush_at, at);
    case IOTLB: return half(u->flush, at);
    }
    switch (at) {
    case VER: return 0x10;
    case GSTS: return u->status;
    case FSTS: return u->fault_status;
    case FECTL: return u->fault_control;
    case FEDATA: return u->fault_data;
    case FEADDR: return u->fault_at;
    case FEUADDR: return u->fault_at_high;
    }
    return 0;
}

static void put_half(uint64_t *v, unsigned at, uint32_t value)
{
    uint64_t high = at & 4 ? value : *v >> 32, low = at & 4 ? (uint32_t)*v : value;
    *v = high << 32 | low;
}

static void write_command(struct iommu *u, uint32_t v)
{
    u->status = (u->status & ~(uint32_t)IOMMU_TES) | (v & (uint32_t)IOMMU_TES);
    if (v & IOMMU_RTPS) {
        u->root = u->root_next;
        u->status |= IOMMU_RTPS;
    }
}

/* A record's F bit is cleared by writing a one. */
static void write_record(struct iommu *u, unsigned at, uint32_t v)
{
    uint64_t *high = &u->fault[(at - FRCD) / 16][1];
    if ((at & 12) == 12 && v >> 31) *high &= ~BIT63;
    if (!pending(u)) u->fault_status &= ~(uint32_t)FSTS_PENDING;
}

static void put(struct iommu *u, unsigned at, uint32_t v)
{
    if (at >= FRCD && at < FRCD + 16 * IOMMU_FAULTS) {
        write_record(u, at, v);
        return;
    }
    switch (at) {
    case GCMD: write_command(u, v); break;
    case RTADDR: case RTADDR + 4: put_half(&u->root_next, at, v); break;
    case CCMD: put_half(&u->command, at, v); break;
    case CCMD + 4:
        put_half(&u->command, at, v);
        if (!(u->command & BIT63)) break;
        forget_contexts(u, u->command);
        u->command = done(u->command, 61, 59);
        break;
    case IVA: case IVA + 4: put_half(&u->flush_at, at, v); break;
    case IOTLB: put_half(&u->flush, at, v); break;
    case IOTLB + 4:
        put_half(&u->flush, at, v);
        if (!(u->flush & BIT63)) break;
        forget_pages(u, u->flush);
        u->flush = done(u->flush, 60, 57);
        break;
    case FSTS: u->fault_status &= ~(v & FSTS_OVERFLOW); break;
    case FECTL:
        u->fault_control = (u->fault_control & FECTL_PENDING) | (v & FECTL_MASK);
        if (!(v & FECTL_MASK) && (u->fault_control & FECTL_PENDING)) tell(u);
        break;
    case FEDATA: u->fault_data = v & 0xFFFF; break;
    case FEADDR: u->fault_at = v & ~3u; break;
    case FEUADDR: u->fault_at_high = v; break;
    }
}

/* Registers are read and written as doublewords; software that uses quadwords comes as two. */
static uint32_t iommu_peek(const struct device *d, uint32_t offset, unsigned size)
{
    uint32_t v = get((const struct iommu *)d, offset & ~3u) >> 8 * (offset & 3);
    return size == 4 ? v : v & ((1u << 8 * size) - 1);
}

static uint32_t iommu_read(struct device *d, uint32_t offset, unsigned size) { return iommu_peek(d, offset, size); }

static void iommu_write(struct device *d, uint32_t offset, unsigned size, uint32_t value)
{
    if (size == 4 && !(offset & 3)) put((struct iommu *)d, offset, value);
}

static void iommu_reset(struct device *d)
{
    struct iommu *u = (struct iommu *)d;
    *u = (struct iommu){ .device = u->device, .bus = u->bus, .message = u->message, .fault_control = FECTL_MASK };
}

static const struct reg_desc regs[] = {
    { "status", offsetof(struct iommu, status), 4, 32, "translation on 80000000h, root table set 40000000h" },
    { "root", offsetof(struct iommu, root), 8, 64, "the root table" },
    { "fault_status", offsetof(struct iommu, fault_status), 4, 16, "overflow 1, pending 2, index of the first record" },
    { "fault0", offsetof(struct iommu, fault[0][0]), 8, 64, "the first record: the page" },
    { "fault0_why", offsetof(struct iommu, fault[0][1]), 8, 64, "present 2^63, read 2^62, reason, source" },
    { "hits", offsetof(struct iommu, hits), 8, 64, "in the IOTLB" },
    { "misses", offsetof(struct iommu, misses), 8, 64, "walks" },
    { "refs", offsetof(struct iommu, refs), 8, 64, "references to tables, 8 bytes each" },
    { "refused", offsetof(struct iommu, refused), 8, 64, "accesses refused" },
    { 0 },
};

static const struct device_ops ops = {
    .name = "iommu", .regs = regs, .reset = iommu_reset, .read = iommu_read, .write = iommu_write, .peek = iommu_peek,
};

void iommu_init(struct iommu *u, struct message_line message)
{
    *u = (struct iommu){ .device = { &ops }, .message = message };
    iommu_reset(&u->device);
}

bool iommu_attach(struct iommu *u, struct bus *b, struct err *e)
{
    u->bus = b;
    return bus_attach(b, BUS_MEM, IOMMU_BASE, IOMMU_SIZE, 0, &u->device, e);
}

struct dma_map iommu_map(struct iommu *u) { return (struct dma_map){ iommu_translate, u }; }
