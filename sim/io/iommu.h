/* The IOMMU: who stands between bus masters and memory.
 *
 * Idea: what paging does for a program, this does for a device. The number of whoever asks (bus, device, function) finds, through a root
 * table by bus and a context table by device and function, a domain and its second-level page tables; those turn the device's address
 * into a machine address, or the access is refused and written down as a fault. All tables lie in machine memory. What was looked up is
 * cached (contexts, and translations in the IOTLB) and stays until software invalidates it, however the tables change.
 *
 * Intel Virtualization Technology for Directed I/O, Architecture Specification 1.3: 3.4 (tables), 3.8 (faults), 6 (caching), 9.1-9.3, 10.4
 * (registers). At FED90000h; widths of 30, 39 and 48 bits (two to four levels); pages of 4 KB and 2 MB; 256 domains; four fault records;
 * register-based invalidation. Faults are told by a message to the local APIC. Not modelled: queued invalidation, interrupt remapping,
 * pass-through contexts, protected memory regions, device IOTLBs, advanced fault logging.
 * TOUR io.5: and who stands in between. */
#ifndef IO_IOMMU_H
#define IO_IOMMU_H

#include "sim/io/busmaster.h"

#define IOMMU_BASE 0xFED90000u
enum { IOMMU_SIZE = 0x1000, IOMMU_FAULTS = 4, IOMMU_CONTEXTS = 16, IOMMU_TLB = 64 };

/* Fault reasons, 3.8.1 and appendix A. */
enum iommu_fault { IOMMU_NO_ROOT = 1, IOMMU_NO_CONTEXT, IOMMU_BAD_CONTEXT, IOMMU_BEYOND, IOMMU_NO_WRITE, IOMMU_NO_READ, IOMMU_TABLE_ACCESS,
                   IOMMU_ROOT_ACCESS, IOMMU_CONTEXT_ACCESS, IOMMU_ROOT_RESERVED, IOMMU_CONTEXT_RESERVED, IOMMU_TABLE_RESERVED };

/* A message-signalled interrupt: a store of `data` to `at`. */
struct message_line {
    void (*send)(void *self, uint32_t at, uint32_t data); /* NULL: nobody listens */
    void *self;
};

struct iommu_context {
    uint64_t low, high;      /* the entry, 3.4.3 */
    uint16_t source;
    bool     known;
};
struct iommu_page {
    uint32_t page;           /* of the device's address */
    uint32_t frame;          /* machine page address */
    uint16_t domain;
    bool     known, read, write;
};

struct iommu {
    struct device  device;
    struct bus    *bus;
    struct message_line message;
    uint32_t status;         /* GSTS: TES, RTPS */
    uint64_t root, root_next; /* in use; as written to RTADDR */
    uint64_t command, flush, flush_at; /* CCMD, IOTLB, IVA */
    uint32_t fault_status, fault_control, fault_data, fault_at, fault_at_high;
    uint64_t fault[IOMMU_FAULTS][2];
    uint8_t  fault_next;
    struct iommu_context context[IOMMU_CONTEXTS];
    uint8_t  context_next;
    struct iommu_page tlb[IOMMU_TLB]; /* by page number */
    uint64_t hits, misses, refs, refused; /* IOTLB; references to tables; accesses refused */
};

void iommu_init(struct iommu *u, struct message_line message);
bool iommu_attach(struct iommu *u, struct bus *b, struct err *e);
/* What its bus masters are to ask. */
struct dma_map iommu_map(struct iommu *u);

/* Between iommu.c and iommu_walk.c. */
bool iommu_translate(void *iommu, uint16_t source, uint32_t at, bool write, uint32_t *to);
void iommu_refuse(struct iommu *u, uint16_t source, uint32_t at, bool write, enum iommu_fault why);
enum { IOMMU_TES = (int)0x80000000u, IOMMU_RTPS = 0x40000000 };

#endif
